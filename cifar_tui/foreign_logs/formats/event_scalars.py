"""The scalars of TensorBoard's records.

TensorBoard's own reader, in Python, takes 25 µs a record; a long log has millions. Records of one series differ in the
time, the step and the value alone: they are read by the thousand, as columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifar_tui.foreign_logs.formats.event_layouts import Layout, LayoutReader
from cifar_tui.foreign_logs.formats.event_records import Records
from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints

MAX_LAYOUTS, MAX_LAYOUT = 64, 1024
"""Layouts of one length of records, and bytes of one: other records are read by themselves."""
MAX_KEPT = 1000
"""Layouts that are kept for the next piece."""
MAX_FIELDS_READ = 100_000
"""Of the records of one piece: what takes more time than this is left out."""
FEW = 4
"""Records of one length: fewer are read by themselves."""
MAX_SINGLE = 5000
"""Records read one by one from each piece, evenly chosen where there are more."""


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
        if sum(map(len, self._layouts.values())) > MAX_KEPT:
            self._layouts.clear()
        reader = LayoutReader(MAX_FIELDS_READ)
        for size in np.unique(length).tolist():
            members = np.flatnonzero(length == size)
            if size <= MAX_LAYOUT and len(members) >= FEW:
                members = self._read_alike(content, start, size, members, reader, parts)
            single += members.tolist()
        for number in single[:: 1 + len(single) // MAX_SINGLE]:
            found = reader.layout_of(data[starts[number] : starts[number] + lengths[number]])
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
        reader: LayoutReader,
        parts: list[Points],
    ) -> Ints:
        """Read records of one size, layout by layout; those that remain are of none, or of too many."""
        layouts, tried = self._layouts.setdefault(size, []), 0
        records = content[start[members][:, None] + np.arange(size)]
        while len(members) and tried < MAX_LAYOUTS:
            if tried == len(layouts):
                found = reader.layout_of(records[0].tobytes())
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
