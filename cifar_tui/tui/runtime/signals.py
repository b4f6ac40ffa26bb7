"""The signals that end the program, from before the first picture until someone else handles them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


class Signals:
    """Textual handles none of them: it would leave the terminal as it is, and the runs unsaved."""

    def __init__(self) -> None:
        self.received = 0
        """The number of the first that came to end the program; any other takes the place of SIGHUP."""
        self._end: Callable[[int], None] | None = None
        self._checkpoint: Callable[[], None] = lambda: None

    def install(self) -> None:
        """Handle them from now on; one that was to be ignored, as under nohup, still is."""
        for number in HANDLED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def handle_by(self, end: Callable[[int], None], checkpoint: Callable[[], None]) -> None:
        """Call `end` with the number of the one that ends the program, also if it has come already.

        SIGUSR1 calls `checkpoint`.
        """
        self._end, self._checkpoint = end, checkpoint
        if self.received:
            end(self.received)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            self._checkpoint()
        elif self.received in (0, signal.SIGHUP) and number != self.received:
            self.received = number
            if self._end is not None:
                self._end(number)
