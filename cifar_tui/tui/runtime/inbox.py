"""Messages of training threads on their way to the screen: handled in bursts, so that no batch wakes it by itself."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cifar_tui.runs.messages import Message
    from cifar_tui.runs.run import Run


class Inbox:
    """A queue that many threads fill and one empties."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[tuple[Run, Message]] = SimpleQueue()
        """For who reads on when the screen is gone."""
        self._wake: Callable[[], None] | None = None
        self._woken = False

    def open(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread, when the first message after a `take` is there."""
        self._wake = wake
        if not self.queue.empty():
            wake()

    def close(self) -> None:
        """Wake nobody any more; messages are still kept."""
        self._wake = None

    def put(self, run: Run, message: Message) -> None:
        """From any thread; never waits."""
        self.queue.put((run, message))
        if not self._woken and (wake := self._wake) is not None:
            self._woken = True
            wake()

    def take(self) -> list[tuple[Run, Message]]:
        """All messages since the last call, in order."""
        # Before the queue is read: a message that comes while it is read wakes again.
        self._woken = False
        taken: list[tuple[Run, Message]] = []
        while True:
            try:
                taken.append(self.queue.get_nowait())
            except Empty:
                return taken
