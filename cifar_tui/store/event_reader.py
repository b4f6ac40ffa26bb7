"""A run's `events.jsonl`, which may hold anything: read from end to end, or as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from cifar_tui.errors import InputError
from cifar_tui.events import MAX_LINE, AnyEvent, EventError, from_json
from cifar_tui.system.folders import Folder

EVENTS = "events.jsonl"
READ_BYTES = 1 << 20
"""Read at once."""


def read_events(stream: BinaryIO) -> Iterator[AnyEvent]:
    """The events from a stream's position to its end, without lines that are none, such as a torn last one."""
    for line in _lines(stream):
        yield from _event(line)


class Tail:
    """Reads the events of whole lines that were appended since the last read; a torn last line waits for its rest."""

    def __init__(self, folder: Folder, offset: int = 0) -> None:
        """Read the file of a run's folder from this byte on."""
        self._folder = folder
        self._offset = offset

    def skip_to_end(self) -> None:
        """Pass over what is there now."""
        status = self._folder.status(EVENTS)
        self._offset = status.st_size if status else 0

    def read(self) -> list[AnyEvent]:
        """The next events in order; as many as about `READ_BYTES` hold, none where nothing was appended.

        Raises:
            InputError: The file is there, but cannot be read.
        """
        events: list[AnyEvent] = []
        try:
            with self._folder.open_to_read(EVENTS) as stream:
                while not events:
                    stream.seek(self._offset)
                    data = stream.read(READ_BYTES)
                    end = data.rfind(b"\n") + 1
                    if not end and len(data) == READ_BYTES:
                        data += stream.readline(MAX_LINE)
                        # A line that is longer than any event is skipped piece by piece.
                        end = len(data) if data.endswith(b"\n") or len(data) > MAX_LINE else 0
                    if not end:
                        break
                    self._offset += end
                    for line in data[:end].splitlines():
                        events += _event(line)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"{self._folder.path / EVENTS}: cannot be read: {error.strerror}") from None
        return events


def _event(line: bytes) -> Iterator[AnyEvent]:
    """The event of a line, if it is one."""
    try:
        yield from_json(line.decode(errors="replace"))
    except EventError:
        return


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines without those that are too long; the last one may lack its end."""
    while line := stream.readline(MAX_LINE):
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(READ_BYTES)) and not rest.endswith(b"\n"):
            pass
