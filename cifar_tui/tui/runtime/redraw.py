"""When changes are drawn: seldom enough that the training does not slow down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
MIN_SECONDS = 0.7
MAX_SECONDS = 4.0
SHARE = 0.015
"""The part of one core that drawing may take beside a training. Its threads wait for each other at every operation: on
a busy machine, what one core spends on the screen, all of them lose."""


class RedrawQueue(Generic[T]):
    """Collects what has changed and has it drawn some time later: the later, the more CPU time the last drawing took.

    All methods are for the screen's thread, within its event loop.
    """

    def __init__(self, draw: Callable[[set[T]], None]) -> None:
        self._draw = draw
        self._changed: set[T] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._spent = time.thread_time()

    def add(self, *changed: T) -> None:
        """Draw these when it is time."""
        self._changed.update(changed)
        if self._changed and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._next), self._on_time)

    def draw_now(self, *changed: T) -> None:
        """Draw these, and what waits, at once: a person asked for it, or waits for it."""
        waiting, self._changed = self._changed | set(changed), set()
        self._draw(waiting)

    def stop(self) -> None:
        """Draw nothing more by itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _on_time(self) -> None:
        self._timer = None
        self.draw_now()
        # All that this thread did since the last drawing: Textual writes to the terminal when this is over.
        spent, self._spent = time.thread_time() - self._spent, time.thread_time()
        wait = min(MAX_SECONDS, max(MIN_SECONDS, spent / SHARE))
        self._next = asyncio.get_running_loop().time() + wait
