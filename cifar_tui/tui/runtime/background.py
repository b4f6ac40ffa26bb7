"""Work beside the screen: on threads of its own, its results handed to the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def run(
    work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None], *, awaited: bool = False
) -> None:
    """Do `work` on a thread, then call `done` with its result or `failed` with its error, within this event loop.

    The process does not wait for the thread when it ends, unless it is `awaited`: what computes must not be cut off
    within an operation, and has to see by itself that it is to end.
    """
    on_loop = caller()

    def main() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  (whatever it is, the screen shows it)
            on_loop(functools.partial(failed, error))
        else:
            on_loop(functools.partial(done, result))

    threading.Thread(target=main, name="background", daemon=not awaited).start()


def caller() -> Callable[[Callable[[], None]], None]:
    """What has a function called within this event loop, and within this context, from any thread.

    Textual knows by the context which app is meant. Nothing happens where the loop has ended.
    """
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()

    def on_loop(call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(call, context=context)

    return on_loop


class Watch:
    """Calls `look` every few seconds on a thread, and hands what it gives to `show`, from its making to `stop`."""

    def __init__(self, look: Callable[[], T], show: Callable[[T], None], seconds: float) -> None:
        self._stopped = threading.Event()
        on_loop = caller()

        def give(seen: T) -> None:
            if not self._stopped.is_set():
                show(seen)

        def main() -> None:
            while not self._stopped.is_set():
                on_loop(functools.partial(give, look()))
                self._stopped.wait(seconds)

        threading.Thread(target=main, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Show nothing any more."""
        self._stopped.set()
