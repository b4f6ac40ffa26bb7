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
GONE_SECONDS = 60.0
"""How long a process may take to save and end once it is not."""


class Launched:
    """What a process owes its launcher while it handles signals; nothing where it has none."""

    def __init__(self, worker: Worker | None, signals: Signals) -> None:
        self._worker = worker
        self._signals = signals
        self._launcher = worker.launcher if worker and worker.launcher else os.getppid()
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
    def is_ending(self) -> bool:
        """Whether a signal to this process is one by which somebody ends the run.

        Launchers signal the processes that are left, too, when one is lost: `--devices` tells the two apart.
        """
        return self.exchange is None or self.exchange.is_ending()

    @property
    def is_over(self) -> bool:
        """Whether processes before this one have ended all that there was to do."""
        return self.exchange is not None and self.exchange.status() is not None

    def exit_status(self, status: int, *, is_done: bool) -> int:
        """The exit status by which the launcher knows what to do.

        Args:
            status: That of the program.
            is_done: Whether there is nothing left to do; if not, all processes are to be started again.
        """
        if self.exchange is None or not is_done:
            return status
        # Any other than 0 would have it start them again.
        self.exchange.finish(status)
        return 0

    def _watch_launcher(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            if os.getppid() != self._launcher:
                self._signals.stop_runs(1, "interrupted because its launcher is gone,")
                if not self._ended.wait(GONE_SECONDS):
                    os._exit(1)  # It waits for processes that nobody starts.
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
    ended = SimpleQueue[None]()  # Also a signal may put something into it, at any moment.
    runs = WorkerRuns(worker, lambda: ended.put(None))
    signals = Signals(Display(), queue)
    signals.runs = [runs]  # Before a signal can come.
    with signals, Launched(worker, signals) as launched:
        if launched.is_over:
            return 0
        runs.start()
        ended.get()  # Rank 0 prints what is put into the queue.
        if debug and runs.traceback:
            print(runs.traceback, file=sys.stderr)
        if runs.message:
            print(f"cifar-tui: {printable(runs.message)}", file=sys.stderr)
        elif launched.exchange is not None and runs.is_done:
            return 0
        return launched.exit_status(runs.status, is_done=runs.is_done)
