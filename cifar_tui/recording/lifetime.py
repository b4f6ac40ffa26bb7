"""Recordings that no `finish` ends: dropped ones, those of scripts that have ended, and those in forked processes."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING

from cifar_tui.errors import one_line

if TYPE_CHECKING:
    from cifar_tui.recording.recording import Recording
    from cifar_tui.recording.writer import Writer

started: weakref.WeakSet[Recording] = weakref.WeakSet()
"""The recordings that have been started in this process."""


def end_abandoned(writer: Writer) -> None:
    """End a run that its script has not ended: it has dropped the recording, or has ended itself."""
    if threading.main_thread().is_alive():
        writer.end("interrupted", "the script has dropped it")
    elif (error := _last_error()) is not None:
        writer.end("failed", one_line(error))
    else:
        writer.end("finished", "the script has ended")


def _last_error() -> BaseException | None:
    """What has ended the script; None at the end of an interactive session, in which any line may fail."""
    interactive = sys.flags.interactive or hasattr(sys, "ps1")
    return None if interactive else getattr(sys, "last_value", None)


def _disable_in_child() -> None:
    for recording in list(started):
        recording.disable_in_child()


os.register_at_fork(after_in_child=_disable_in_child)
