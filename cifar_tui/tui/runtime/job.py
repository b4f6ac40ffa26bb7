"""Work for a view on a thread of its own, which reports its progress, and ends once nobody wants it any more."""

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
REPORT_SECONDS = 0.5
"""How often progress is shown."""
ProgressCallback = Callable[[str, int, int], None]
"""Called with the step, how much of it is done, and of how much; 0 where that is not known."""


class _Closed(Exception):  # noqa: N818  (a request that ends the work, not an error)
    """Unwinds the thread of what nobody wants any more."""


class Job(Generic[T]):
    """Work for a view. After `close`, nothing is reported."""

    def __init__(
        self,
        work: Callable[[ProgressCallback], T],
        wording: Callable[[str, int, int], str],
        report: Callable[[str], None],
        done: Callable[[T], None],
        failed: Callable[[str], None],
    ) -> None:
        """Start.

        Args:
            work: Called on the thread; it reports its progress, which raises once it is to end.
            wording: Makes the text from the progress; called on the thread.
            report: Called within the event loop with this text, now and then.
            done: Called there with what came of it.
            failed: Called there with why nothing did.
        """
        self.closed = threading.Event()
        self._wording, self._report = wording, report
        self._on_loop = background.caller()
        self._last, self._following = "", 0.0
        background.run(
            lambda: work(self._progress),
            functools.partial(self._call, done),
            lambda error: self._call(failed, error_text(error)),
            awaited=True,
        )

    def close(self) -> None:
        """Report nothing any more, and end the work."""
        self.closed.set()

    def _progress(self, what: str, done: int, total: int) -> None:
        if self.closed.is_set():
            raise _Closed
        text, now = self._wording(what, done, total), time.monotonic()
        if text != self._last and now >= self._following:
            self._last, self._following = text, now + REPORT_SECONDS
            self._on_loop(functools.partial(self._call, self._report, text))

    def _call(self, what: Callable[[U], None], value: U) -> None:
        if not self.closed.is_set():
            what(value)


def so_far(what: str, done: int, total: int) -> str:
    """What is done, and which part of it: `decoding images 30 %`."""
    return f"{what} {100 * done // total} %" if total else what
