"""What a run's folder says of how it is set up again, on this machine and where its images and its class are now."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cifar_tui.config import NAMED_DATA, PATH_OPTIONS, TrainingConfig, is_path
from cifar_tui.errors import InputError
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.stored import AS_MADE, ImagePlace, Overrides, Stored
from cifar_tui.system.paths import absolute, check_path

RELATIVE = "relative"
"""In `config.json`: the paths among the options, relative to the folder that the folder of runs is in."""


def stored_run(folder: RunFolder, given: Overrides = AS_MADE) -> Stored:
    """What a run in a folder needs to be set up here.

    Its paths are looked for where they were, and then where they are by their place beside the folder of runs: the
    folder of all of it may have been moved, or mounted elsewhere.

    Args:
        folder: The run's.
        given: What a person gives instead of what it was made with.

    Raises:
        InputError: Its `config.json` is missing or damaged, or what is given is out of range.
    """
    record, made = folder.read_record(), folder.read_options()
    moved = _moved(record, folder)
    chosen = {
        field: value for field in ("device", "precision", "threads") if (value := getattr(given, field)) is not None
    }
    model_dir = made.model_dir
    if given.model_dir is not None:
        model_dir = str(absolute(given.model_dir))
    elif model_dir is not None:
        model_dir = next(iter(_there([model_dir, *moved.get("model_dir", ())])), model_dir)
    return Stored(
        id=folder.id,
        config=replace(made, **chosen, model_dir=model_dir),
        given=given,
        places=_given_place(made, given.data) if given.data is not None else _places(made, moved),
        rules=record["dataset"]["rules"],
        fingerprint=record["dataset"]["fingerprint"],
        device=record["device"],
        device_name=record["device_name"],
        precision=record["precision"],
        threads=record["threads"],
        versions={key: value for key, value in record["versions"].items() if isinstance(value, str)},
        chosen_threads=bool(record["options"]["threads"]) or given.threads is not None,
    )


def relative_paths(options: Mapping[str, Any], runs_dir: Path) -> dict[str, str]:
    """The paths among a run's options, relative to the folder that its folder of runs is in.

    Those of what lies in that folder, or beside it, and so may be moved with it.
    """
    base = absolute(runs_dir).parent
    found = {field: os.path.relpath(absolute(value), base) for field, value in options.items() if is_path(field, value)}
    return {field: path for field, path in found.items() if Path(path).parts[:2] != ("..", "..")}


def remember(folder: RunFolder, config: TrainingConfig) -> None:
    """Keep where a run's images and its class were found, for the next time.

    Raises:
        InputError: Its `config.json` is missing or damaged.
        OSError: It could not be written.
    """
    content = folder.read_config()
    options = content["options"] | {key: value for key, value in config.to_dict().items() if key in PATH_OPTIONS}
    changed = {"options": options, RELATIVE: relative_paths(options, folder.path.parent)}
    if config.data not in NAMED_DATA:
        changed["dataset"] = content["dataset"] | {"name": config.data}
    folder.write_config(content | changed)


def _moved(record: Mapping[str, Any], folder: RunFolder) -> dict[str, list[str]]:
    """The paths among its options as they are by their place beside the folder of runs.

    That is where the run is found; and, where its folder is a link, where that leads.
    """
    kept, found = record.get(RELATIVE), dict[str, list[str]]()
    if not isinstance(kept, dict):
        return found
    places = (absolute(folder.path), Path(os.path.realpath(folder.path)))
    for field, path in kept.items():
        if is_path(field, path) and not Path(path).is_absolute():
            with contextlib.suppress(InputError):  # Whoever wrote it, it may be no path.
                check_path(field, path)
                found[field] = [os.path.normpath(place.parent.parent / path) for place in places]
    return found


def _given_place(made: TrainingConfig, data: str) -> tuple[ImagePlace, ...]:
    if data in NAMED_DATA:
        return (ImagePlace(data=data, data_dir=None),)
    path = str(absolute(data))
    if made.data == "cifar10":
        return (ImagePlace(data="cifar10", data_dir=path),)
    return (ImagePlace(data=path, data_dir=None),)


def _places(made: TrainingConfig, moved: Mapping[str, list[str]]) -> tuple[ImagePlace, ...]:
    """Where the images may be: of the places that there are, those that are there; all, where none is."""
    if made.data == "cifar10" and made.data_dir is not None:
        known = [made.data_dir, *moved.get("data_dir", ())]
        return tuple(ImagePlace(data="cifar10", data_dir=path) for path in _there(known) or [made.data_dir])
    if made.data in NAMED_DATA:
        return (ImagePlace(data=made.data, data_dir=None),)
    known = [*dict.fromkeys([made.data, *moved.get("data", ())])]
    return tuple(ImagePlace(data=path, data_dir=None) for path in _there(known) or known)


def _there(paths: Iterable[str]) -> list[str]:
    return [path for path in dict.fromkeys(paths) if os.path.exists(path)]  # noqa: PTH110  (it raises for no path)
