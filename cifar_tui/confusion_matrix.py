"""A confusion matrix in compressed sparse rows: only counts that are not zero take memory."""

from __future__ import annotations

import operator
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Any

MAX_CLASSES = 10_000
MAX_DENSE = 100
"""JSON holds all counts of a matrix of up to so many classes, and only the counts above zero of a larger one."""


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """K rows of K counts: rows are true classes, columns predicted ones.

    It reads as a sequence of rows, and holds compressed sparse rows (CSR), named as in SciPy's `csr_array`.

    Attributes:
        indptr: K + 1 unsigned 32-bit integers: row i has the cells from `indptr[i]` up to `indptr[i + 1]`.
        indices: The columns of the cells, unsigned 16-bit integers, ascending in each row.
        data: Their counts, unsigned 32-bit integers above zero.
    """

    indptr: bytes
    indices: bytes
    data: bytes

    @staticmethod
    def of(rows: Sequence[Sequence[int]]) -> ConfusionMatrix:
        """Build it from all counts.

        Raises:
            TypeError: A count is no integer.
            ValueError: The rows are not as long as there are rows, or there are more than `MAX_CLASSES`.
            OverflowError: A count is negative, or takes more than 32 bits.
        """
        indptr, indices, data = [0], array("H"), array("I")
        _check_size(len(rows))
        for row in rows:
            if len(row) != len(rows):
                raise ValueError(f"a row of {len(row)} counts in a matrix of {len(rows)} classes")
            _check_integers(row)
            indices.extend(compress(range(len(row)), row))
            data.extend(filter(None, row))
            indptr.append(len(data))
        return ConfusionMatrix(array("I", indptr).tobytes(), indices.tobytes(), data.tobytes())

    @staticmethod
    def of_csr(indptr: Sequence[int], indices: Sequence[int], data: Sequence[int]) -> ConfusionMatrix:
        """Build it from compressed sparse rows.

        Raises:
            TypeError: One of these is no integer.
            ValueError: They do not fit together, a cell is given twice or is zero, or there are too many classes.
            OverflowError: A number is negative, or takes more bits than there are for it.
        """
        size = len(indptr) - 1
        _check_size(size)
        for numbers in (indptr, indices, data):
            _check_integers(numbers)
        starts, columns, counts = array("I", indptr), array("H", indices), array("I", data)
        if starts[0] != 0 or not starts[-1] == len(columns) == len(counts) or any(map(operator.gt, starts, starts[1:])):
            raise ValueError("the rows do not fit the cells")
        if 0 in counts or (columns and max(columns) >= size):
            raise ValueError("a cell without a count, or in no column")
        # Where the columns do not ascend, another row must begin.
        falls = compress(range(1, len(columns)), map(operator.ge, columns, columns[1:]))
        if not set(starts).issuperset(falls):
            raise ValueError("cells that are not in order, or repeated")
        return ConfusionMatrix(starts.tobytes(), columns.tobytes(), counts.tobytes())

    @staticmethod
    def from_json(value: Any) -> ConfusionMatrix:
        """Build it from either form that `to_json` gives, whatever its size.

        Raises:
            TypeError, ValueError, OverflowError: As `of` and `of_csr` do.
        """
        if isinstance(value, dict):
            parts = [value.get(name) for name in ("indptr", "indices", "data")]
            if not all(isinstance(part, list) for part in parts):
                raise TypeError("a part is missing, or no list")
            return ConfusionMatrix.of_csr(*parts)  # type: ignore[arg-type]
        if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
            raise TypeError("neither rows nor a sparse matrix")
        return ConfusionMatrix.of(value)

    def to_json(self) -> list[tuple[int, ...]] | dict[str, list[int]]:
        """All rows, or the compressed sparse rows of more than `MAX_DENSE` classes."""
        if len(self) <= MAX_DENSE:
            return list(self)
        return {"indptr": self._starts.tolist(), "indices": self._columns.tolist(), "data": self._counts.tolist()}

    def __len__(self) -> int:
        """The number of classes, K."""
        return len(self._starts) - 1

    def __getitem__(self, row: int) -> tuple[int, ...]:
        """All counts of a row."""
        counts = [0] * len(self)
        for column, count in self.row(range(len(self))[row]):
            counts[column] = count
        return tuple(counts)

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        """All rows."""
        return map(self.__getitem__, range(len(self)))

    def row(self, row: int) -> list[tuple[int, int]]:
        """(column, count) of the counts above zero in a row, columns ascending."""
        start, end = self._starts[row], self._starts[row + 1]
        return list(zip(self._columns[start:end], self._counts[start:end], strict=True))

    def count(self, row: int, column: int) -> int:
        """The count of one cell."""
        start, end = self._starts[row], self._starts[row + 1]
        place = bisect_left(self._columns, column, start, end)
        return self._counts[place] if place < end and self._columns[place] == column else 0

    def cells(self) -> Iterator[tuple[int, int, int]]:
        """(row, column, count) of all counts above zero, row by row."""
        columns, counts, starts = self._columns, self._counts, self._starts.tolist()
        for row, (start, end) in enumerate(pairwise(starts)):
            for column, count in zip(columns[start:end], counts[start:end], strict=True):
                yield row, column, count

    @property
    def true(self) -> list[int]:
        """(K,) The number of images of each true class."""
        counts, starts = self._counts, self._starts.tolist()
        return [sum(counts[start:end]) for start, end in pairwise(starts)]

    @property
    def predicted(self) -> list[int]:
        """(K,) The number of images that were predicted as each class."""
        sums = [0] * len(self)
        for column, count in zip(self._columns, self._counts, strict=True):
            sums[column] += count
        return sums

    @property
    def right(self) -> list[int]:
        """(K,) The number of correctly predicted images of each class."""
        return [self.count(k, k) for k in range(len(self))]

    @property
    def images(self) -> int:
        """The number of images."""
        return sum(self._counts)

    @property
    def highest(self) -> int:
        """The highest count."""
        return max(self._counts, default=0)

    @property
    def cost(self) -> int:
        """Its size in memory, in numbers: one for each class, and one for each count above zero."""
        return len(self._starts) + len(self._counts)

    @property
    def _starts(self) -> memoryview[int]:
        return memoryview(self.indptr).cast("I")

    @property
    def _columns(self) -> memoryview[int]:
        return memoryview(self.indices).cast("H")

    @property
    def _counts(self) -> memoryview[int]:
        return memoryview(self.data).cast("I")


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_CLASSES:
        raise ValueError(f"a matrix of {size} classes")


def _check_integers(numbers: Sequence[int]) -> None:
    # Not by `isinstance`: true and false are no counts.
    if not {int}.issuperset(map(type, numbers)):
        raise TypeError("a count that is no integer")
