"""Setting up a stored run on this machine, where its images and its class may be at other paths."""

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


def stored_run(folder: RunFolder, overrides: Overrides = NO_OVERRIDES) -> StoredRun:
    """A run in a folder, as it is to be set up here.

    Its paths are looked up where they were, and then relative to the folder of runs: the folder around both may have
    been moved, or mounted elsewhere.

    Raises:
        InputError: Its `config.json` is missing or damaged, or an override is out of range.
    """
    record = folder.read_record()
    original = record.resolved_options
    moved = _moved_paths(record, folder)
    fields = ("device", "devices", "precision", "threads")
    chosen = {field: value for field in fields if (value := getattr(overrides, field)) is not None}
    model_dir = original.model_dir
    if overrides.model_dir is not None:
        model_dir = str(absolute(overrides.model_dir))
    elif model_dir is not None:
        model_dir = next(iter(_existing([model_dir, *moved.get("model_dir", ())])), model_dir)
    return StoredRun(
        id=folder.id,
        config=replace(original, **chosen, model_dir=model_dir),
        overrides=overrides,
        locations=_locations(original, moved) if overrides.data is None else _given_location(original, overrides.data),
        rules=record.dataset.rules,
        fingerprint=record.dataset.fingerprint,
        device=record.device,
        device_name=record.device_name,
        precision=record.precision,
        threads=record.threads,
        versions=record.versions,
        draws=record.draws,
        threads_chosen=bool(record.options.threads) or overrides.threads is not None,
        processes=max(1, len(record.processes)),
    )


def relative_paths(options: TrainingConfig, runs_dir: Path) -> dict[str, str]:
    """The paths among a run's options, relative to the parent of its folder of runs.

    Only those in that parent, or beside it, which may be moved together.
    """
    base = absolute(runs_dir).parent
    paths = {field: value for field, value in options.to_dict().items() if is_path(field, value)}
    found = {field: os.path.relpath(absolute(path), base) for field, path in paths.items()}
    return {field: path for field, path in found.items() if Path(path).parts[:2] != ("..", "..")}


def save_paths(folder: RunFolder, config: TrainingConfig) -> None:
    """Record where a run's images and its class were found, for the next time.

    Raises:
        InputError: Its `config.json` is missing or damaged.
        OSError: It could not be written.
    """
    record = folder.read_record()
    options = replace(record.options, data=config.data, data_dir=config.data_dir, model_dir=config.model_dir)
    paths = {"data": options.data, "data_dir": options.data_dir, "model_dir": options.model_dir}
    dataset = record.dataset.name if config.data in NAMED_DATA else config.data
    folder.update_paths(paths, dataset, relative_paths(options, folder.path.parent))


def _moved_paths(record: RunRecord, folder: RunFolder) -> dict[str, list[str]]:
    """The paths among its options, resolved against the parent of its present folder of runs.

    Where its folder is a link, also against that of the link's target.
    """
    found = dict[str, list[str]]()
    places = (absolute(folder.path), Path(os.path.realpath(folder.path)))
    for field, path in record.relative.items():
        if is_path(field, path) and not Path(path).is_absolute():
            with contextlib.suppress(InputError):  # Anybody may have written it; it may be no path.
                check_path(field, path)
                found[field] = [os.path.normpath(place.parent.parent / path) for place in places]
    return found


def _given_location(original: TrainingConfig, data: str) -> tuple[DataLocation, ...]:
    if data in NAMED_DATA:
        return (DataLocation(data=data, data_dir=None),)
    path = str(absolute(data))
    if original.data == "cifar10":
        return (DataLocation(data="cifar10", data_dir=path),)
    return (DataLocation(data=path, data_dir=None),)


def _locations(original: TrainingConfig, moved: Mapping[str, list[str]]) -> tuple[DataLocation, ...]:
    """Where the images may be: the known places that exist; all, where none does."""
    if original.data == "cifar10" and original.data_dir is not None:
        known = [original.data_dir, *moved.get("data_dir", ())]
        return tuple(DataLocation(data="cifar10", data_dir=path) for path in _existing(known) or [original.data_dir])
    if original.data in NAMED_DATA:
        return (DataLocation(data=original.data, data_dir=None),)
    known = [*dict.fromkeys([original.data, *moved.get("data", ())])]
    return tuple(DataLocation(data=path, data_dir=None) for path in _existing(known) or known)


def _existing(paths: Iterable[str]) -> list[str]:
    return [path for path in dict.fromkeys(paths) if os.path.exists(path)]  # noqa: PTH110  (it raises for no path)
