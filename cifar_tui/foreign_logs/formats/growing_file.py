"""A file that another program writes: what was appended to it, and whether it was rewritten."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.system.folders import Folder

READ_BYTES = 4 << 20
"""Read at once."""
MAX_LINE = 1 << 20
"""Bytes of a line; a longer one is skipped piece by piece."""
HEAD_BYTES, TAIL_BYTES = 1024, 64
"""Of what was read before, the first and the last bytes: a file in which they differ was rewritten."""
IDLE_SECONDS = 900.0
"""A file that has not grown for so long is that of a program that has ended: its last line is whole, also without its
end. A buffered writer tears a line every few kilobytes, and completes it when its buffer is full again."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What is to be read next.

    Attributes:
        data: From where reading has come to; empty where nothing was appended.
        restarted: Whether the file was rewritten since some of it was read: this is its beginning.
        share: The part of the whole file that this is, in bytes.
    """

    data: bytes
    restarted: bool = False
    share: float = 1.0


class GrowingFile:
    """Reads a regular file from its beginning as it grows. It is opened for each look, through no link."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.modified = 0.0
        """When it was last written to, in seconds since 1970; 0 before the first look."""
        self.has_more = False
        """Whether there is more to read than was at the last look."""
        self._offset = 0
        self._seen: tuple[int, int] | None = None
        self._file: tuple[int, int] | None = None
        self._head = self._tail = b""
        self._in_long_line = self._after_open_line = False

    @property
    def size(self) -> int:
        """Its bytes; 0 where it is not there."""
        try:
            return self.path.lstat().st_size
        except OSError:
            return 0

    def restart(self) -> None:
        """Read it from its beginning again."""
        self._offset, self._seen, self._file = 0, None, None
        self._in_long_line = self._after_open_line = False
        self._head = self._tail = b""

    def peek(self) -> Appended:
        """Look at the next bytes; `advance` says how many were used.

        Raises:
            InputError: It cannot be read.
        """
        try:
            status = self.path.lstat()
            if self._is_seen(status) and not self.has_more:
                return Appended(b"")
            with Folder(self.path.parent).open_to_read(self.path.name) as stream:
                status = os.fstat(stream.fileno())
                restarted = self._offset > 0 and not self._is_the_same(stream.fileno(), status)
                if restarted:
                    self.restart()
                self._seen, self._file = (status.st_size, status.st_mtime_ns), (status.st_dev, status.st_ino)
                self.modified = status.st_mtime
                stream.seek(self._offset)
                data = stream.read(READ_BYTES)
        except FileNotFoundError:
            self.has_more = False
            return Appended(b"")  # Perhaps it is just being replaced.
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None
        if self._offset < HEAD_BYTES:
            self._head = self._head[: self._offset] + data[: HEAD_BYTES - self._offset]
        self.has_more = len(data) == READ_BYTES
        return Appended(data, restarted, len(data) / max(status.st_size, 1))

    def advance(self, data: bytes, used: int) -> None:
        """Continue behind the first `used` bytes of `data`, which was looked at."""
        self._offset += used
        self._tail = (self._tail + data[max(0, used - TAIL_BYTES) : used])[-TAIL_BYTES:]

    def skip(self, length: int) -> None:
        """Continue behind so many more bytes, as soon as they are there."""
        self.has_more = self.size >= self._offset + length
        if self.has_more:
            self._offset += length
            self._tail = b""

    def lines(self) -> Appended:
        """The next whole lines; of those that are too long, at most a part.

        A last line that was taken as whole, but is continued, restarts the reading.

        Raises:
            InputError: It cannot be read.
        """
        found = self.peek()
        if self._after_open_line and found.data:
            self._after_open_line = False
            if found.data[:1] not in (b"\n", b"\r"):
                self.restart()
                found = replace(self.peek(), restarted=True)
        data, end = found.data, found.data.rfind(b"\n") + 1
        if not self.has_more and end < len(data):
            if time.time() - self.modified > IDLE_SECONDS:
                end = len(data)
                self._after_open_line = True
            else:
                self._seen = None  # It is to be looked at again, when it is older.
        if not end and len(data) <= MAX_LINE:
            return Appended(b"", found.restarted)
        self.advance(data, end or len(data))
        used = data[:end]
        if not end:
            self._in_long_line = True
        elif self._in_long_line:
            _, ending, used = used.partition(b"\n")
            self._in_long_line = not ending
        return Appended(used, found.restarted, found.share)

    def _is_seen(self, status: os.stat_result) -> bool:
        return (status.st_size, status.st_mtime_ns) == self._seen and (status.st_dev, status.st_ino) == self._file

    def _is_the_same(self, descriptor: int, status: os.stat_result) -> bool:
        """Whether a file still begins with what was read of it."""
        if (status.st_dev, status.st_ino) != self._file or status.st_size < self._offset:
            return False
        head = self._head[: self._offset]
        tail = os.pread(descriptor, len(self._tail), self._offset - len(self._tail))
        return os.pread(descriptor, len(head), 0) == head and tail == self._tail
