"""A file system without locks, for this process and for those that tests start, and short times to wait there."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from cifar_tui.store import heartbeat
from cifar_tui.store.owner import Owner, encode
from cifar_tui.system.processes import Process
from tests.support import fork_server

SHORT_TIMES = {"BEAT_SECONDS": 0.05, "STALE_SECONDS": 0.6, "GUARD_SECONDS": 0.25, "LOOK_SECONDS": 0.02}
PREAMBLE = f"""
import errno, fcntl, os, socket, sys
from cifar_tui.store import heartbeat
host, number = sys.argv.pop(1), int(sys.argv.pop(1))
def flock(*_):
    raise OSError(number, os.strerror(number))
if number:
    fcntl.flock = flock
if host:
    socket.gethostname = lambda: host
vars(heartbeat).update({SHORT_TIMES})
"""
"""What begins a program: the name of its host and the error of its locks come before its arguments."""
COMMAND = PREAMBLE + "from cifar_tui.cli.main import main; main()"
OTHER_OWNER = Owner(Process("elsewhere", "another", "pid:[1]", 7, 1), "a" * 32)


def disable_locks(patch: pytest.MonkeyPatch, number: int = errno.ENOLCK) -> None:
    """From here on, this process finds no locks."""

    def flock(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    patch.setattr(fcntl, "flock", flock)
    shorten_times(patch)


def shorten_times(patch: pytest.MonkeyPatch) -> None:
    """Have this process wait for heartbeats as long as the programs started here do."""
    for name, seconds in SHORT_TIMES.items():
        patch.setattr(heartbeat, name, seconds)


def start(
    arguments: Sequence[str],
    cwd: Path,
    *,
    host: str = "",
    number: int = errno.ENOLCK,
    code: str = COMMAND,
    fresh: bool = False,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    """Start the real command line, or other code, as a process without locks, on a host of this name."""
    command = [sys.executable, "-c", code, host, str(number), *arguments]
    return fork_server.start(
        command, cwd=cwd, env=os.environ | {"PYTHONPATH": fork_server.ROOT}, fresh=fresh, stdin=stdin
    )


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture(name="lockless")
def lockless_fixture(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    disable_locks(monkeypatch)
    return monkeypatch


def write_heartbeat(folder: Path, owner: Owner, number: int = 1) -> Path:
    """The heartbeat that an owner would have left."""
    path = folder / f"heartbeat-{number}"
    path.write_bytes(encode(owner))
    return path


def heartbeat_numbers(folder: Path) -> list[int]:
    return sorted(int(path.name.partition("-")[2]) for path in folder.glob("heartbeat-*"))
