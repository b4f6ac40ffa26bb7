"""The lines of a run's `events.jsonl`, of whatever length somebody has made them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from cifar_tui.events import AnyEvent, EventError, from_json

MOST_LINE = 16 << 20
"""A longer line is no event: a confusion matrix of 1,000 classes takes less."""
PIECE = 1 << 20
"""What is read at once."""


def events_of(stream: BinaryIO) -> Iterator[AnyEvent]:
    """The events from where a stream stands to its end; lines that are none, such as a torn last one, are left out."""
    for line in _lines(stream):
        try:
            yield from_json(line.decode(errors="replace"))
        except EventError:
            continue


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Whole lines, those that are too long left out, and what is left at the end."""
    while line := stream.readline(MOST_LINE):
        if len(line) < MOST_LINE or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(PIECE)) and not rest.endswith(b"\n"):
            pass
