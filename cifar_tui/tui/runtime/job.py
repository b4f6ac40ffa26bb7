"""Work for a view on a thread of its own, which tells how far it is, and ends once nobody wants it any more."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from cifar_tui.errors import error_text
from cifar_tui.tui.runtime import background

T = TypeVar("T")
U = TypeVar("U")
TELL_SECONDS = 0.5
"""How often the screen is told how far it is."""
Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much, 0 where that is not known."""


class _Closed(Exception):  # noqa: N818  (a request that ends the work, not an error)
    """Unwinds the thread of what nobody wants any more."""


class Job(Generic[T]):
    """What is done for a view. After `close`, nothing is told of it."""

    def __init__(
        self,
        work: Callable[[Progress], T],
        wording: Callable[[str, int, int], str],
        told: Callable[[str], None],
        done: Callable[[T], None],
        failed: Callable[[str], None],
    ) -> None:
        """Begin.

        Args:
            work: Called on the thread; it tells how far it is, which raises once it is to end.
            wording: How far it is, in words; called on the thread.
            told: Called within the event loop with these words, now and then.
            done: Called there with what came of it.
            failed: Called there with why nothing did.
        """
        self.closed = threading.Event()
        self._wording, self._told = wording, told
        self._on_loop = background.caller()
        self._last, self._following = "", 0.0
        background.run(
            lambda: work(self._progress),
            functools.partial(self._tell, done),
            lambda error: self._tell(failed, error_text(error)),
            awaited=True,
        )

    def close(self) -> None:
        """Tell nothing any more, and end what is under way."""
        self.closed.set()

    def _progress(self, what: str, done: int, total: int) -> None:
        if self.closed.is_set():
            raise _Closed
        text, now = self._wording(what, done, total), time.monotonic()
        if text != self._last and now >= self._following:
            self._last, self._following = text, now + TELL_SECONDS
            self._on_loop(functools.partial(self._tell, self._told, text))

    def _tell(self, what: Callable[[U], None], value: U) -> None:
        if not self.closed.is_set():
            what(value)


def so_far(what: str, done: int, total: int) -> str:
    """What is done, and which part of it: `decoding images 30 %`."""
    return f"{what} {100 * done // total} %" if total else what
