"""Who owns a run: the process that holds the lock on its folder is alive, whatever a pid says.

The lock is an exclusive flock on the file `lock`, and one on the folder itself, for that file may be removed or
replaced under its owner: by somebody who tidies up, or by `rsync --delete`. The system releases both when the owner's
process ends, however it ends. Who only looks takes a shared lock for an instant. A reader who holds one for longer
cannot keep a run from being trained: an owner tells it from another owner, and puts a new file in its place.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from pathlib import Path

from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.system import descriptors
from cifar_tui.system.folders import Folder

LOCK = "lock"
ACQUIRE_SECONDS = 1.0
"""How long to try: `is_held` in another process holds the lock for an instant."""
TRY_SECONDS = 0.02
TAKEN_AWAY = (
    "the run's folder, or something in it, was taken away while it trained; "
    "if it is somewhere else now, resume it there"
)


class NotOwnedError(CifarTuiError):
    """The run that this process trains is another's now: nothing more may be written to it."""


class RunLock:
    """The ownership of a run, from its making to `release`."""

    def __init__(self, folder: Path) -> None:
        """Take it.

        Raises:
            InputError: Another process, or another thread of this one, owns the run.
            OSError: The folder cannot be written.
        """
        self._name = folder.name
        self._checking = threading.Lock()
        self._folder = Folder(folder)
        self._whole = _lock_folder(self._folder)
        """The folder's descriptor."""
        try:
            self._file = self._lock_file()
        except BaseException:
            os.close(self._whole)
            raise
        descriptors.own(folder, self._whole)

    def check(self) -> bool:
        """Whether the file that is locked is still the run's; where it was removed or replaced, another one is locked.

        Raises:
            NotOwnedError: Another process owns the run now, or its folder is not there any more.
            OSError: That cannot be told.
        """
        with self._checking:
            self._check_place()
            if self._folder.names_it(LOCK, self._file):
                return True
            try:
                new = self._lock_file()
            except InputError:
                raise NotOwnedError(
                    "its lock was removed, and another process trains it now; this one has ended"
                ) from None
            except OSError:
                return False  # Something else stands there: who comes next cannot own the run by it either.
            os.close(self._file)
            self._file = new
            return False

    def release(self) -> None:
        """Give the run up."""
        descriptors.disown(self._folder.path)
        os.close(self._file)
        os.close(self._whole)

    def _check_place(self) -> None:
        try:
            same = os.path.samestat(self._folder.path.stat(), os.fstat(self._whole))
        except (FileNotFoundError, NotADirectoryError):
            same = False
        if not same:
            raise NotOwnedError(TAKEN_AWAY)

    def _lock_file(self) -> int:
        """A locked descriptor of the file that is called `lock`, which is made again where only readers hold it."""
        deadline = time.monotonic() + ACQUIRE_SECONDS
        while True:
            with descriptors.closed_on_error(self._folder.open_to_lock(LOCK)) as descriptor:
                held = _lock(descriptor, self._name, deadline)
                # It may have been replaced since it was opened: by an owner who has met a reader.
                if held and self._folder.names_it(LOCK, descriptor):
                    return descriptor
            os.close(descriptor)
            if not held:
                return self._replaced()

    def _replaced(self) -> int:
        """A locked descriptor of a new file in the place of one that readers hold.

        Two processes cannot both come here where the folder's own lock works; where it does not, the later one's file
        stays, and the earlier one finds that out when it looks.
        """
        temporary = f".{LOCK}.{os.getpid()}.tmp"
        self._folder.remove(temporary)
        os.close(self._folder.make_new(temporary))
        with descriptors.closed_on_error(self._folder.open_to_lock(temporary)) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._folder.rename(temporary, LOCK)
            return descriptor


def is_held(folder: Path) -> bool:
    """Whether a live process owns the run; it needs no right to write there."""
    files = Folder(folder)
    try:
        with files.open_to_read(LOCK) as file:
            if not _try(file.fileno(), fcntl.LOCK_SH):
                return True
    except OSError:
        pass  # There is none: what became of it does not say that its owner is gone.
    try:
        whole = files.open_itself()
    except OSError:
        return False
    try:
        return not _try(whole, fcntl.LOCK_SH)
    except OSError:  # This file system does not lock folders.
        return False
    finally:
        os.close(whole)


def _lock_folder(folder: Folder) -> int:
    """The folder's descriptor, locked unless readers hold it, or the file system does not lock folders.

    Raises:
        InputError: Another process owns the run.
        OSError: The folder is not there.
    """
    with descriptors.closed_on_error(folder.open_itself()) as whole:
        with contextlib.suppress(OSError):
            _lock(whole, folder.path.name, time.monotonic() + ACQUIRE_SECONDS)
        return whole


def _lock(descriptor: int, name: str, deadline: float) -> bool:
    """Lock it for the owner; whether that was done before the deadline, in spite of readers.

    Raises:
        InputError: Another owner of the run of this name holds it.
        OSError: This file system has no such locks.
    """
    while not _try(descriptor, fcntl.LOCK_EX):
        owned = not _try(descriptor, fcntl.LOCK_SH)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        if time.monotonic() > deadline:
            if owned:
                raise InputError(f"{name} is being trained right now; stop it there first")
            return False
        time.sleep(TRY_SECONDS)
    return True


def _try(descriptor: int, kind: int) -> bool:
    """Take a lock of this kind unless it would have to be waited for; whether it was taken."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
