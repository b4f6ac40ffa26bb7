"""Signals that end a program: which of them count."""

from __future__ import annotations

import signal
import time
from typing import Literal

ENDING = (signal.SIGINT, signal.SIGTERM)
HANDLED = (*ENDING, signal.SIGHUP, signal.SIGUSR1)
"""These, that the terminal is gone, and the one that asks for a checkpoint."""
SAME_SIGNAL_SECONDS = 0.5
"""Equal signals that come within this time are one: `timeout` and the like signal a process, and then its group."""


class EndingSignals:
    """Counts those that come: the first has a program save and end, a second ends it at once."""

    def __init__(self) -> None:
        self.first = 0
        """The number of the first one; 0 before it came."""
        self._first_at = 0.0

    def count(self, number: int) -> Literal["first", "again", "second"]:
        """Take a signal: the first one, the first one once more, or a second one."""
        now = time.monotonic()
        if not self.first:
            self.first, self._first_at = number, now
            return "first"
        return "again" if number == self.first and now - self._first_at < SAME_SIGNAL_SECONDS else "second"
