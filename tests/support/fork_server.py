"""Starts the program in processes that are forked from one in which everything heavy is imported already.

What they save are the seconds of importing PyTorch and matplotlib. Each is a process like one that is started anew: a
child of who asked for it, with an environment, a folder, standard files, a session and a terminal of its own. Tests of
the start itself, and of what Python reads while it starts, start the real command; so does every test where there is
no such server, as on other systems than Linux.

Run as a script, it is the server.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).parents[2])
READ_AT_THE_START = ("PYTHON", "LD_", "LC_", "OMP_", "MKL_", "OPENBLAS_", "MALLOC_", "TORCH_", "PYTORCH_", "MPL", "TZ")
"""What the names of variables begin with that Python or a library reads before the program does."""
MOST_BYTES = 1 << 20
"""Of a request."""

enabled = False
"""Whether this process may have a server: tests may; benchmarks measure the real command."""
_lock = threading.Lock()


class ForkedProcess(subprocess.Popen[str]):
    """A process of the server's, with the interface of one that is executed.

    `_execute_child` is private to Python's subprocess; its arguments are those of Python 3.11 to 3.14.
    """

    def _execute_child(self, *given: Any) -> None:
        command, folder, env, pipes, session = given[0], given[5], given[6], given[10:16], given[21]
        # Of the two ends of each pipe, the child's; -1 where it has this process's file.
        files = [number if end == -1 else end for number, end in enumerate((pipes[0], pipes[3], pipes[5]))]
        request = {"command": command[1:], "cwd": str(folder or Path.cwd()), "env": dict(env), "session": session}
        try:
            self.pid = _fork(request, files)
        finally:
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        self._child_created = True


def start(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    fresh: bool = False,
    stdin: int = subprocess.DEVNULL,
    preexec_fn: Callable[[], None] | None = None,
) -> subprocess.Popen[str]:
    """Start a command whose output is read, by the server where that is as good as a `fresh` process."""
    forked = not fresh and preexec_fn is None and can_fork(command, env)
    return (ForkedProcess if forked else subprocess.Popen)(
        command,
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=preexec_fn,
    )


def can_fork(command: Sequence[str], env: Mapping[str, str]) -> bool:
    """Whether a process of the server's is as good as a fresh one for this command in this environment."""
    how = tuple(command[1:3])
    if not enabled or command[0] != sys.executable or (how[0] != "-c" and how != ("-m", "cifar_tui")):
        return False
    theirs, ours = (_read_at_the_start(each) for each in (env, os.environ))
    return theirs | {"PYTHONPATH": ROOT} == ours | {"PYTHONPATH": ROOT} and theirs.get("PYTHONPATH", ROOT) == ROOT


def _read_at_the_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_THE_START)}


def _fork(request: dict[str, Any], files: Sequence[int]) -> int:
    """Have the server fork a process that becomes a child of this one; its pid."""
    with _lock, _adopting():
        server = _server()
        socket.send_fds(server, [json.dumps(request).encode()], files)
        return int(server.recv(MOST_BYTES))


@functools.cache
def _server() -> socket.socket:
    """The way to the server of this process, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
    number = theirs.fileno()
    with theirs:
        server = subprocess.Popen(
            [sys.executable, __file__, str(number)],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    atexit.register(server.wait)
    atexit.register(ours.close)  # Which is done first.
    return ours


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """Have what loses its parent meanwhile become a child of this process."""
    set_child_subreaper = 36
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(set_child_subreaper, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(set_child_subreaper, 0, 0, 0, 0)


# The server


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork a process for each request; returns in each of them, with what it is to become."""
    while True:
        message, files, _, _ = socket.recv_fds(requests, MOST_BYTES, 3)
        if not message:
            sys.exit()
        told, tell = os.pipe()
        if not (between := os.fork()):
            # The process's own parent ends at once, so that who asked for it becomes its parent.
            parent = os.getpid()
            if pid := os.fork():
                os.write(tell, str(pid).encode())
                os._exit(0)
            while os.getppid() == parent:
                time.sleep(0.0001)
            for number, file in enumerate(files):
                os.dup2(file, number)
            for file in (*files, told, tell, requests.detach()):
                os.close(file)
            return dict(json.loads(message))
        os.close(tell)
        os.waitpid(between, 0)
        requests.send(os.read(told, 100))
        for file in (*files, told):
            os.close(file)


def _become(request: dict[str, Any]) -> None:
    """Give this process what a fresh one has."""
    import fcntl
    import random
    import tempfile
    import termios

    import numpy as np

    if request["session"]:
        os.setsid()
        if os.isatty(0):
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    tempfile.tempdir = None
    random.seed()
    np.random.seed()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        unbuffered = before.write_through
        file = open(number, "wb" if number else "rb", 0 if unbuffered and number else -1, closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(
            file,
            before.encoding,
            before.errors,
            line_buffering=not unbuffered and (name == "stderr" or file.isatty()),
            write_through=unbuffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _import_what_is_heavy() -> None:
    """All but what looks at the terminal while it is imported, and what takes libraries that may not be there."""
    import importlib
    import pkgutil

    import cifar_tui

    for name in ("matplotlib.backends.backend_agg", "matplotlib.figure", "textual.app", "textual.widgets"):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(cifar_tui.__path__, "cifar_tui."):
        if not module.name.startswith(("cifar_tui.tui.", "cifar_tui.adapters.", "cifar_tui.__main__")):
            importlib.import_module(module.name)


def _end(ending: dict[str, int]) -> None:
    """Leave the process as Python does, but for taking modules and libraries apart: most commands take less time."""
    if "status" in ending:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        ctypes.PyDLL(None).fflush(None)
        os._exit(ending["status"])


def _main(ending: dict[str, int]) -> None:
    """Serve; in each process that is forked, run what was asked for, and note the status that it ends with."""
    import gc
    import runpy
    import types

    atexit.register(_end, ending)  # The first one is called last.
    del sys.path[0]
    number = int(sys.argv[1])
    _import_what_is_heavy()
    gc.collect()
    gc.freeze()
    request = _serve(socket.socket(fileno=number))
    _become(request)
    how, what, *arguments = request["command"]
    sys.orig_argv = [sys.executable, *request["command"]]
    sys.path[:0] = [ROOT] if "PYTHONPATH" in os.environ and ROOT not in sys.path else []
    sys.path.insert(0, request["cwd"] if how == "-m" else "")
    try:
        if how == "-m":
            sys.argv = ["", *arguments]
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.argv = ["-c", *arguments]
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(what, "<string>", "exec"), vars(main))  # noqa: S102
    except SystemExit as error:
        ending["status"] = error.code if isinstance(error.code, int) else int(error.code is not None)
        raise
    except Exception:
        ending["status"] = 1
        raise
    ending["status"] = 0


if __name__ == "__main__":
    _main({})
