"""Rows of a log: what one step or epoch has in it, of which any value may be absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Rows(Protocol):
    """Some rows of a log, in its order."""

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns."""

    @property
    def steps(self) -> Floats | None:
        """The steps of the rows, (n,), where the format itself has them."""

    @property
    def times(self) -> Floats | None:
        """Likewise the seconds since 1970 at which they were written."""

    def __len__(self) -> int:
        """How many rows there are."""

    def present(self, name: str) -> Ints:
        """The numbers of the rows that have something in this column, ascending."""

    def numbers(self, name: str, rows: Ints) -> Floats:
        """The values of a column in these of its rows; NaN for what is no number."""


@dataclass(frozen=True, slots=True)
class SparseRows:
    """Rows of which each column holds the numbers of the rows that have a value, ascending, and the values."""

    columns: Mapping[str, tuple[Ints, Floats]]
    count: int
    steps: Floats | None = None
    times: Floats | None = None

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns."""
        return list(self.columns)

    def __len__(self) -> int:
        return self.count

    def present(self, name: str) -> Ints:
        """The rows that have a value in this column."""
        return self.columns[name][0]

    def numbers(self, name: str, rows: Ints) -> Floats:
        """The values of a column in these of its rows."""
        places, values = self.columns[name]
        return values[np.searchsorted(places, rows)]


@dataclass(frozen=True, slots=True)
class RowsPart:
    """The rows from one to another of some."""

    whole: Rows
    begin: int
    end: int

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns."""
        return self.whole.names

    @property
    def steps(self) -> Floats | None:
        """The steps of the rows."""
        return None if self.whole.steps is None else self.whole.steps[self.begin : self.end]

    @property
    def times(self) -> Floats | None:
        """When they were written."""
        return None if self.whole.times is None else self.whole.times[self.begin : self.end]

    def __len__(self) -> int:
        return self.end - self.begin

    def present(self, name: str) -> Ints:
        """The rows that have something in this column."""
        rows = self.whole.present(name)
        return rows[np.searchsorted(rows, self.begin) : np.searchsorted(rows, self.end)] - self.begin

    def numbers(self, name: str, rows: Ints) -> Floats:
        """The values of a column in these of its rows."""
        return self.whole.numbers(name, rows + self.begin)


def rows_of_objects(objects: Sequence[Mapping[str, float]], most_names: int) -> SparseRows:
    """Rows of named numbers; names beyond the first `most_names` are dropped."""
    columns: dict[str, tuple[list[int], list[float]]] = {}
    for number, values in enumerate(objects):
        for name, value in values.items():
            if (column := columns.get(name)) is None:
                if len(columns) == most_names:
                    continue
                column = columns[name] = ([], [])
            column[0].append(number)
            column[1].append(value)
    arrays = {name: (np.array(rows, np.int64), np.array(values)) for name, (rows, values) in columns.items()}
    return SparseRows(arrays, len(objects))


def rows_of_points(names: Sequence[str], series: Ints, steps: Floats, times: Floats, values: Floats) -> SparseRows:
    """Rows of points of several series in the order in which they were written: those of one step are a row.

    Args:
        names: Of the series.
        series: Which of them each point is of, (n,).
        steps: Of the points, (n,).
        times: Seconds since 1970, (n,).
        values: Of the points, (n,); of two of one series in a row, the last is taken.
    """
    starts = np.concatenate(([True], steps[1:] != steps[:-1]))
    row_of_point = np.cumsum(starts) - 1
    columns = {}
    for number, name in enumerate(names):
        points = np.flatnonzero(series == number)
        if len(points):
            rows = row_of_point[points]
            last = np.concatenate((rows[1:] != rows[:-1], [True]))
            columns[name] = rows[last], values[points[last]]
    firsts = np.flatnonzero(starts)
    return SparseRows(columns, len(firsts), steps[firsts], times[firsts])
