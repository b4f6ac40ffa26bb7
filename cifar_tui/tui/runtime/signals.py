"""The signals that end the program, from before the first picture until someone else answers them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

ANSWERED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


class Signals:
    """Textual answers none of them: it would leave the terminal as it is, and the runs unsaved."""

    def __init__(self) -> None:
        self.received = 0
        """The number of the first that came to end the program; SIGHUP gives way to any other."""
        self._answer: Callable[[int], None] | None = None
        self._checkpoint: Callable[[], None] = lambda: None

    def install(self) -> None:
        """Answer them from now on; one that was to be ignored, as under nohup, still is."""
        for number in ANSWERED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def answer_by(self, answer: Callable[[int], None], checkpoint: Callable[[], None]) -> None:
        """Call `answer` with the number of the one that ends the program, also if it has come already.

        SIGUSR1 calls `checkpoint`.
        """
        self._answer, self._checkpoint = answer, checkpoint
        if self.received:
            answer(self.received)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            self._checkpoint()
        elif self.received in (0, signal.SIGHUP) and number != self.received:
            self.received = number
            if self._answer is not None:
                self._answer(number)
