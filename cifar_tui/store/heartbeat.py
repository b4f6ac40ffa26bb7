"""The ownership of a run where the file system has no locks: the newest heartbeat in the run's folder is the owner's.

Heartbeats are files, `heartbeat-1`, `heartbeat-2`, …, that their owners write to every few seconds. A process becomes
the owner of a run by creating the file after the newest one, which the file system lets only one process do, and only
once the owner of the newest is known to be gone: by its own record, by the list of processes on the same machine, or,
from another machine, because the file was watched and did not change for ten beats. No clock is compared to another
machine's. The newest file stays when the run is released, so that its number is never reused: a process that has seen
an earlier state of the folder and comes too late finds the files that were created since.

An owner that was suspended for so long that another machine's process took the run finds the newer file before it
writes anything: `guard` checks whenever the last check was some time ago.

The heartbeat in a copy of a run's folder does not belong to the copy: its record has the number of another file. Some
file systems give a file another number on each machine, so a process that only checks believes that of an owner
elsewhere until the heartbeat changes; a process that wants to own the run watches it in any case. Where a file gets
another number at each lookup, the owner notices that, and leaves the number out of its record.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.store.owner import RECORD_BYTES, Owner, decode, encode
from cifar_tui.system import descriptors, processes
from cifar_tui.system.folders import Folder

BEAT_SECONDS = 3.0
STALE_SECONDS = 30.0
"""How long a heartbeat must stay unchanged before an owner on another machine counts as gone."""
GUARD_SECONDS = 10.0
"""An owner whose last check was so long ago checks again before it writes: well before `STALE_SECONDS`."""
LOOK_SECONDS = 0.2
SKEW_SECONDS = 300.0
"""How far this machine's clock and the file server's may differ for a process that checks only once."""
MAX_WATCHED = 4096
"""How many runs of owners on other machines are remembered between two checks."""
_NAME = re.compile(r"heartbeat-([1-9][0-9]{0,8})")
_MOST = 10**9 - 1

WaitCallback = Callable[[str, int, int], None]
"""Called with what is waited for, the seconds so far, and the most seconds; an exception from it ends the wait."""


@dataclass(frozen=True, slots=True)
class _Look:
    """The newest heartbeat of a folder, as read at one moment."""

    number: int
    content: bytes
    """Empty where it cannot be read."""
    changed: float
    """The time of its last change, on the clock of the file system."""
    file: int = field(default=0, compare=False)
    """The file's number."""

    @property
    def owner(self) -> Owner | None:
        return decode(self.content)

    @property
    def is_copy(self) -> bool:
        """Whether its record was written to another file."""
        return (owner := self.owner) is not None and not owner.may_have_written(self.file)


class Heartbeat:
    """The ownership of a run by a heartbeat, from its construction to `release`."""

    def __init__(self, folder: Folder, on_wait: WaitCallback) -> None:
        """Take the run, which may wait until its earlier owner is known to be gone.

        Raises:
            InputError: Another process, or another thread of this one, owns the run.
            OSError: The folder cannot be written.
        """
        self._folder = folder
        self._owner = Owner(processes.current(), secrets.token_hex(16))
        self._using = threading.RLock()
        self._lost = False
        self._seen = _clock()
        """When the last check found this to be the newest."""
        self._number, self._descriptor = self._create(on_wait)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def check(self) -> bool:
        """Whether its file is still there; where it was removed or replaced by a copy, another one is created.

        Raises:
            InputError: Another process owns the run now.
            OSError: That cannot be determined.
        """
        with self._using:
            now = _clock()
            newest = _newest(self._folder)
            look = _look(self._folder, newest)
            if self._lost or newest > self._number or (newest == self._number and not self._is_ours(look)):
                self._lost = True
                raise self._refusal(look)
            self._seen = now
            if newest == self._number:
                if self._is_written(look):
                    return True
                self._folder.remove(_name(newest))
            self._recreate()
            return False

    def guard(self) -> None:
        """Check that this process still owns the run, before something is written.

        Raises:
            OSError: It does not, or that cannot be determined.
        """
        if self.is_overdue():
            try:
                self.check()
            except InputError as error:
                raise OSError(errno.ESTALE, str(error), str(self._folder.path)) from None

    def is_overdue(self) -> bool:
        """Whether the last check was so long ago that another process may own the run by now."""
        return self._lost or _clock() - self._seen > GUARD_SECONDS

    def release(self) -> None:
        """Release the run."""
        self._stopped.set()
        self._thread.join()
        with suppress(OSError):
            self._write(released=True)
        os.close(self._descriptor)

    def _create(self, on_wait: WaitCallback) -> tuple[int, int]:
        """Create the file after the newest one, once that one's owner is gone: its number, and a descriptor."""
        while True:
            newest = _newest(self._folder)
            if newest:
                self._wait_until_gone(newest, on_wait)
            if newest >= _MOST:
                raise InputError(f"{self._folder.path / _name(newest)}: not an owner's file; remove it")
            try:
                descriptor = self._folder.make_new(_name(newest + 1))
            except FileExistsError:
                continue  # Another process was faster, and owns the run unless it is gone already.
            with descriptors.closed_on_error(descriptor):
                self._owner = replace(self._owner, file=_number_of(self._folder, newest + 1, descriptor))
                os.pwrite(descriptor, encode(self._owner), 0)
                os.fsync(descriptor)
                if _newest(self._folder) == newest + 1:
                    self._remove_before(newest + 1)
                    return newest + 1, descriptor
            # Others have come and gone since the folder was read: the number was used before.
            os.close(descriptor)
            self._folder.remove(_name(newest + 1))

    def _wait_until_gone(self, number: int, on_wait: WaitCallback) -> None:
        """Return once the owner of this heartbeat is gone, or it is not the newest any more.

        Raises:
            InputError: Its owner is alive.
        """
        look, since = _look(self._folder, number), time.monotonic()
        while True:
            match _fate(look):
                case "gone":
                    return
                case "alive":
                    raise self._refusal(look)
            waited = time.monotonic() - since
            on_wait(f"waiting to see whether {_described(look)} is alive", int(waited), int(STALE_SECONDS))
            time.sleep(LOOK_SECONDS)
            # The clock first: this process may be suspended in between, and reads what is new then.
            now = time.monotonic()
            if _newest(self._folder) != number:
                return
            again = _look(self._folder, number)
            if again != look:
                if look.content and _fate(again) == "unknown":
                    raise self._refusal(again)
                look, since = again, time.monotonic()
            elif now - since > STALE_SECONDS:
                return

    def _refusal(self, look: _Look) -> InputError:
        return InputError(
            f"{self._folder.path.name} is being trained right now, by {_described(look)}; stop it there first"
        )

    def _recreate(self) -> None:
        number = self._number + 1
        try:
            descriptor = self._folder.make_new(_name(number))
        except FileExistsError:
            self._lost = True
            raise self._refusal(_look(self._folder, number)) from None
        os.close(self._descriptor)
        self._number, self._descriptor = number, descriptor
        self._write()
        if others := [found for found in _numbers(self._folder) if found != number]:
            # Another process has found no heartbeat, and created one before this.
            self._folder.remove(_name(number))
            self._lost = True
            raise self._refusal(_look(self._folder, max(others)))

    def _is_ours(self, look: _Look) -> bool:
        return (owner := look.owner) is not None and owner.token == self._owner.token

    def _is_written(self, look: _Look) -> bool:
        """Whether other processes read what this one writes, rather than an earlier copy."""
        if look.content == encode(self._owner):
            return True
        with suppress(OSError):
            return self._folder.names_it(_name(self._number), self._descriptor)
        return False

    def _remove_before(self, number: int) -> None:
        for earlier in _numbers(self._folder):
            if earlier < number:
                with suppress(OSError):
                    self._folder.remove(_name(earlier))

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            # A failed write is repeated at the next beat; that the run is lost is reported by `check`.
            with suppress(OSError, InputError), self._using:
                self._write()
                self.check()

    def _write(self, *, released: bool = False) -> None:
        with self._using:
            file = _number_of(self._folder, self._number, self._descriptor)
            self._owner = replace(self._owner, file=file, beat=self._owner.beat + 1, released=released)
            # In place, and to this very file: one that has replaced it is never touched.
            os.pwrite(self._descriptor, encode(self._owner), 0)
            os.fsync(self._descriptor)


def was_used(folder: Folder) -> bool:
    """Whether a run was ever owned by a heartbeat; its next owner, whatever locks it has, needs one as well."""
    return _newest(folder) > 0


def is_alive(folder: Folder) -> bool:
    """Whether a live process owns the run by a heartbeat; it does not wait, and needs no write permission.

    For an owner on another machine, repeated checks go by whether the heartbeat changes. The first check has only the
    time of its last change, on the file server's clock: there, `SKEW_SECONDS` are allowed for.
    """
    number, found = 0, "gone"
    with suppress(OSError):
        number = _newest(folder)
    if number:
        look = _look(folder, number)
        found = _fate(look)
        if found == "unknown":
            return _seems_alive(folder.path, look)
    with _watching:
        _watched.pop(folder.path, None)
    return found == "alive"


_watching = threading.Lock()
_watched: dict[Path, tuple[_Look, float, bool]] = {}
"""For owners on other machines: the heartbeat, when it was first read as it is, and whether it had changed then.

They are in the order of the last check.
"""


def _seems_alive(path: Path, look: _Look) -> bool:
    now = time.monotonic()
    with _watching:
        before, since, has_changed = _watched.pop(path, (look, now, False))
        if before != look:
            since, has_changed = now, True
        _watched[path] = (look, since, has_changed)
        if len(_watched) > MAX_WATCHED:
            del _watched[next(iter(_watched))]
    if now - since > STALE_SECONDS:
        return False
    # A time far in the future, by a wrong clock, means no more than one long ago.
    return has_changed or (not look.is_copy and abs(time.time() - look.changed) < STALE_SECONDS + SKEW_SECONDS)


def _fate(look: _Look) -> processes.Liveness:
    owner = look.owner
    if owner is None:
        return "unknown"
    if owner.released:
        return "gone"
    fate = processes.liveness(owner.process)
    # As long as a process has a file open, the file's number is the same on the whole machine.
    return "gone" if fate == "alive" and look.is_copy else fate


def _described(look: _Look) -> str:
    return "another process" if look.owner is None else str(look.owner)


def _look(folder: Folder, number: int) -> _Look:
    try:
        with folder.open_to_read(_name(number), RECORD_BYTES) as file:
            status = os.fstat(file.fileno())
            return _Look(number, file.read(RECORD_BYTES), status.st_mtime, status.st_ino)
    except OSError:
        found = folder.status(_name(number))
        return _Look(number, b"", found.st_mtime if found else 0.0)


def _number_of(folder: Folder, heartbeat: int, descriptor: int) -> int:
    """The number of its open file; 0 where a lookup by its name gives another one."""
    file, found = os.fstat(descriptor).st_ino, folder.status(_name(heartbeat))
    return file if found is not None and found.st_ino == file else 0


def _newest(folder: Folder) -> int:
    return max(_numbers(folder), default=0)


def _numbers(folder: Folder) -> list[int]:
    return [int(found[1]) for name in folder.names() if (found := _NAME.fullmatch(name))]


def _name(number: int) -> str:
    return f"heartbeat-{number}"


def _clock() -> float:
    """A clock that runs while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
