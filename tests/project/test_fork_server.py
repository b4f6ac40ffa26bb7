"""A process that the fork server starts is, for what runs in it, one that was started anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.fork_server import ForkedProcess, start
from tests.support.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no fork server")

STATE = """
import json, os, random, resource, signal, sys, threading
import numpy
found = {
    "arguments": sys.argv,
    "folder": os.getcwd(),
    "path": sys.path,
    "environment": dict(os.environ),
    "parent": os.getppid(),
    "group": os.getpgid(0),
    "session": os.getsid(0),
    "umask": os.umask(0),
    "limits": [resource.getrlimit(each) for each in range(16)],
    "signals": [str(signal.getsignal(each)).partition(" at ")[0] for each in sorted(signal.valid_signals())],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "files": [os.path.basename(os.readlink(f"/proc/self/fd/{each}")).partition(":")[0] for each in range(3)],
    "open": len(os.listdir("/proc/self/fd")),
    "threads": [thread.name for thread in threading.enumerate()],
    "streams": [
        (each.encoding, each.errors, each.line_buffering, each.write_through, each.newlines, each.isatty())
        for each in (sys.stdin, sys.stdout, sys.stderr)
    ],
    "first": [each is getattr(sys, f"__{name}__") for name, each in vars(sys).items() if name in ("stdout", "stderr")],
    "nice": os.nice(0),
    "main": __name__,
}
print(json.dumps(found), file=sys.stdout)
print(random.random(), numpy.random.random(), file=sys.stderr)
"""


def state_of(cwd: Path, *, fresh: bool) -> tuple[dict[str, Any], str]:
    env = {**os.environ, "MORE": "of it"}
    process = start([sys.executable, "-c", STATE, "a", "b c"], cwd=cwd, env=env, fresh=fresh)
    assert isinstance(process, ForkedProcess) != fresh
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return json.loads(out), err


def test_a_forked_process_finds_what_a_fresh_one_finds(tmp_path: Path) -> None:
    fresh, forked, another = (state_of(tmp_path, fresh=each) for each in (True, False, False))
    assert forked[0] == fresh[0]
    assert fresh[0]["parent"] == os.getpid()
    assert len({fresh[1], forked[1], another[1]}) == 3, "each has random numbers of its own"


@pytest.mark.parametrize("fresh", [True, False])
def test_it_ends_as_a_process_does(tmp_path: Path, fresh: bool) -> None:
    def ended(code: str) -> tuple[int, str, str]:
        process = start([sys.executable, "-c", code], cwd=tmp_path, env=os.environ, fresh=fresh)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err.rpartition("Traceback")[2].splitlines()[-1] if err else ""

    assert ended("import atexit; atexit.register(print, 'last'); print('first')") == (0, "first\nlast\n", "")
    in_c = "import ctypes, threading; threading.Timer(0.1, print, ['thread']).start(); ctypes.CDLL(None).printf(b'C')"
    assert sorted(ended(in_c)[1]) == sorted("thread\nC")
    assert ended("raise SystemExit(7)") == (7, "", "")
    assert ended("raise SystemExit('a word')") == (1, "", "a word")
    assert ended("raise KeyboardInterrupt")[0] == -signal.SIGINT
    assert ended("1 / 0") == (1, "", "ZeroDivisionError: division by zero")
    waiting = start(
        [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"],
        cwd=tmp_path,
        env=os.environ,
        fresh=fresh,
    )
    assert waiting.stdout is not None
    waiting.stdout.readline()
    waiting.send_signal(signal.SIGTERM)
    waiting.communicate()
    assert waiting.returncode == -signal.SIGTERM


@pytest.mark.parametrize("fresh", [True, False])
def test_a_terminal_is_its_own(fresh: bool) -> None:
    code = """
import os, time
print(os.ttyname(0) == os.ttyname(2), os.tcgetpgrp(0) == os.getpid() == os.getsid(0))
while True:
    time.sleep(0.01)
"""
    with Terminal([sys.executable, "-c", code], fresh=fresh) as terminal:
        assert isinstance(terminal.process, ForkedProcess) != fresh
        terminal.wait_for("True True")
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == -signal.SIGINT


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "PYTHONPATH", "PYTHONUTF8", "LD_PRELOAD"])
def test_what_python_or_a_library_reads_at_the_start_is_read_by_a_fresh_one(tmp_path: Path, name: str) -> None:
    env = {**os.environ, name: "3" if name == "OMP_NUM_THREADS" else ""}
    process = start([sys.executable, "-c", "print(end='it')"], cwd=tmp_path, env=env)
    assert type(process) is subprocess.Popen
    assert process.communicate() == ("it", "")
