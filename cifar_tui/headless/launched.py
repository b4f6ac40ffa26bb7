"""What a process of several does for the launcher that has started it, and all that one of another rank than 0 does."""

from __future__ import annotations

import os
import sys
import threading
from queue import SimpleQueue
from typing import Self

from cifar_tui.formatting import printable
from cifar_tui.headless.displays import Display
from cifar_tui.headless.signals import Item, Signals
from cifar_tui.runs.launched.worker import WorkerRuns
from cifar_tui.training.distributed.environment import Worker
from cifar_tui.training.distributed.exchange import Exchange

WATCH_SECONDS = 1.0
"""How often to look whether the launcher is still there."""


class Launched:
    """What a process owes its launcher while it handles signals; nothing where it has none."""

    def __init__(self, worker: Worker | None, signals: Signals) -> None:
        self._worker = worker
        self._signals = signals
        self._launcher = os.getppid()
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._watch_launcher, name="launcher", daemon=True)
        self.exchange = Exchange(worker.exchange) if worker and worker.exchange else None
        """Where rank 0 and `--devices` reach each other."""

    def __enter__(self) -> Self:
        if self._worker is not None:
            self._watch.start()
            if self.exchange and self._worker.rank == 0:
                self.exchange.announce_process()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._watch.is_alive():
            self._watch.join()

    @property
    def is_over(self) -> bool:
        """Whether processes before this one have ended all that there was to do."""
        return self.exchange is not None and self.exchange.status() is not None

    def exit_status(self, status: int, *, lost: bool) -> int:
        """The exit status by which the launcher knows what to do.

        Args:
            status: That of the program.
            lost: Whether another process is gone, so that all are to be started again.
        """
        if self.exchange is None or lost:
            return status
        # Any other than 0 would have it start them again.
        self.exchange.finish(status)
        return 0

    def _watch_launcher(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            if os.getppid() != self._launcher:
                self._signals.stop_runs(1, "interrupted because its launcher is gone,")
                return


def work(worker: Worker, *, debug: bool) -> int:
    """Train, in a process of another rank than 0, what rank 0 says.

    Args:
        worker: This process's place.
        debug: Whether an error shows its traceback.

    Returns:
        The exit status.
    """
    queue: SimpleQueue[Item] = SimpleQueue()
    ended = threading.Event()
    runs = WorkerRuns(worker, ended.set)
    with Signals(Display(), queue) as signals, Launched(worker, signals) as launched:
        if launched.is_over:
            return 0
        signals.runs = [runs]
        runs.start()
        ended.wait()  # Rank 0 prints what is put into the queue.
        if debug and runs.traceback:
            print(runs.traceback, file=sys.stderr)
        if runs.message:
            print(f"cifar-tui: {printable(runs.message)}", file=sys.stderr)
        elif launched.exchange is not None and not runs.lost:
            return 0
        return launched.exit_status(runs.status, lost=runs.lost)
