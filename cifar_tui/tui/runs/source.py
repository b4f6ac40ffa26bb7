"""Trainings that are not this program's own, such as those of scripts: which they are, and what they lack here."""

from __future__ import annotations

from cifar_tui.formatting import printable
from cifar_tui.tui.runs.entry import Entry

SCRIPT = "script"
MOST = 40
"""Characters of a source that are shown: anybody may have written it."""


def source(entry: Entry | None) -> str:
    """What recorded a run that is not this program's own; empty for its own, and where no run is selected."""
    if entry is None:
        return ""
    if entry.log is not None:
        return entry.log.source
    if entry.state is not None and entry.state.started is not None:
        return entry.state.started.source
    return (entry.summary and entry.summary.source) or ""


def recorded_by(entry: Entry) -> str:
    """What recorded it, in words: `its script`, `csv logs`."""
    name = source(entry)
    return "its script" if name == SCRIPT else f"{printable(name[:MOST])} logs"


def is_script(entry: Entry) -> bool:
    """Whether a script records it, which takes requests to stop and to pause."""
    return source(entry) == SCRIPT


def refusal(entry: Entry, done: str) -> str:
    """Why something cannot be done to such a run: `net is recorded by its script and cannot be resumed from here`."""
    if is_script(entry):
        return f"{entry.full_name} is recorded by its script and cannot be {done} from here: run the script again"
    return f"{entry.full_name} is read from {recorded_by(entry)} and cannot be {done} from here"
