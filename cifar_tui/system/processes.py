"""Processes, identified so that another process or another machine can recognize them."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Liveness = Literal["alive", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Process:
    """One process, of all machines and all times.

    Attributes:
        host: The name of its machine.
        boot: What the machine's kernel calls the time since it was started; empty where it has no name for it.
        namespace: In which its number counts: containers of one machine have namespaces of their own.
        pid: Its number there.
        start: When it began, in the kernel's ticks since the machine was started; 0 where that is not known.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    start: int


def current() -> Process:
    """The process that calls."""
    status = _status(os.getpid())
    return Process(*_place(), os.getpid(), status.start if status else 0)


def liveness(process: Process) -> Liveness:
    """What became of a process; unknown for one that cannot be looked at from here, such as one of another machine.

    A suspended process is alive.
    """
    here = _place()
    if (process.host, process.boot, process.namespace) != here:
        return "unknown"
    if _is_there(process.pid):
        status = _status(process.pid)
        # Of another user's, it may not be shown.
        if status is None or (not status.ended and process.start in (0, status.start)):
            return "alive"
    # Only their kernels distinguish two machines of one name.
    return "gone" if process.boot else "unknown"


def yield_to_others() -> None:
    """Give this process the lowest priority: it computes when nothing else does.

    Linux may weigh sessions against each other before the processes in them (autogroup): the session's weight is
    lowered too, so it should be one of this process's own.
    """
    os.nice(19)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("19", encoding="ascii")


@dataclass(frozen=True, slots=True)
class _Status:
    start: int
    ended: bool


def _status(pid: int) -> _Status | None:
    """What Linux says of a process of this namespace; None elsewhere, or where it is not said."""
    try:
        # Its name, in brackets, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        state, threads, start = fields[0], int(fields[17]), int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
    # A killed one whose parent has not asked for its status yet stays in the list, once its other threads are gone too.
    return _Status(start, ended=state in (b"Z", b"X") and threads <= 1)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # It is there, and another user's.
        return True
    return True


def _place() -> tuple[str, str, str]:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except (OSError, ValueError):
        boot = namespace = ""
    return socket.gethostname(), boot, namespace
