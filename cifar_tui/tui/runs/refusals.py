"""Why a run does not take a command, and which key helps."""

from __future__ import annotations

from cifar_tui.errors import CifarTuiError
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.source import refusal


def check_own(entry: Entry, done: str) -> None:
    """Check that this program may do that to a run.

    Raises:
        CifarTuiError: It is a training of another tool.
    """
    if entry.log is not None:
        raise CifarTuiError(refusal(entry, done))


def why_not_start(entry: Entry) -> str:
    """For `start`."""
    if entry.status in ("stopped", "interrupted", "diverged", "failed"):
        return f"{entry.full_name} is {entry.status}: r resumes it, n creates a new run with its options"
    return f"{entry.full_name} is {entry.status}; n creates a new run with its options"


def why_not_resume(entry: Entry) -> str:
    """For `resume`."""
    if entry.folder is None and not entry.active:
        return f"{entry.full_name} has not started: s starts it"
    if entry.status == "paused":
        return f"{entry.full_name} is paused: p resumes it"
    return f"{entry.full_name} is {entry.status}: there is nothing to resume"
