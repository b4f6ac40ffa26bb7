"""What libraries print while the dashboard is shown: kept off the screen, and handed on line by line."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Self

from cifar_tui.formatting import plural
from cifar_tui.system import output

MAX_LINE_BYTES = 4096
MAX_LINES = 50
"""Lines that are handed on in a second; the others are counted."""
PIPE_BYTES = 1 << 20
"""A library that holds the interpreter's lock while it prints keeps the reader from reading: this much must fit."""


class OutputCapture:
    """While it is entered, what the process writes to its descriptors 1 and 2 goes to `take`, a line at a time.

    That includes libraries in C, which know nothing of `sys.stdout`. What standard output was stays reachable as
    `terminal`.
    """

    terminal: io.TextIOWrapper

    def __init__(self, take: Callable[[str], None]) -> None:
        """Prepare to hand lines to `take`, which is called on a thread of its own."""
        self._take = take
        self._counting = threading.Lock()
        self._lines = 0
        """Since the first one of this second."""

    def __enter__(self) -> Self:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.terminal = os.fdopen(os.dup(output.descriptor()), "w", encoding="utf-8", errors="replace")
        self._streams = sys.stdout, sys.stderr
        self._before = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
        reading, writing = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # Where pipes are limited, it is as large as it was.
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        for descriptor in (1, 2):
            os.dup2(writing, descriptor)
        os.close(writing)
        self._thread = threading.Thread(target=self._read, args=(reading,), name="prints", daemon=True)
        self._thread.start()
        return self

    def restore_streams(self) -> None:
        """Undo what Textual has redirected while it started.

        The streams that it puts in place of the standard ones hand on text alone, and lack most of what else a stream
        has. What is written to the standard ones is handed on here anyway.
        """
        sys.stdout, sys.stderr = self._streams

    def __exit__(self, *_: object) -> None:
        for descriptor, before in self._before.items():
            os.dup2(before, descriptor)
            os.close(before)
        # Both ends that we had are closed now, but a child may hold one still.
        self._thread.join(0.5)
        with contextlib.suppress(OSError):  # It may be gone.
            self.terminal.close()

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb") as pipe:
            for text in _lines(pipe):
                with self._counting:
                    self._lines += 1
                    lines = self._lines
                if lines <= MAX_LINES:
                    self._take(text)
                if lines == 1:
                    second = threading.Timer(1.0, self._end_second)
                    second.daemon = True
                    second.start()
            self._end_second()

    def _end_second(self) -> None:
        """Report how many lines were left out since the first one."""
        with self._counting:
            lines, self._lines = self._lines, 0
        if lines > MAX_LINES:
            self._take(f"… {plural(lines - MAX_LINES, 'line')} left out: more than {MAX_LINES} a second")


def _lines(pipe: io.BufferedReader) -> Iterable[str]:
    """Each line as it stands in the end: what a carriage return has overwritten, such as a progress bar, is left out.

    A line that is far too long comes in pieces.
    """
    while text := pipe.readline(MAX_LINE_BYTES):
        yield text.decode("utf-8", "replace").rstrip().rpartition("\r")[2]
