"""Deleted runs: `.trash/<time>/<id>` in the folder of runs, from where they are restored, or removed for good.

The folder of a time holds what one command has deleted, and is restored as a whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.store.catalog import TRASH
from cifar_tui.store.order import moving
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import trees
from cifar_tui.system.folders import Folder

KEPT_DAYS = 30
"""How long `prune --trash` keeps what is deleted."""
_FORMAT = "%Y%m%d-%H%M%S-%f"


@dataclass(frozen=True, slots=True)
class DeletedRun:
    """A run in the trash.

    Attributes:
        folder: Where it is now.
        deleted: When it was deleted, in UTC.
    """

    folder: RunFolder
    deleted: datetime

    @property
    def id(self) -> str:
        """As before."""
        return self.folder.id

    @property
    def runs_dir(self) -> Path:
        """The folder of runs that it was in."""
        return self.folder.path.parents[2]


def delete(folder: RunFolder, now: datetime) -> None:
    """Move a run to the trash of its folder of runs.

    Args:
        folder: The run.
        now: The present time; the same for all that are to be restored together.

    Raises:
        InputError: It is trained, is in the trash already, or may not be moved.
    """
    if TRASH in folder.path.absolute().parts:
        raise InputError(f"{folder.path} is in the trash already; `prune --trash` removes what is there")
    trash = _trash(folder.path.parent)
    batch = trash.folder(f"{now.astimezone(UTC):{_FORMAT}}")
    try:
        trash.make()
        batch.make()
    except OSError as error:
        raise InputError(f"{folder.id} cannot be deleted: {trash.path}: {error.strerror}") from None
    try:
        moving.move(folder, batch, folder.id, "deleted")
    except InputError:
        _tidy(trash, batch)
        raise


def restore(run: DeletedRun) -> RunFolder:
    """Move a deleted run back.

    Raises:
        InputError: Another run is called so now, or it may not be moved.
    """
    restored = moving.move(run.folder, Folder(run.runs_dir), run.id, "restored")
    _tidy(*_places(run))
    return restored


def remove(run: DeletedRun) -> None:
    """Remove a deleted run for good.

    Raises:
        InputError: It is trained where it is, or something in it may not be removed.
    """
    moving.check_idle([run.folder], "removed")
    trash, batch = _places(run)
    try:
        trees.remove(batch, run.id)
    except OSError as error:
        raise InputError(f"{run.folder.path} cannot be removed: {error.strerror or error}") from None
    _tidy(trash, batch)


def deleted_runs(runs_dir: Path) -> list[DeletedRun]:
    """All runs in the trash, those that were deleted last first."""
    trash = _trash(runs_dir)
    found = [(time, run_id) for time in _names(trash) for run_id in _names(trash.folder(time))]
    return [
        DeletedRun(RunFolder(trash.path / time / run_id), deleted)
        for time, run_id in sorted(found, reverse=True)
        if (deleted := _time(time)) is not None and trash.folder(time).is_folder(run_id)
    ]


def last_deleted(runs_dir: Path) -> list[DeletedRun]:
    """What was deleted last, by one command.

    Raises:
        InputError: The trash is empty.
    """
    found = deleted_runs(runs_dir)
    if not found:
        raise InputError(f"the trash of {str(runs_dir)!r} is empty: there is nothing to restore")
    return [run for run in found if run.deleted == found[0].deleted]


def find_deleted(runs_dir: Path, text: str) -> DeletedRun:
    """The deleted run that `text` names: its id or a part of it; of several of one id, the one deleted last.

    Raises:
        InputError: There is none, or more than one.
    """
    found = deleted_runs(runs_dir)
    matching = {run.id: run for run in reversed(found) if run.id == text} or {
        run.id: run for run in reversed(found) if text and text in run.id
    }
    if len(matching) == 1:
        return next(iter(matching.values()))
    if matching:
        raise InputError(f"{text!r} is part of {len(matching)} deleted runs, {', '.join([*matching][:5])}; give more")
    raise InputError(f"no deleted run {text!r} in the trash of {str(runs_dir)!r}")


def _trash(runs_dir: Path) -> Folder:
    # What is written goes to no folder that is a link itself, but the user's folder of runs may be one.
    return Folder(Path(os.path.realpath(runs_dir)), TRASH)


def _places(run: DeletedRun) -> tuple[Folder, Folder]:
    """The trash, and the folder of the time in it."""
    trash = _trash(run.runs_dir)
    return trash, trash.folder(run.folder.path.parent.name)


def _tidy(trash: Folder, batch: Folder) -> None:
    """Remove both where they are empty."""
    trees.remove_empty(trash, batch.path.name)
    trees.remove_empty(Folder(trash.path.parent), TRASH)


def _names(folder: Folder) -> Iterator[str]:
    with contextlib.suppress(OSError):
        yield from folder.names()


def _time(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
