"""The last values of a series, with their median and their spread, in constant time and memory."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

TO_DEVIATION = 1.4826
"""The median absolute deviation of a normal distribution, times this, is its standard deviation."""


LARGEST = 1e30
"""Sums and squares of smaller values are finite."""


def is_usable(value: float) -> bool:
    """Whether it is a number that can be calculated with: anybody may write a stream."""
    return abs(value) < LARGEST


class Window:
    """The last `size` usable values."""

    def __init__(self, size: int) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._values)

    def append(self, value: float) -> None:
        """Add a value; the oldest one is dropped where there are too many."""
        if len(self._values) == self._values.maxlen:
            del self._sorted[bisect_left(self._sorted, self._values[0])]
        self._values.append(value)
        insort(self._sorted, value)

    def clear(self) -> None:
        """Drop all values."""
        self._values.clear()
        self._sorted.clear()

    @property
    def lowest(self) -> float:
        """The lowest value. There must be one."""
        return self._sorted[0]

    @property
    def median(self) -> float:
        """The middle value, of two the lower one. There must be a value."""
        return self._sorted[(len(self._sorted) - 1) // 2]

    @property
    def deviation(self) -> float:
        """The standard deviation, from the median absolute deviation: single outliers do not change it."""
        middle = self.median
        distances = sorted(abs(value - middle) for value in self._sorted)
        return TO_DEVIATION * distances[len(distances) // 2]
