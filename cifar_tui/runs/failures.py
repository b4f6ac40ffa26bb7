"""Errors of a run in one line: what went wrong, and what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, DivergedError, one_line
from cifar_tui.events import RunStatus
from cifar_tui.store.lock import FOLDER_GONE
from cifar_tui.system.files import DISK_FULL_ERRORS
from cifar_tui.training.distributed.process_errors import ProcessFailedError

if TYPE_CHECKING:
    from cifar_tui.training.distributed.group import Group

_OUT_OF_MEMORY = re.compile("not enough memory|t allocate memory|out of memory")


def explain(error: BaseException, config: TrainingConfig, group: Group | None = None) -> str:
    """Describe an error of a run in one line, and what to do where that is known.

    Args:
        error: What was raised.
        config: The run's options.
        group: The processes that train it; the one with the error is named, where there are several.
    """
    # That a number is not finite all of them see, and another process's error names it.
    if group is not None and group.processes > 1 and not isinstance(error, DivergedError | ProcessFailedError):
        return f"{group.describe(group.rank)}: {explain(error, config)}"
    text = str(error).strip().partition("\n")[0]
    if isinstance(error, CifarTuiError):
        return text
    if isinstance(error, FileNotFoundError):
        return FOLDER_GONE
    if isinstance(error, OSError):
        remedy = "make room" if error.errno in DISK_FULL_ERRORS else "make it writable"
        where = f"{Path(error.filename).name}: " if isinstance(error.filename, str) else ""
        return f"cannot write the run's folder: {where}{error.strerror or text}; {remedy}, then resume the run"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or _OUT_OF_MEMORY.search(text):
        smaller = max(2, config.batch_size // 2)
        return f"out of memory at batch size {config.batch_size}: try --batch-size {smaller}, or another --device"
    return f"{one_line(error)} (--debug shows where)"


def run_state_after(error: BaseException) -> RunStatus:
    """The last state of a run that this error has ended."""
    if isinstance(error, ProcessFailedError):
        return error.state
    return "diverged" if isinstance(error, DivergedError) else "failed"


def status_of(error: BaseException) -> int:
    """The exit status of a process that this error has ended."""
    return error.exit_status if isinstance(error, CifarTuiError) else 1
