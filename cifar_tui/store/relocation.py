"""What a run's folder says of how it is set up again, on this machine and where its images and its class are now."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from cifar_tui.config import NAMED_DATA, TrainingConfig, is_path
from cifar_tui.errors import InputError
from cifar_tui.records import NO_OVERRIDES, DataLocation, Overrides, RunRecord, StoredRun
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.paths import absolute, check_path


def stored_run(folder: RunFolder, given: Overrides = NO_OVERRIDES) -> StoredRun:
    """What a run in a folder needs to be set up here.

    Its paths are looked for where they were, and then where they are by their place beside the folder of runs: the
    folder of all of it may have been moved, or mounted elsewhere.

    Args:
        folder: The run's.
        given: What a person gives instead of what it was made with.

    Raises:
        InputError: Its `config.json` is missing or damaged, or what is given is out of range.
    """
    record = folder.read_record()
    made = record.resolved_options
    moved = _moved(record, folder)
    chosen = {
        field: value for field in ("device", "precision", "threads") if (value := getattr(given, field)) is not None
    }
    model_dir = made.model_dir
    if given.model_dir is not None:
        model_dir = str(absolute(given.model_dir))
    elif model_dir is not None:
        model_dir = next(iter(_there([model_dir, *moved.get("model_dir", ())])), model_dir)
    return StoredRun(
        id=folder.id,
        config=replace(made, **chosen, model_dir=model_dir),
        overrides=given,
        locations=_given_place(made, given.data) if given.data is not None else _places(made, moved),
        rules=record.dataset.rules,
        fingerprint=record.dataset.fingerprint,
        device=record.device,
        device_name=record.device_name,
        precision=record.precision,
        threads=record.threads,
        versions=record.versions,
        threads_chosen=bool(record.options.threads) or given.threads is not None,
    )


def relative_paths(options: TrainingConfig, runs_dir: Path) -> dict[str, str]:
    """The paths among a run's options, relative to the folder that its folder of runs is in.

    Those of what lies in that folder, or beside it, and so may be moved with it.
    """
    base = absolute(runs_dir).parent
    paths = {field: value for field, value in options.to_dict().items() if is_path(field, value)}
    found = {field: os.path.relpath(absolute(path), base) for field, path in paths.items()}
    return {field: path for field, path in found.items() if Path(path).parts[:2] != ("..", "..")}


def remember(folder: RunFolder, config: TrainingConfig) -> None:
    """Keep where a run's images and its class were found, for the next time.

    Raises:
        InputError: Its `config.json` is missing or damaged.
        OSError: It could not be written.
    """
    record = folder.read_record()
    options = replace(record.options, data=config.data, data_dir=config.data_dir, model_dir=config.model_dir)
    dataset = record.dataset if config.data in NAMED_DATA else replace(record.dataset, name=config.data)
    relative = relative_paths(options, folder.path.parent)
    folder.write_record(replace(record, options=options, dataset=dataset, relative=relative))


def _moved(record: RunRecord, folder: RunFolder) -> dict[str, list[str]]:
    """The paths among its options as they are by their place beside the folder of runs.

    That is where the run is found; and, where its folder is a link, where that leads.
    """
    found = dict[str, list[str]]()
    places = (absolute(folder.path), Path(os.path.realpath(folder.path)))
    for field, path in record.relative.items():
        if is_path(field, path) and not Path(path).is_absolute():
            with contextlib.suppress(InputError):  # Whoever wrote it, it may be no path.
                check_path(field, path)
                found[field] = [os.path.normpath(place.parent.parent / path) for place in places]
    return found


def _given_place(made: TrainingConfig, data: str) -> tuple[DataLocation, ...]:
    if data in NAMED_DATA:
        return (DataLocation(data=data, data_dir=None),)
    path = str(absolute(data))
    if made.data == "cifar10":
        return (DataLocation(data="cifar10", data_dir=path),)
    return (DataLocation(data=path, data_dir=None),)


def _places(made: TrainingConfig, moved: Mapping[str, list[str]]) -> tuple[DataLocation, ...]:
    """Where the images may be: of the places that there are, those that are there; all, where none is."""
    if made.data == "cifar10" and made.data_dir is not None:
        known = [made.data_dir, *moved.get("data_dir", ())]
        return tuple(DataLocation(data="cifar10", data_dir=path) for path in _there(known) or [made.data_dir])
    if made.data in NAMED_DATA:
        return (DataLocation(data=made.data, data_dir=None),)
    known = [*dict.fromkeys([made.data, *moved.get("data", ())])]
    return tuple(DataLocation(data=path, data_dir=None) for path in _there(known) or known)


def _there(paths: Iterable[str]) -> list[str]:
    return [path for path in dict.fromkeys(paths) if os.path.exists(path)]  # noqa: PTH110  (it raises for no path)
