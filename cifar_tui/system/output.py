"""Standard output, kept for what the program itself prints: who reads it gets results, whatever a model prints."""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import Any, TextIO

_own: TextIO | None = None
"""The original standard output; None where nobody has called `reserve`."""


class OutputError(OSError):
    """Standard output cannot be written."""


class _Output(io.FileIO):
    """A descriptor of it, whose errors are distinguished from those of other files."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from None


def reserve() -> None:
    """Keep standard output for `line` and `stream`: what anything else writes to it goes to standard error.

    That holds for C libraries, for programs that they start, and for what is flushed while the process ends, so it
    comes before any model or library can print, and is never undone.
    """
    global _own
    _fill()
    # Where one of them was closed, Python has None.
    sys.stdout, sys.stderr = (
        stream or os.fdopen(number, "w", closefd=False) for stream, number in ((sys.stdout, 1), (sys.stderr, 2))
    )
    for stream in (sys.stdout, sys.stderr):
        # Where the terminal's encoding lacks a character, a question mark is better than an error.
        stream.reconfigure(errors="replace", line_buffering=True)  # type: ignore[union-attr]
    try:
        number = sys.stdout.fileno()
    except OSError:  # Another stream of Python's has taken its place.
        _own, sys.stdout = sys.stdout, sys.stderr
        return
    raw = _Output(os.dup(number), "w")
    _own = io.TextIOWrapper(io.BufferedWriter(raw), encoding=sys.stdout.encoding, errors="replace", line_buffering=True)
    os.dup2(2, number)


def stream() -> TextIO:
    """The stream that results go to."""
    return sys.stdout if _own is None else _own


def hand_over() -> None:
    """Give standard output back to its number, for programs that this one starts in its place."""
    os.dup2(descriptor(), 1)


def line(text: str = "") -> None:
    """Print a line, at once: another program may be waiting for it.

    Raises:
        OSError: It cannot be written: an `OutputError`, or a `BrokenPipeError` where nobody reads it any more.
    """
    print(text, file=stream(), flush=True)


def descriptor() -> int:
    """The number of the file that `stream` writes to."""
    try:
        return stream().fileno()
    except OSError:
        return 1


def terminal_size() -> os.terminal_size | None:
    """The size of the terminal that results go to; None where they go elsewhere."""
    if not stream().isatty():
        return None
    try:
        size = os.get_terminal_size(descriptor())
    except OSError:
        size = os.terminal_size((80, 24))
    return shutil.get_terminal_size(size)


def close() -> None:
    """Flush all output, so that the interpreter has nothing to write when it exits: the reader may be gone."""
    for each in (stream(), sys.stdout, sys.stderr):
        try:
            each.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), each.fileno())


def _fill() -> None:
    """Open what is closed of the three standard files: the next file to be opened would get its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
