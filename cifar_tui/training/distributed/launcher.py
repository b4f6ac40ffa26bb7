"""Starts the processes of `--devices` on this machine by PyTorch's elastic launcher, and waits for them.

The launcher (its agent) starts all of them again when one is lost. Its thread is not the main one, so that it leaves
signals alone: they are rank 0's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, launch_agent

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.formatting import plural
from cifar_tui.system import processors
from cifar_tui.system.paths import python_path
from cifar_tui.training.devices import resolve_device
from cifar_tui.training.distributed.environment import EXCHANGE, LAUNCHER
from cifar_tui.training.distributed.exchange import Exchange
from cifar_tui.training.distributed.signal_relay import SignalRelay

MAX_RESTARTS = 10
MONITOR_SECONDS = 0.2
"""How often the agent looks for lost processes."""
RELAY_SECONDS = 0.1
ABORT_SECONDS = 1.0
"""How long rank 0 has for its last words after a second signal."""
LEAVE_SECONDS = 10.0
"""How long the other processes may take to end after all is done and rank 0 has ended."""


def count_processes(config: TrainingConfig) -> int:
    """The number of processes that `--devices` asks for on this machine.

    Raises:
        InputError: There are not as many devices.
    """
    if config.devices == "1":
        return 1
    option = f"--devices {config.devices}"
    if ":" in config.device:
        raise InputError(f"{option}: --device {config.device} is one GPU; give --device cuda, or leave --devices out")
    gpus = _count_gpus(config)
    if config.device == "cuda" and not gpus:
        resolve_device(config)  # It says why there is none.
    if config.devices == "all":
        if not gpus:
            why = "the CPU is one device" if config.device == "cpu" else "there is no GPU here"
            raise InputError(f"{option}: {why}; give the number of processes that are to share the CPU")
        return gpus
    if 0 < gpus < int(config.devices):
        raise InputError(f"{option}: {plural(gpus, 'GPU')} can be used here; give --devices all")
    return int(config.devices)


def has_gpus(config: TrainingConfig) -> bool:
    """Whether these options train on GPUs here."""
    return _count_gpus(config) > 0


def _count_gpus(config: TrainingConfig) -> int:
    return torch.cuda.device_count() if config.device != "cpu" else 0


def launch(
    command: Sequence[str], processes: int, *, threads: int, started: Callable[[str], None] | None = None
) -> int:
    """Run a command in several processes that train together, until all have ended.

    To be called on the main thread: SIGINT, SIGTERM, SIGHUP and SIGUSR1 are passed on to rank 0.

    Args:
        command: The program and its arguments.
        processes: How many.
        threads: CPU threads of each; 0 shares the processors among them.
        started: Called with a run's id once that has started. Where it is given, ranks other than 0 print nothing.

    Returns:
        The exit status that one of them has left, or 128 and the number of a second signal, which kills them all.

    Raises:
        CifarTuiError: They could not be started, or were lost too often.
    """
    with tempfile.TemporaryDirectory(prefix="cifar-tui-", ignore_cleanup_errors=True) as folder:
        # PyTorch starts them with the environment and the standard files of this process.
        os.environ.update(environment_of(Path(folder), processes, threads))
        _close_input()
        exchange = Exchange(Path(folder))
        agent = _Agent(command, processes, Path(folder) / "logs", quiet=started is not None)
        with SignalRelay(exchange) as relay:
            agent.start()
            leave_by = None
            while agent.is_alive():
                relay.relay(RELAY_SECONDS)
                if started is not None and (run_id := exchange.run_id()) is not None:
                    started(run_id)
                    started = None
                if relay.aborted:
                    return _abort(exchange, relay)
                if exchange.status() is not None and exchange.pid() is None:
                    leave_by = leave_by or time.monotonic() + LEAVE_SECONDS
                    if time.monotonic() > leave_by:
                        _kill_all()
                        break
        status = exchange.status()
    if status is not None:
        return status
    if isinstance(agent.error, ChildFailedError):
        raise CifarTuiError(
            f"the processes of the run were lost {MAX_RESTARTS + 1} times; `cifar-tui runs` shows what was saved, and "
            "`cifar-tui resume RUN` resumes it"
        )
    raise CifarTuiError(f"the processes could not be started: {agent.error or 'they ended without a status'}")


class _Agent(threading.Thread):
    """PyTorch's elastic agent, on a thread that ends with its processes."""

    def __init__(self, command: Sequence[str], processes: int, logs: Path, *, quiet: bool) -> None:
        super().__init__(name="elastic-agent", daemon=True)
        self.error: Exception | None = None
        # It substitutes `${local_rank}`.
        self._program, *self._arguments = (word.replace("$", "$$") for word in command)
        self._config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=str(uuid.uuid4()),
            # The store of this rendezvous is a server of this process, on a free port.
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=MAX_RESTARTS,
            monitor_interval=MONITOR_SECONDS,
            logs_specs=DefaultLogsSpecs(log_dir=str(logs), local_ranks_filter={0} if quiet else None),
        )

    def run(self) -> None:
        """Run the processes, and start them again."""
        # It warns that it handles no signals, and reports each lost process.
        logger = logging.getLogger("torch.distributed.elastic")
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
        try:
            launch_agent(self._config, self._program, self._arguments)
        except Exception as error:  # noqa: BLE001  (the main thread reports it)
            self.error = error


def environment_of(folder: Path, processes: int, threads: int) -> dict[str, str]:
    """The variables of the processes that are not those of the launcher."""
    found = {EXCHANGE: str(folder), LAUNCHER: str(os.getpid()), "PYTHONPATH": python_path()}
    if not threads and "OMP_NUM_THREADS" not in os.environ:
        found["OMP_NUM_THREADS"] = str(max(1, processors.usable().count // processes))
    return found


def _close_input() -> None:
    """Have standard input be empty: the processes are in sessions of their own, which no terminal belongs to."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _abort(exchange: Exchange, relay: SignalRelay) -> int:
    """End all processes after a second signal."""
    status = 128 + relay.aborted
    exchange.finish(status)  # For processes that the agent is about to start.
    deadline = time.monotonic() + ABORT_SECONDS
    while exchange.pid() is not None and time.monotonic() < deadline:
        relay.relay(RELAY_SECONDS)
    _kill_all()
    return status


def _kill_all() -> None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
