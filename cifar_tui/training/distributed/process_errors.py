"""How a run ends, or is interrupted, by what happens to another of its processes."""

from __future__ import annotations

from cifar_tui.errors import CifarTuiError
from cifar_tui.events import RunStatus


class ProcessFailedError(CifarTuiError):
    """The run ended by an error of another process, which the message names."""

    def __init__(self, message: str, state: RunStatus, exit_status: int) -> None:
        super().__init__(message)
        self.state = state
        self.exit_status = exit_status


class LostProcessError(CifarTuiError):
    """Another process is gone without a word, or does not answer. The run has not ended: its launcher restarts it.

    Attributes:
        first_is_there: Whether rank 0, which prints what happens, has met the same error.
    """

    def __init__(self, message: str, *, first_is_there: bool) -> None:
        super().__init__(message)
        self.first_is_there = first_is_there
