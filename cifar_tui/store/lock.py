"""Who owns a run: the process that holds the lock on its folder is alive, whatever a pid says."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from cifar_tui.errors import InputError

LOCK = "lock"
ACQUIRE_SECONDS = 1.0
"""How long to try: `is_held` in another process holds the lock for an instant."""


class RunLock:
    """An advisory lock (flock) on a run's folder; the system releases it when its process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            InputError: Another process, or another thread of this one, owns the run.
            OSError: The folder cannot be written.
        """
        self._descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + ACQUIRE_SECONDS
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(self._descriptor)
                    raise InputError(f"{folder.name} is being trained right now; stop it there first") from None
                time.sleep(0.02)

    def release(self) -> None:
        """Give the run up."""
        os.close(self._descriptor)


def is_held(folder: Path) -> bool:
    """Whether a live process owns the run; it needs no right to write there."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
