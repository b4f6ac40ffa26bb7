"""Signals while runs train without a dashboard."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from queue import SimpleQueue
from types import FrameType
from typing import Protocol, Self

from cifar_tui.events import RunStatus
from cifar_tui.headless.displays import Display
from cifar_tui.runs.messages import Message
from cifar_tui.runs.run import Run
from cifar_tui.system.ending_signals import HANDLED, EndingSignals


class Stoppable(Protocol):
    """A run, in this process or in several."""

    def stop(self, state: RunStatus, why: str) -> None:
        """Ask it to end in this state after this batch, with a checkpoint."""

    def checkpoint(self) -> None:
        """Ask it for a checkpoint after this batch."""


class HungUp:
    """The terminal is gone."""


Item = tuple[Run, Message] | str | HungUp
"""What the main thread waits for: a run's message, a notice to print, or that the terminal is gone."""


class Signals:
    """SIGINT and SIGTERM: the first has the runs save and stop, a second aborts the process at once.

    SIGHUP only takes the terminal away; SIGUSR1 has the runs write checkpoints.
    """

    def __init__(self, display: Display, queue: SimpleQueue[Item]) -> None:
        self.runs: Sequence[Stoppable] = ()
        self.received = 0
        """The exit status of the signal that came; 0 before that."""
        self.hung_up = False
        """Whether the terminal is gone, and the runs keep logs."""
        self._ending = EndingSignals()
        self._display = display
        self._queue = queue

    def __enter__(self) -> Self:
        wanted = [number for number in HANDLED if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._handle) for number in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._queue.put(HungUp())
        elif number == signal.SIGUSR1:
            for run in self.runs:
                run.checkpoint()
        else:
            self._stop(number)

    def _stop(self, number: int) -> None:
        if self._ending.count(number) == "again":
            return
        if self.received:
            self._display.abort()
            with contextlib.suppress(OSError):
                os.write(2, b"cifar-tui: aborted; `cifar-tui runs` shows what was saved\n")
            os._exit(128 + number)
        name = signal.Signals(number).name
        # Not print: the signal may have come in the middle of another one. To put something into this queue is safe.
        self._queue.put(f"{name}: saving and stopping; a second signal aborts at once")
        self.stop_runs(128 + number, f"interrupted by {name}")

    def stop_runs(self, status: int, why: str) -> None:
        """Have the runs save and end for this reason, and the process with this exit status."""
        self.received = status
        for run in self.runs:
            run.stop("interrupted", why)
