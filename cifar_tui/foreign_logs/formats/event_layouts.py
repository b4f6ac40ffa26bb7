"""Where the scalars are in a record of TensorBoard's: an `Event`, a message of protocol buffers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints

MAX_FIELDS = 1000
"""Of one record and all that is in it: a scalar takes four to eight."""
_FLOAT, _DOUBLE = 1, 2
"""`DataType` of a tensor."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number is in a record, and its type, as NumPy calls it."""

    start: int
    kind: str

    @property
    def end(self) -> int:
        """Behind its last byte."""
        return self.start + int(self.kind[-1])

    def read(self, records: NDArray[np.uint8]) -> Floats:
        """It in records of the same layout, (n, bytes)."""
        return np.ascontiguousarray(records[:, self.start : self.end]).view(self.kind)[:, 0].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Layout:
    """A record of scalars, and the places in it of what changes from one to the next.

    Attributes:
        record: Its bytes, (n,).
        constant: The places of the bytes that do not change.
        time: The place of its time.
        step: Where its step is: it has seven bits in each byte, and there is none where it is 0.
        values: The tags of its scalars, and the places of their values.
    """

    record: NDArray[np.uint8]
    constant: Ints
    time: Place | None
    step: tuple[int, int]
    values: tuple[tuple[str, Place], ...]

    def fits(self, records: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of these records, (n, bytes), of the same length have this layout, and the same tags."""
        same = (records[:, self.constant] == self.record[self.constant]).all(axis=1)
        begin, end = self.step
        found: NDArray[np.bool_] = same & ((records[:, begin:end] ^ self.record[begin:end]) < 128).all(axis=1)
        return found

    def times(self, records: NDArray[np.uint8]) -> Floats:
        """Seconds since 1970 of records of this layout."""
        return np.full(len(records), np.nan) if self.time is None else self.time.read(records)

    def steps(self, records: NDArray[np.uint8]) -> Floats:
        """The steps of records of this layout."""
        begin, end = self.step
        # A negative one has all of ten bytes, and is no step.
        weights = 128.0 ** np.arange(end - begin)
        return (records[:, begin:end] & 127).astype(np.float64) @ weights


class LayoutReader:
    """Reads the layouts of records, as far as its budget goes: a record may be nothing but fields."""

    def __init__(self, fields: int) -> None:
        """Read at most so many fields, of all records together."""
        self._left = fields

    def layout_of(self, record: bytes) -> Layout | None:
        """The layout of a record, an `Event` of TensorBoard's; None where it holds no scalar or is damaged."""
        message = _Message(record, min(self._left, MAX_FIELDS))
        found = _layout(message)
        self._left -= message.fields_read
        return found


def _layout(message: _Message) -> Layout | None:
    time, step, values = None, (0, 0), list[tuple[str, Place]]()
    record = message.content
    try:
        for number, kind, begin, end in message.fields(0, len(record)):
            if (number, kind) == (1, 1):
                time = Place(begin, "<f8")
            elif (number, kind) == (2, 0):
                step = begin, end
            elif (number, kind) == (5, 2):
                for value, of_kind, inner, last in message.fields(begin, end):
                    if (value, of_kind) == (1, 2):
                        values += _scalar(message, inner, last)
    except (IndexError, ValueError):
        return None
    if not values:
        return None
    bytes_ = np.frombuffer(record, np.uint8)
    constant = np.ones(len(record), bool)
    for place in [*([time] if time else []), *(place for _, place in values)]:
        constant[place.start : place.end] = False
    constant[slice(*step)] = False
    return Layout(bytes_, np.flatnonzero(constant), time, step, tuple(values))


def _scalar(message: _Message, begin: int, end: int) -> Iterator[tuple[str, Place]]:
    """The tag and the place of the number of a `Summary.Value`, if it is one."""
    tag, place = "", None
    for number, kind, inner, last in message.fields(begin, end):
        if (number, kind) == (1, 2):
            tag = message.content[inner:last].decode(errors="replace")
        elif (number, kind) == (2, 5):
            place = Place(inner, "<f4")
        elif (number, kind) == (8, 2):
            place = _tensor(message, inner, last)
    if tag and place is not None:
        yield tag, place


def _tensor(message: _Message, begin: int, end: int) -> Place | None:
    """The place of the number of a `TensorProto` that holds a single one."""
    dtype, place = 0, None
    for number, kind, inner, last in message.fields(begin, end):
        size = last - inner
        if (number, kind) == (1, 0):
            dtype = message.content[inner]
        elif (
            (number == 4 and kind == 2 and size in (4, 8)) or (number == 5 and size == 4) or (number == 6 and size == 8)
        ):
            place = Place(inner, f"<f{size}")
    fits = place is not None and dtype == (_FLOAT if place.kind == "<f4" else _DOUBLE)
    return place if fits else None


class _Message:
    """A message of protocol buffers, with those in it."""

    def __init__(self, content: bytes, most_fields: int) -> None:
        self.content = content
        self.fields_read = 0
        self._most = most_fields

    def fields(self, begin: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """The fields of the message between two places: their numbers, kinds, and where their content starts and ends.

        Those that are too many are left out.

        Raises:
            ValueError: It is damaged; or an IndexError.
        """
        while begin < end and self.fields_read < self._most:
            self.fields_read += 1
            key, begin = self._varint(begin)
            kind = key & 7
            if kind == 0:
                _, last = self._varint(begin)
            elif kind == 2:
                size, begin = self._varint(begin)
                last = begin + size
            elif kind in (1, 5):
                last = begin + (8 if kind == 1 else 4)
            else:
                raise ValueError("a field of an unknown kind")
            if last > end:
                raise ValueError("a field ends behind its message")
            yield key >> 3, kind, begin, last
            begin = last

    def _varint(self, at: int) -> tuple[int, int]:
        data, value, shift = self.content, 0, 0
        while data[at] & 128:
            value |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if shift > 63:
                raise ValueError("a number of too many bytes")
        return value | data[at] << shift, at + 1
