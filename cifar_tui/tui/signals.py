"""The signals that end the program, from before the first picture until someone else answers them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Textual answers none of them: it would leave the terminal as it is, and the runs unsaved."""

    def __init__(self) -> None:
        self.received = 0
        """The number of the first that came."""
        self._answer: Callable[[int], None] | None = None

    def install(self) -> None:
        """Answer them from now on; one that was to be ignored, as under nohup, still is."""
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def answer_by(self, answer: Callable[[int], None]) -> None:
        """Call `answer` with the number of the first that comes, or that has come already."""
        self._answer = answer
        if self.received:
            answer(self.received)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if not self.received:
            self.received = number
            if self._answer is not None:
                self._answer(number)
