"""A run folder that this process owns while it trains the run, and the requests of other processes there."""

from __future__ import annotations

from collections.abc import Callable

from cifar_tui.store.heartbeat import WaitCallback
from cifar_tui.store.lock import NotOwnedError, RunLock
from cifar_tui.store.requests import Requests
from cifar_tui.store.run_folder import CHECKPOINTS, RunFolder
from cifar_tui.training.control import Control

LOCK_REMOVED = "interrupted because its lock was removed and another process could have trained it as well,"
"""Why a run was stopped whose lock is not what it was; the place in the training follows."""


class Ownership:
    """Held from before the first write to a run's folder until `release`."""

    def __init__(self, folder: RunFolder, control: Control, on_wait: WaitCallback) -> None:
        """Lock the folder, remove what a crash left there, and accept requests.

        Args:
            folder: The run's.
            control: Ends the training when the run is lost.
            on_wait: Called with what is waited for; what it raises ends the waiting.

        Raises:
            InputError: Another process owns the run, or its folder is a link.
            OSError: The folder cannot be written.
        """
        folder.check_own()
        self._control = control
        self._lock = RunLock(folder.path, on_wait)
        self.error: NotOwnedError | None = None
        """Why this process does not own the run any more."""
        try:
            for files in (folder.files, folder.files.folder(CHECKPOINTS)):
                files.remove_leftovers()
            self._requests = Requests(folder.path)
        except BaseException:
            self._lock.release()
            raise

    @property
    def lost(self) -> bool:
        """Whether another process owns the run by now, or its folder is gone: nothing more may be written there."""
        return self.error is not None

    @property
    def by_heartbeat(self) -> bool:
        """Whether the file system has no locks, so that a heartbeat shows who owns the run."""
        return self._lock.by_heartbeat

    def is_overdue(self) -> bool:
        """Whether another process may have taken the run over since the last check."""
        return self._lock.is_overdue()

    def check(self) -> None:
        """End the run where its lock was removed or replaced: another process may train it, now or soon."""
        try:
            if not self._lock.check():
                self._control.stop("interrupted", LOCK_REMOVED)
        except NotOwnedError as error:
            self.error = error
            self._control.abandon(error)
        except OSError:
            pass  # It cannot be determined now; the next check may.

    def handle_requests(self, handle: Callable[[str], None]) -> None:
        """Have `handle` called with each line that other processes write, on a thread of its own."""
        self._requests.handle(handle, self.check)

    def close_requests(self) -> None:
        """Accept no more requests; may be called twice."""
        self._requests.close(remove=not self.lost)

    def release(self) -> None:
        """Give the run up."""
        self.close_requests()
        self._lock.release()
