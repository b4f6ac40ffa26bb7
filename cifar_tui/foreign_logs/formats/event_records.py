"""TensorBoard's event files: the records in their bytes, and the scalars in a record.

TensorBoard's own reader, in Python, takes 25 µs a record and reads one of any size whole; a long log has millions.
Records of one series differ in the time, the step and the value alone: they are read by the thousand, as columns.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints

HEADER, FRAME = 12, 16
"""Bytes before a record, its length and a checksum of that, and all beside it."""
MAX_RECORD = 1 << 20
"""Bytes of a record that is read: larger ones hold images, sounds and graphs."""
MAX_KNOWN = 100_000
"""Headers that are remembered."""
MAX_LAYOUTS, MAX_LAYOUT = 64, 2048
"""Layouts of one length of records, and bytes of one: other records are read by themselves."""
MAX_SIZES = 500
"""Lengths of records whose layouts are kept."""
FEW = 4
"""Records of one length: fewer are read by themselves."""
MAX_SINGLE = 5000
"""Records read one by one from each piece, evenly chosen where there are more."""
MAX_VALUES = 1000
"""Of one record."""
_FLOAT, _DOUBLE = 1, 2
"""`DataType` of a tensor."""


@dataclass(frozen=True, slots=True)
class Records:
    """Whole records in some bytes.

    Attributes:
        starts: Where the content of each starts that is not too large.
        lengths: The bytes of their contents.
        end: Where the next record begins.
        large: How many bytes that has, if it is too large and reaches behind the end; else 0.
        damaged: Whether there is something else there.
    """

    starts: list[int]
    lengths: list[int]
    end: int
    large: int = 0
    damaged: bool = False


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_CRC_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """The checksum that the format has of some bytes: CRC-32C, rotated and shifted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def split_records(data: bytes, known: dict[bytes, int]) -> Records:
    """The records in some bytes.

    Args:
        data: From the start of a record on.
        known: The lengths by the headers that were checked before; it is added to.
    """
    starts: list[int] = []
    lengths: list[int] = []
    # A million times, these lines are most of the time.
    known_length, add_start, add_length = known.get, starts.append, lengths.append
    at, end = 0, len(data) - FRAME
    while at <= end:
        length = known_length(data[at : at + HEADER])
        if length is None:
            header = data[at : at + HEADER]
            length, crc = struct.unpack("<QI", header)
            if masked_crc(header[:8]) != crc:
                return Records(starts, lengths, at, damaged=True)
            if len(known) > MAX_KNOWN:
                known.clear()
            known[header] = length
        if at + length > end:
            return Records(starts, lengths, at, large=length + FRAME if length > MAX_RECORD else 0)
        if length <= MAX_RECORD:
            add_start(at + HEADER)
            add_length(length)
        at += length + FRAME
    return Records(starts, lengths, at)


@dataclass(frozen=True, slots=True)
class Points:
    """Scalars, each with the record that it is from: its place among the records, its series and its value, (n,)."""

    record: Ints
    series: Ints
    steps: Floats
    times: Floats
    values: Floats


class ScalarReader:
    """Reads the scalars of records; it numbers their tags in order of appearance."""

    def __init__(self, most_tags: int) -> None:
        self.tags: dict[str, int] = {}
        self._most_tags = most_tags
        self._layouts: dict[int, list[Layout]] = {}

    def read(self, data: bytes, records: Records) -> Points:
        """The scalars of the records in these bytes, in their order."""
        starts, lengths = records.starts, records.lengths
        content, start, length = np.frombuffer(data, np.uint8), np.array(starts), np.array(lengths)
        parts: list[Points] = []
        single: list[int] = []
        if len(self._layouts) > MAX_SIZES:
            self._layouts.clear()
        for size in np.unique(length).tolist():
            members = np.flatnonzero(length == size)
            if size <= MAX_LAYOUT and len(members) >= FEW:
                members = self._read_alike(content, start, size, members, parts)
            single += members.tolist()
        for number in single[:: 1 + len(single) // MAX_SINGLE]:
            found = layout_of(data[starts[number] : starts[number] + lengths[number]])
            if found is not None:
                single_one = content[starts[number] : starts[number] + lengths[number]][None, :]
                parts.append(self._points(found, np.array([number]), single_one))
        return _joined(parts)

    def _read_alike(
        self,
        content: NDArray[np.uint8],
        start: Ints,
        size: int,
        members: Ints,
        parts: list[Points],
    ) -> Ints:
        """Read records of one size, layout by layout; those that remain are of none, or of too many."""
        layouts, tried = self._layouts.setdefault(size, []), 0
        records = content[start[members][:, None] + np.arange(size)]
        while len(members) and tried < MAX_LAYOUTS:
            if tried == len(layouts):
                found = layout_of(records[0].tobytes())
                if found is None:  # Most often, none of this size holds a scalar.
                    break
                layouts.append(found)
            fitting = layouts[tried].fits(records)
            if fitting.any():
                parts.append(self._points(layouts[tried], members[fitting], records[fitting]))
                members, records = members[~fitting], records[~fitting]
            tried += 1
        return members

    def _points(self, layout: Layout, members: Ints, records: NDArray[np.uint8]) -> Points:
        times = layout.times(records)
        steps = layout.steps(records)
        found = []
        for tag, place in layout.values:
            if tag not in self.tags and len(self.tags) < self._most_tags:
                self.tags[tag] = len(self.tags)
            if tag in self.tags:
                series = np.full(len(members), self.tags[tag])
                found.append(Points(members, series, steps, times, place.read(records)))
        return _joined(found)


def _joined(parts: list[Points]) -> Points:
    def column(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(part, name) for part in parts]) if parts else np.empty(0, np.int64)

    record = column("record")
    order = np.argsort(record, kind="stable")
    return Points(*(column(name)[order] for name in ("record", "series", "steps", "times", "values")))  # type: ignore[arg-type]


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


def layout_of(record: bytes) -> Layout | None:
    """The layout of a record, an `Event` of TensorBoard's; None where it holds no scalar or is damaged."""
    time, step, values = None, (0, 0), list[tuple[str, Place]]()
    try:
        for number, kind, begin, end in _fields(record, 0, len(record)):
            if (number, kind) == (1, 1):
                time = Place(begin, "<f8")
            elif (number, kind) == (2, 0):
                step = begin, end
            elif (number, kind) == (5, 2):
                for value, of_kind, inner, last in _fields(record, begin, end):
                    if (value, of_kind) == (1, 2) and len(values) < MAX_VALUES:
                        values += _scalar(record, inner, last)
    except (IndexError, ValueError, struct.error):
        return None
    if not values:
        return None
    bytes_ = np.frombuffer(record, np.uint8)
    constant = np.ones(len(record), bool)
    for place in [*([time] if time else []), *(place for _, place in values)]:
        constant[place.start : place.end] = False
    constant[slice(*step)] = False
    return Layout(bytes_, np.flatnonzero(constant), time, step, tuple(values))


def _scalar(record: bytes, begin: int, end: int) -> Iterator[tuple[str, Place]]:
    """The tag and the place of the number of a `Summary.Value`, if it is one."""
    tag, place = "", None
    for number, kind, inner, last in _fields(record, begin, end):
        if (number, kind) == (1, 2):
            tag = record[inner:last].decode(errors="replace")
        elif (number, kind) == (2, 5):
            place = Place(inner, "<f4")
        elif (number, kind) == (8, 2):
            place = _tensor(record, inner, last)
    if tag and place is not None:
        yield tag, place


def _tensor(record: bytes, begin: int, end: int) -> Place | None:
    """The place of the number of a `TensorProto` that holds a single one."""
    dtype, place = 0, None
    for number, kind, inner, last in _fields(record, begin, end):
        size = last - inner
        if (number, kind) == (1, 0):
            dtype = record[inner]
        elif (
            (number == 4 and kind == 2 and size in (4, 8)) or (number == 5 and size == 4) or (number == 6 and size == 8)
        ):
            place = Place(inner, f"<f{size}")
    fits = place is not None and dtype == (_FLOAT if place.kind == "<f4" else _DOUBLE)
    return place if fits else None


def _fields(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message of protocol buffers: their numbers, kinds, and where their content starts and ends.

    Raises:
        ValueError: It is damaged; or an IndexError.
    """
    while begin < end:
        key, begin = _varint(data, begin)
        kind = key & 7
        if kind == 0:
            _, last = _varint(data, begin)
        elif kind == 2:
            size, begin = _varint(data, begin)
            last = begin + size
        elif kind in (1, 5):
            last = begin + (8 if kind == 1 else 4)
        else:
            raise ValueError("a field of an unknown kind")
        if last > end:
            raise ValueError("a field ends behind its message")
        yield key >> 3, kind, begin, last
        begin = last


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 128:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if shift > 63:
            raise ValueError("a number of too many bytes")
    return value | data[at] << shift, at + 1
