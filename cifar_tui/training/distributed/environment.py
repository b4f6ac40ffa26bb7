"""What a launcher says in the environment of each of the processes that train a run together."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cifar_tui.errors import InputError

EXCHANGE = "CIFAR_TUI_EXCHANGE"
"""The variable of `Worker.exchange`."""
LAUNCHER = "CIFAR_TUI_LAUNCHER"
"""That of `Worker.launcher`."""


@dataclass(frozen=True, slots=True)
class Worker:
    """This process as one of those that train a run together: it has one device.

    Source: the environment variables that `torchrun` documents, which other launchers set too.

    Attributes:
        rank: Its number, from 0. The process of rank 0 owns the run's folder.
        processes: How many there are, on all hosts.
        local_rank: Its number among those of its host, from 0.
        local_processes: How many there are on its host.
        launch: The launcher's id of all its processes, the same when it restarts them; empty where it has none.
        launcher: The pid of the launcher, where it is `--devices`; else 0.
        exchange: The folder through which rank 0 and `--devices` reach each other; None under another launcher.
    """

    rank: int
    processes: int
    local_rank: int
    local_processes: int
    launch: str = ""
    launcher: int = 0
    exchange: Path | None = None


def current(environment: Mapping[str, str] = os.environ) -> Worker | None:
    """This process's place; None where no launcher has started it, or one that has started it alone for good.

    Raises:
        InputError: The variables are incomplete, or no such numbers.
    """
    if "RANK" not in environment or "WORLD_SIZE" not in environment:
        return None
    rank, processes = _number(environment, "RANK"), _number(environment, "WORLD_SIZE")
    if processes == 1 and "TORCHELASTIC_RUN_ID" not in environment:
        return None
    local_rank = _number(environment, "LOCAL_RANK", 0 if processes == 1 else None)
    local_processes = _number(environment, "LOCAL_WORLD_SIZE", local_rank + 1)
    if not (rank < processes and local_rank < local_processes <= processes):
        raise InputError(
            f"the launcher's RANK={rank}, WORLD_SIZE={processes}, LOCAL_RANK={local_rank} and "
            f"LOCAL_WORLD_SIZE={local_processes} contradict each other"
        )
    exchange = environment.get(EXCHANGE)
    return Worker(
        rank,
        processes,
        local_rank,
        local_processes,
        launch=environment.get("TORCHELASTIC_RUN_ID", ""),
        launcher=_number(environment, LAUNCHER, 0),
        exchange=Path(exchange) if exchange else None,
    )


def launched_at() -> float:
    """When the launcher that has started this process was started, in seconds since the epoch; if it is gone, now."""
    import psutil  # The command line, which asks who it is among several processes, is not to wait for it.

    try:
        return psutil.Process(os.getppid()).create_time()
    except psutil.Error:
        return time.time()


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environment.get(name, "")
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text)
    if not text and default is not None:
        return default
    problem = f"is {text!r}, which is no number" if text else "is not set"
    raise InputError(f"the launcher's {name} {problem}; start the processes with torchrun, or by --devices")
