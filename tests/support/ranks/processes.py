"""Processes that train together: the program, or a function of `tests.support.ranks.tasks`, in each of several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.distributed import TCPStore  # type: ignore[attr-defined]

from tests.support import command, fork_server

SECONDS = 120
"""How long they may take on a busy machine."""
_stores: list[TCPStore] = []
"""Of all groups, as long as this process lives."""
_TASK = "import sys; from tests.support.ranks.tasks import main; main(sys.argv[1:])"


def environments(processes: int) -> list[dict[str, str]]:
    """What a launcher sets for each of so many processes on one host, whose store is this process's."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    _stores.append(store)
    common = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes), "GLOO_SOCKET_IFNAME": "lo"}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    return [common | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]


def start_program(arguments: Sequence[str], cwd: Path, processes: int = 2) -> list[subprocess.Popen[str]]:
    """Start the program with these arguments in so many processes, by rank."""
    return [command.start(arguments, cwd, env) for env in environments(processes)]


def run_program(arguments: Sequence[str], cwd: Path, processes: int = 2) -> list[subprocess.CompletedProcess[str]]:
    """Run it to its end."""
    return finish(start_program(arguments, cwd, processes))


def finish(started: Sequence[subprocess.Popen[str]]) -> list[subprocess.CompletedProcess[str]]:
    """Wait for the end of processes; none is left behind."""
    try:
        outputs = [process.communicate(timeout=SECONDS) for process in started]
    finally:
        for process in started:
            process.kill()
    return [
        subprocess.CompletedProcess(process.args, process.returncode, *output)
        for process, output in zip(started, outputs, strict=True)
    ]


def call(task: str, cwd: Path, *arguments: Any, processes: int = 2) -> list[Any]:
    """Call a function of `tasks` in so many processes.

    Returns:
        By rank, what it returned or what it raised, as `TYPE: message`; None for a process that was killed.
    """
    words = [sys.executable, "-c", _TASK, task, json.dumps(arguments)]
    env = dict(os.environ) | {"PYTHONPATH": fork_server.ROOT}
    started = [fork_server.start(words, cwd=cwd, env=env | own) for own in environments(processes)]
    return [_result(process) for process in finish(started)]


def _result(process: subprocess.CompletedProcess[str]) -> Any:
    if process.returncode < 0:
        return None
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])
