"""Signals that reach the launcher, on their way to rank 0."""

from __future__ import annotations

import contextlib
import os
import signal
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Self

from cifar_tui.system.ending_signals import ENDING, HANDLED, EndingSignals
from cifar_tui.training.distributed.exchange import Exchange


class SignalRelay:
    """Handles signals in the main thread, and passes them on to rank 0 as soon as there is a living one.

    A process that takes the place of a lost rank 0 receives those again that concern the whole run: the first that ends
    it, and that the terminal is gone.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.aborted = 0
        """The number of the second ending signal: nobody waits for the run any more."""
        self._exchange = exchange
        self._received = SimpleQueue[int]()
        self._waiting: list[int] = []
        self._delivered: list[int] = []
        self._target: int | None = None
        self._ending = EndingSignals()

    def __enter__(self) -> Self:
        # One that is to be ignored, as under nohup, still is: by the processes that are started, too.
        wanted = [number for number in HANDLED if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._handle) for number in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def relay(self, seconds: float) -> None:
        """Wait for a signal, this long at most, and deliver what can be delivered."""
        with contextlib.suppress(Empty):
            self._accept(self._received.get(timeout=seconds))
        if self._waiting or self._delivered:
            self._deliver()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._received.put(number)

    def _accept(self, number: int) -> None:
        if number in ENDING:
            if (which := self._ending.count(number)) == "again":
                return
            self.aborted = number if which == "second" else 0
        self._waiting.append(number)

    def _deliver(self) -> None:
        if (pid := self._exchange.pid()) is None:
            return
        if pid != self._target:
            self._waiting[:0] = dict.fromkeys(n for n in self._delivered if n in (self._ending.first, signal.SIGHUP))
            self._target, self._delivered = pid, []
        with contextlib.suppress(ProcessLookupError):
            while self._waiting:
                if self._waiting[0] in ENDING:
                    self._exchange.announce_ending()
                os.kill(pid, self._waiting[0])
                self._delivered.append(self._waiting.pop(0))
