"""All runs of a folder: listing them, finding one by its name, and watching them for changes."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.events import RunStatus
from cifar_tui.formatting import shortened
from cifar_tui.records import Labels, Summary
from cifar_tui.state.run_state import RunState
from cifar_tui.store.command_lines import list_command, shell_line
from cifar_tui.store.lock import is_held
from cifar_tui.store.run_folder import LABELS, SUMMARY, RunFolder
from cifar_tui.system.paths import expand_path

FILES = ("config.json", "events.jsonl", "summary.json")
"""A folder that has any of these files is a run, damaged or not."""
MOST_NAMED = 5
"""Runs that a message names, of those that it is about."""
TIME = len("YYYYMMDD-HHMMSS-")
"""Characters at the beginning of an id: when the run was started."""
TRASH = ".trash"
"""In a folder of runs, where deleted ones are."""
UNDER_WAY: tuple[RunStatus, ...] = ("running", "paused")


def run_folders(runs_dir: Path) -> list[RunFolder]:
    """The runs of `runs_dir`, newest first; other folders are left out."""
    try:
        entries = [entry for entry in runs_dir.iterdir() if _is_run(entry)]
    except OSError:
        return []
    return [RunFolder(path) for path in sorted(entries, key=lambda path: path.name, reverse=True)]


def _is_run(path: Path) -> bool:
    try:
        return path.name != TRASH and any((path / name).is_file() for name in FILES)
    except OSError:  # It cannot be read; the others are listed all the same.
        return False


def summaries(runs_dir: Path) -> list[Summary]:
    """The summaries of all runs, newest first."""
    return [summary_of(folder) for folder in run_folders(runs_dir)]


def summary_of(folder: RunFolder) -> Summary:
    """A run's live summary; that of a damaged run has the state `failed`, and the error as its message."""
    try:
        return live_summary(folder)
    except InputError as error:
        state: RunStatus = "running" if is_held(folder.path) else "failed"
        return Summary(id=folder.id, state=state, message=str(error))


def live_summary(folder: RunFolder) -> Summary:
    """A run's summary with its current state: a run whose process died is `interrupted`.

    Raises:
        InputError: It is missing or damaged.
    """
    summary = folder.read_summary()
    if summary.state in UNDER_WAY and not is_held(folder.path):
        return replace(summary, state="interrupted", message="its process died")
    return summary


def live_state(folder: RunFolder) -> RunState:
    """The state that a run's events make, with its current status: a run whose process died is `interrupted`.

    Raises:
        InputError: They cannot be read.
    """
    state = folder.read_state()
    dead = state.status in UNDER_WAY and not is_held(folder.path)
    return replace(state, status="interrupted") if dead else state


def check_resumable(folder: RunFolder) -> None:
    """Check that a run may be resumed, as far as its summary tells.

    Raises:
        InputError: It is finished, or a live process trains it.
    """
    try:
        state = live_summary(folder).state
    except InputError:
        return  # Its events tell.
    if state == "finished":
        raise InputError(f"{folder.id} is finished; start a new run to train longer")
    if state == "running":
        raise InputError(f"{folder.id} is being trained right now; `cifar-tui attach {folder.id}` watches it")


def is_paused(folder: RunFolder) -> bool:
    """Whether a live process has paused the run."""
    try:
        return live_summary(folder).state == "paused"
    except InputError:
        return False


def find(runs_dir: Path, text: str) -> RunFolder:
    """The run that `text` names: its id, or a part of it that no other has.

    Raises:
        InputError: There is none, or more than one.
    """
    folders = {folder.id: folder for folder in run_folders(runs_dir)}
    if not folders:
        what = "no runs in" if runs_dir.is_dir() or not os.path.lexists(runs_dir) else "there is no folder"
        raise InputError(f"{what} {str(runs_dir)!r}; give the right --runs-dir")
    if text in folders:
        return folders[text]
    matching = [run_id for run_id in folders if text and text in run_id]
    if len(matching) == 1:
        return folders[matching[0]]
    if matching:
        raise InputError(f"{text!r} is part of {len(matching)} runs: {_some(matching)}; give more of its id")
    close = difflib.get_close_matches(text, folders, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"`{shell_line(list_command(str(runs_dir)))}` lists them"
    raise InputError(f"no run {text!r} in {str(runs_dir)!r}; {hint}")


def find_under_way(runs_dir: Path) -> RunFolder:
    """The only run that a live process trains.

    Raises:
        InputError: There is none, or more than one.
    """
    found = [folder for folder in run_folders(runs_dir) if summary_of(folder).state in UNDER_WAY]
    if len(found) == 1:
        return found[0]
    listing = f"`{shell_line(list_command(str(runs_dir)))}` lists all"
    if not found:
        raise InputError(f"no run in {str(runs_dir)!r} is under way; name one, {listing}")
    names = _some([folder.id for folder in found])
    raise InputError(f"{len(found)} runs are under way: {names}; name one, {listing}")


def _some(ids: Sequence[str]) -> str:
    """The first few of these."""
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    return f"{', '.join(ids[:MOST_NAMED])}{more}"


def is_path(text: str) -> bool:
    """Whether this is the path of a folder, which no run's id is."""
    return "/" in text or text in (".", "..")


def find_by_path(text: str) -> RunFolder:
    """The run in the folder at this path, wherever that is.

    Raises:
        InputError: There is none.
    """
    with contextlib.suppress(OSError, ValueError):  # The text is no path at all, or leads in a circle.
        path = Path(expand_path("run", text))
        if path.name in ("", ".."):
            path = path.resolve()
        if _is_run(path):
            return RunFolder(path)
    raise InputError(f"there is no run at {shortened(text)}; `cifar-tui runs` lists the runs of a folder")


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """What has changed in a folder of runs since the last poll."""

    summaries: list[tuple[RunFolder, Summary]] = field(default_factory=list)
    """Runs, newest first, that are new, or whose summaries have changed."""
    labels: list[tuple[RunFolder, Labels]] = field(default_factory=list)
    """Those that have labels, or whose labels have changed."""
    renamed: list[tuple[RunFolder, RunFolder]] = field(default_factory=list)
    """Runs whose folders have another name now: as they were, and as they are."""
    gone: list[RunFolder] = field(default_factory=list)
    """Runs whose folders are there no more."""


Stamp = tuple[int, int] | None
"""When a file was replaced, and by which one; None where there is none."""


@dataclass(slots=True)
class _Seen:
    """A run at the last poll.

    Attributes:
        folder: Its folder.
        identity: What stays when that is renamed; None where it could not be read.
        stamp: Of its summary.
        labels: Of its labels.
    """

    folder: RunFolder
    identity: tuple[int, int] | None
    stamp: Stamp
    labels: Stamp
    summary: Summary


class Watcher:
    """Polls the runs of a folder at little cost: a summary is read where it was replaced, a lock where one was held."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._seen: dict[str, _Seen] = {}

    def poll(self) -> FolderChanges:
        """What has changed since the last poll; the first one finds all runs."""
        changes, folders = FolderChanges(), run_folders(self._runs_dir)
        self._find_missing({folder.id: folder for folder in folders}, changes)
        for folder in folders:
            seen = self._seen.get(folder.id)
            stamp, labels = _stamp(folder, SUMMARY), _stamp(folder, LABELS)
            if labels != (None if seen is None else seen.labels):
                changes.labels.append((folder, folder.read_labels()))
            if seen is not None:
                seen.labels = labels
            if seen is not None and seen.stamp == stamp and seen.summary.state not in UNDER_WAY:
                continue
            summary = summary_of(folder)
            if seen is None or seen.summary != summary:
                changes.summaries.append((folder, summary))
            identity = seen.identity if seen is not None else _identity(folder)
            self._seen[folder.id] = _Seen(folder, identity, stamp, labels, summary)
        return changes

    def _find_missing(self, found: dict[str, RunFolder], changes: FolderChanges) -> None:
        """Forget the runs that are there no more, and find those of them that have another name."""
        missing = [seen for run_id, seen in self._seen.items() if run_id not in found and _is_gone(seen.folder)]
        if not missing:
            return
        new = {_identity(folder): folder for run_id, folder in found.items() if run_id not in self._seen}
        for seen in missing:
            del self._seen[seen.folder.id]
            renamed = new.get(seen.identity) if seen.identity is not None else None
            # A new folder may have the number of one that was removed; a run that is renamed keeps its time.
            if renamed is not None and renamed.id[:TIME] == seen.folder.id[:TIME]:
                changes.renamed.append((seen.folder, renamed))
            else:
                changes.gone.append(seen.folder)


def _stamp(folder: RunFolder, name: str) -> Stamp:
    status = folder.files.status(name)
    return None if status is None else (status.st_mtime_ns, status.st_ino)


def _identity(folder: RunFolder) -> tuple[int, int] | None:
    try:
        status = folder.path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_gone(folder: RunFolder) -> bool:
    """Whether its folder is there no more; where that cannot be told, such as over a lost network, it is not."""
    try:
        folder.path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
