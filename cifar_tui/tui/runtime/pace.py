"""How often the screen is drawn by itself: seldom enough that the training does not notice it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LEAST_SECONDS = 0.7
MOST_SECONDS = 4.0
SHARE = 0.015
"""The part of one core that drawing may take beside a training. Its threads wait for each other at every operation: on
a busy machine, what one core spends on the screen, all of them lose."""


class Pace:
    """Calls `draw` some time after it was asked to; later, the more processor time the last drawing took.

    Drawings that a person asked for do not wait, and do not go through here.
    """

    def __init__(self, draw: Callable[[], None]) -> None:
        self._draw = draw
        self._due: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._spent = time.thread_time()

    def ask(self) -> None:
        """There is something new to draw. To be called on the screen's thread, within its event loop."""
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._next), self._now)

    def stop(self) -> None:
        """Draw no more."""
        if self._due is not None:
            self._due.cancel()

    def _now(self) -> None:
        self._due = None
        self._draw()
        # All that this thread did since the last drawing: Textual writes to the terminal when this is over.
        spent, self._spent = time.thread_time() - self._spent, time.thread_time()
        wait = min(MOST_SECONDS, max(LEAST_SECONDS, spent / SHARE))
        self._next = asyncio.get_running_loop().time() + wait
