"""The ownership of a run: the process that holds the lock on its folder is alive, whatever a pid says.

The lock is an exclusive flock on the file `lock`, and one on the folder itself, since that file may be removed or
replaced while it is held: by somebody who cleans up, or by `rsync --delete`. The system releases both when the owner's
process ends, however it ends; processes that it has forked, such as workers that load data, do not hold them. A process
that only checks takes a shared lock for an instant. A reader that holds one for longer cannot prevent training: an
owner distinguishes it from another owner, and replaces the file.

Where the file system has no such locks, a heartbeat replaces them (`store.heartbeat`). A file system that has them on
some of its machines only, as Lustre and NFS may be mounted, is handled from both sides: a process that holds the lock
also writes its record into the file, for processes that cannot lock; and a process that finds a heartbeat waits until
its owner is gone, lock or no lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import tempfile
import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path

from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.store import heartbeat
from cifar_tui.store.heartbeat import Heartbeat, WaitCallback
from cifar_tui.store.owner import RECORD_BYTES, Owner, decode, encode
from cifar_tui.system import descriptors, processes
from cifar_tui.system.folders import Folder

LOCK = "lock"
ACQUIRE_SECONDS = 1.0
"""How long to retry: `is_held` in another process holds the lock for an instant."""
TRY_SECONDS = 0.02
FOLDER_GONE = (
    "the run's folder, or something in it, was moved or removed during training; if it was moved, resume the run there"
)


class NotOwnedError(CifarTuiError):
    """Another process owns the run now, or its folder is gone: nothing more may be written to it."""


class NoLocksError(OSError):
    """The file system has no locks, or is mounted without them."""


def _ignore_wait(_what: str, _done: int, _total: int) -> None:
    pass


class RunLock:
    """The ownership of a run, from its construction to `release`."""

    def __init__(self, folder: Path, on_wait: WaitCallback = _ignore_wait) -> None:
        """Take the run.

        Args:
            folder: The run's folder.
            on_wait: Called while another owner may still be alive; an exception from it ends the wait.

        Raises:
            InputError: Another process, or another thread of this one, owns the run.
            OSError: The folder cannot be written.
        """
        self._name = folder.name
        self._checking = threading.Lock()
        self._folder = Folder(folder)
        self._owner = Owner(processes.current(), secrets.token_hex(16))
        self._file: int | None = None
        """The locked file's descriptor; None where there are no locks."""
        self._heartbeat: Heartbeat | None = None
        self._whole = _lock_folder(self._folder)
        """The folder's descriptor."""
        try:
            with contextlib.suppress(NoLocksError):
                self._file = self._lock_file()
            # Of two owners, one with locks and one without, each leaves its mark before it looks for the other's.
            if self._file is None or heartbeat.was_used(self._folder):
                self._heartbeat = Heartbeat(self._folder, on_wait)
            if self._file is None:
                self._check_unlocked()
        except BaseException:
            self._release_all()
            raise
        descriptors.own(folder, self._whole, self._guard)
        _locks.add(self)

    @property
    def by_heartbeat(self) -> bool:
        """Whether there are no locks here, so that the run is owned by a heartbeat."""
        return self._file is None

    def is_overdue(self) -> bool:
        """Whether another process may own the run by now: call `check` before anything is written."""
        return self._heartbeat is not None and self._heartbeat.is_overdue()

    def check(self) -> bool:
        """Whether the lock is as it was; where it was removed, it is created again.

        Raises:
            NotOwnedError: Another process owns the run now, or its folder is gone.
            OSError: That cannot be determined.
        """
        with self._checking:
            self._check_place()
            locked = self._file is None or self._check_file(self._file)
            try:
                return (self._heartbeat is None or self._heartbeat.check()) and locked
            except InputError:
                raise NotOwnedError("another process trains it now; this one stopped") from None

    def release(self) -> None:
        """Give the run up."""
        _locks.discard(self)
        descriptors.disown(self._folder.path)
        self._release_all()

    def _release_all(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.release()
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
            os.close(self._file)
        os.close(self._whole)

    def let_go_in_child(self) -> None:
        """Hold it no more in a process that the owner has forked, which may outlive the owner."""
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        for descriptor in filter(None, (self._file, self._whole)):
            os.dup2(nothing, descriptor, inheritable=False)  # Its number stays taken: others still know it.
        os.close(nothing)

    def _guard(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.guard()

    def _check_file(self, file: int) -> bool:
        if self._folder.names_it(LOCK, file):
            return True
        try:
            new = self._lock_file()
        except InputError:
            raise NotOwnedError("its lock was removed, and another process trains it now; this one stopped") from None
        except OSError:
            return False  # Something else has its name: no other process can own the run by it either.
        os.close(file)
        self._file = new
        return False

    def _check_unlocked(self) -> None:
        """Check that no process holds a lock that cannot be tried from here.

        Raises:
            InputError: One does, by its own record.
        """
        if (owner := _holder(self._folder)) is not None:
            raise InputError(
                f"{self._name} is being trained right now, by {owner}; stop it there first, "
                f"or if that process is gone, remove the file {LOCK!r} of the run"
            )

    def _check_place(self) -> None:
        try:
            same = os.path.samestat(self._folder.path.stat(), os.fstat(self._whole))
        except (FileNotFoundError, NotADirectoryError):
            same = False
        if not same:
            raise NotOwnedError(FOLDER_GONE)

    def _lock_file(self) -> int:
        """A locked descriptor of the file `lock`, which is replaced where only readers hold it."""
        deadline = time.monotonic() + ACQUIRE_SECONDS
        while True:
            with descriptors.closed_on_error(self._folder.open_to_lock(LOCK)) as descriptor:
                held = _lock(descriptor, self._name, deadline)
                # It may have been replaced since it was opened, by an owner that found a reader.
                if held and self._folder.names_it(LOCK, descriptor):
                    self._sign(descriptor)
                    return descriptor
            os.close(descriptor)
            if not held:
                return self._replaced()

    def _replaced(self) -> int:
        """A locked descriptor of a new file that replaces one that readers hold.

        Two processes cannot both get here where the folder's own lock works; where it does not, the later one's file
        stays, and the earlier one finds that out at its next check.
        """
        temporary = f".{LOCK}.{os.getpid()}.tmp"
        self._folder.remove(temporary)
        os.close(self._folder.make_new(temporary))
        with descriptors.closed_on_error(self._folder.open_to_lock(temporary)) as descriptor:
            _try(descriptor, fcntl.LOCK_EX)
            self._sign(descriptor)
            self._folder.rename(temporary, LOCK)
            return descriptor

    def _sign(self, descriptor: int) -> None:
        # Where the disk is full, processes that cannot lock will not know; those that can will.
        with contextlib.suppress(OSError):
            os.pwrite(descriptor, encode(replace(self._owner, file=os.fstat(descriptor).st_ino)), 0)
            os.fsync(descriptor)


def is_held(folder: Path) -> bool:
    """Whether a live process owns the run; works without write permission, and without locks."""
    files = Folder(folder)
    has_locks = True
    try:
        with files.open_to_read(LOCK) as file:
            if not _try(file.fileno(), fcntl.LOCK_SH):
                return True
    except NoLocksError:
        has_locks = False
    except OSError:
        pass  # The file is gone, but perhaps not its owner.
    try:
        whole = files.open_itself()
    except OSError:
        return False
    try:
        if not _try(whole, fcntl.LOCK_SH):
            return True
    except OSError:  # This file system does not lock folders.
        pass
    finally:
        os.close(whole)
    return heartbeat.is_alive(files) or (not has_locks and _holder(files) is not None)


def why_no_locks(folder: Path) -> str:
    """Why files in this writable folder cannot be locked; empty where they can."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".lock-") as file:
        try:
            _try(file.fileno(), fcntl.LOCK_EX)
        except NoLocksError as error:
            return error.strerror or str(error)
    return ""


def _holder(folder: Folder) -> Owner | None:
    """The holder of the lock by its own record, unless it is known to be gone; for where the lock cannot be tried.

    A record that was copied here with the run is about the lock of another run.
    """
    try:
        with folder.open_to_read(LOCK) as file:
            owner = decode(file.read(RECORD_BYTES))
            number = os.fstat(file.fileno()).st_ino
    except OSError:
        return None
    if owner is None or not owner.may_have_written(number) or processes.liveness(owner.process) == "gone":
        return None
    return owner


_locks: weakref.WeakSet[RunLock] = weakref.WeakSet()
"""Those that this process holds."""


def _let_go_in_child() -> None:
    for lock in list(_locks):
        lock.let_go_in_child()


os.register_at_fork(after_in_child=_let_go_in_child)


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
    """Lock it for the owner; whether that succeeded before the deadline, in spite of readers.

    Raises:
        InputError: Another owner of the run of this name holds it.
        NoLocksError: There are none here.
    """
    while not _try(descriptor, fcntl.LOCK_EX):
        owned = not _try(descriptor, fcntl.LOCK_SH)
        _try(descriptor, fcntl.LOCK_UN)
        if time.monotonic() > deadline:
            if owned:
                raise InputError(f"{name} is being trained right now; stop it there first")
            return False
        time.sleep(TRY_SECONDS)
    return True


def _try(descriptor: int, kind: int) -> bool:
    """Take a lock of this kind unless that would block; whether it was taken.

    Raises:
        NoLocksError: There are none here. File systems report that in many ways: ENOLCK, EOPNOTSUPP, ENOSYS, EINVAL,
            EIO, EPERM, EBADF. For an open file, it is any error but a taken lock, or a file that is gone.
        OSError: The file is gone from its server.
    """
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno == errno.ESTALE:
            raise
        raise NoLocksError(error.errno, error.strerror) from None
    return True
