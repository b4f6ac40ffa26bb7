"""All runs of a folder: their list, and the one that a person means."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened
from cifar_tui.state import RunState
from cifar_tui.store.commands import list_command, shell_line
from cifar_tui.store.lock import is_held
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.paths import expand_path

OWN = ("config.json", "events.jsonl", "summary.json")
"""A folder that has any of these is a run, damaged or not."""
MOST_FIGURES, MOST_TEXT = 100, 1000
"""Of a summary: entries, and characters of a word."""


def run_folders(runs_dir: Path) -> list[RunFolder]:
    """The runs of `runs_dir`, newest first; other folders are left out."""
    try:
        entries = [entry for entry in runs_dir.iterdir() if _is_run(entry)]
    except OSError:
        return []
    return [RunFolder(path) for path in sorted(entries, key=lambda path: path.name, reverse=True)]


def _is_run(path: Path) -> bool:
    try:
        return any((path / name).is_file() for name in OWN)
    except OSError:  # It may not be looked into, which is no reason not to list the others.
        return False


def summaries(runs_dir: Path) -> list[dict[str, Any]]:
    """The summaries of all runs, newest first; a damaged run is one in the state `failed` that says so."""
    return [summary_of(folder) for folder in run_folders(runs_dir)]


def summary_of(folder: RunFolder) -> dict[str, Any]:
    """A run's live summary; a damaged run's says that it is one."""
    try:
        return live_summary(folder)
    except InputError as error:
        state = "running" if is_held(folder.path) else "failed"
        return {"id": folder.id, "state": state, "message": str(error)}


def live_summary(folder: RunFolder) -> dict[str, Any]:
    """A run's summary, with a state that is true now: a run under way whose owner died is `interrupted`.

    Raises:
        InputError: It is missing or damaged.
    """
    summary = _plain(folder.read_summary()) | {"id": folder.id}
    if summary.get("state") in ("running", "paused") and not is_held(folder.path):
        summary["state"] = "interrupted"
        summary["message"] = "its process ended without a word"
    return summary


def live_state(folder: RunFolder) -> RunState:
    """The fold of a run's events, with a status that is true now: what its owner did not end is `interrupted`.

    Raises:
        InputError: They cannot be read.
    """
    state = folder.read_state()
    dead = state.status in ("running", "paused") and not is_held(folder.path)
    return replace(state, status="interrupted") if dead else state


def check_resumable(folder: RunFolder) -> None:
    """See that a run may be resumed, as far as its summary knows.

    Raises:
        InputError: It is finished, or a live process trains it.
    """
    try:
        state = live_summary(folder).get("state")
    except InputError:
        return  # Its events know.
    if state == "finished":
        raise InputError(f"{folder.id} is finished; start a new run to train longer")
    if state == "running":
        raise InputError(f"{folder.id} is being trained right now; `cifar-tui attach {folder.id}` watches it")


def is_paused(folder: RunFolder) -> bool:
    """Whether a live process has paused the run."""
    try:
        return live_summary(folder).get("state") == "paused"
    except InputError:
        return False


def _plain(summary: dict[str, Any]) -> dict[str, Any]:
    """The figures and words of a summary, and no more of it than ours have: a thousand of them are kept at once."""
    kept = itertools.islice(summary.items(), MOST_FIGURES)
    return {
        key[:MOST_TEXT]: value[:MOST_TEXT] if isinstance(value, str) else value
        for key, value in kept
        if value is None or isinstance(value, str | int | float)
    }


def find(runs_dir: Path, text: str) -> RunFolder:
    """The run that `text` names: its id, or a part of it that no other has.

    Raises:
        InputError: There is none, or more than one.
    """
    folders = {folder.id: folder for folder in run_folders(runs_dir)}
    if not folders:
        what = "no runs in" if runs_dir.is_dir() or not os.path.lexists(runs_dir) else "no folder of runs is"
        raise InputError(f"{what} {str(runs_dir)!r}; give the right --runs-dir")
    if text in folders:
        return folders[text]
    matching = [run_id for run_id in folders if text and text in run_id]
    if len(matching) == 1:
        return folders[matching[0]]
    if matching:
        more = f" and {len(matching) - 5} more" if len(matching) > 5 else ""
        raise InputError(
            f"{text!r} is part of {len(matching)} runs: {', '.join(matching[:5])}{more}; give more of its id"
        )
    close = difflib.get_close_matches(text, folders, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"`{shell_line(list_command(str(runs_dir)))}` lists them"
    raise InputError(f"no run {text!r} in {str(runs_dir)!r}; {hint}")


def is_path(text: str) -> bool:
    """Whether this is the path of a folder, which no run's id is."""
    return "/" in text or text in (".", "..")


def at(text: str) -> RunFolder:
    """The run whose folder has this path, wherever that is.

    Raises:
        InputError: There is none.
    """
    with contextlib.suppress(OSError, ValueError):  # What is no path at all, or leads in a circle.
        path = Path(expand_path("run", text))
        if path.name in ("", ".."):
            path = path.resolve()
        if _is_run(path):
            return RunFolder(path)
    raise InputError(f"there is no run at {shortened(text)}; `cifar-tui runs` lists those of a folder of runs")
