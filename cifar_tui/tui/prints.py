"""What libraries print while the dashboard is on: kept off the screen, and handed on line by line."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Self

LONGEST = 4096
"""Of one line, the most bytes that are kept."""


class Prints:
    """While it is entered, what the process writes to its descriptors 1 and 2 goes to `take`, a line at a time.

    That includes libraries in C, which know nothing of `sys.stdout`. The terminal stays reachable for Textual, which
    draws on `sys.__stderr__` and takes the size of `sys.__stdout__`.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        """Prepare to hand lines to `take`, which is called on a thread of its own."""
        self._take = take

    def __enter__(self) -> Self:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._terminal = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        self._streams = sys.__stdout__, sys.__stderr__
        sys.__stdout__ = sys.__stderr__ = self._terminal  # type: ignore[misc]
        self._before = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
        reading, writing = os.pipe()
        for descriptor in (1, 2):
            os.dup2(writing, descriptor)
        os.close(writing)
        self._thread = threading.Thread(target=self._read, args=(reading,), name="prints", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor, before in self._before.items():
            os.dup2(before, descriptor)
            os.close(before)
        # Both ends that we had are closed now, but a child may hold one still.
        self._thread.join(0.5)
        sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc]
        with contextlib.suppress(OSError):  # It may be gone.
            self._terminal.close()

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb") as pipe:
            while text := pipe.readline(LONGEST):
                self._take(text.decode("utf-8", "replace").rstrip())
