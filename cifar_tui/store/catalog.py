"""All runs of a folder: listing them, finding one by its name, and watching them for changes."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.events import RunStatus
from cifar_tui.formatting import shortened
from cifar_tui.records import Summary
from cifar_tui.state.run_state import RunState
from cifar_tui.store.command_lines import list_command, shell_line
from cifar_tui.store.lock import is_held
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.paths import expand_path

FILES = ("config.json", "events.jsonl", "summary.json")
"""A folder that has any of these files is a run, damaged or not."""
MOST_NAMED = 5
"""Runs that a message names, of those that it is about."""
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
        return any((path / name).is_file() for name in FILES)
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


@dataclass(slots=True)
class _Seen:
    """A run at the last poll.

    Attributes:
        stamp: When its summary was replaced, and by which file; None where it has none.
    """

    stamp: tuple[int, int] | None
    summary: Summary


class Watcher:
    """Polls the runs of a folder at little cost: a summary is read where it was replaced, a lock where one was held."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._seen: dict[str, _Seen] = {}

    def poll(self) -> list[tuple[RunFolder, Summary]]:
        """The runs, newest first, whose summaries have changed since the last poll; the first one finds all."""
        changed = []
        for folder in run_folders(self._runs_dir):
            seen, stamp = self._seen.get(folder.id), _stamp(folder)
            if seen is not None and seen.stamp == stamp and seen.summary.state not in UNDER_WAY:
                continue
            summary = summary_of(folder)
            if seen is None or seen.summary != summary:
                changed.append((folder, summary))
            self._seen[folder.id] = _Seen(stamp, summary)
        return changed


def _stamp(folder: RunFolder) -> tuple[int, int] | None:
    status = folder.files.status(folder.summary_file.name)
    return None if status is None else (status.st_mtime_ns, status.st_ino)
