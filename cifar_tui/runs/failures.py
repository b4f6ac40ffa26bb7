"""Errors of a run in one line: what went wrong, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, one_line
from cifar_tui.store.lock import FOLDER_GONE
from cifar_tui.system.files import DISK_FULL_ERRORS

_OUT_OF_MEMORY = re.compile("not enough memory|t allocate memory|out of memory")


def explain(error: BaseException, config: TrainingConfig) -> str:
    """Describe an error of a run with these options in one line, and what to do where that is known."""
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
