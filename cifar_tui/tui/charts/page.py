"""Which charts stand on which page, and where: loss and accuracy on the first, all other series in a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cifar_tui.state.run_state import RunState
from cifar_tui.tui.charts.series import MAIN, Series, all_series, device_series, main_series

LEAST_COLUMNS, LEAST_ROWS = 36, 7
"""Of each of several charts."""
SHAPE = 3.5
"""The columns for each row of a chart of a good shape."""
GAP = 2
"""Columns between charts side by side."""
MOST_ACROSS = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """A chart's place, in columns and rows from the upper left corner."""

    series: Series
    x: int
    y: int
    width: int
    height: int

    def holds(self, x: int, y: int) -> bool:
        """Whether a place is within it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


def pages(states: Sequence[RunState], width: int, height: int, *, devices: bool = False) -> list[list[Series]]:
    """The series of each page of this size, of the runs together, in the order in which they come; at least one.

    Args:
        states: The runs, which have started.
        width: Of a page, in columns.
        height: In rows.
        devices: Whether only what the devices did is wanted.
    """
    if devices:
        return _filled([each for state in states for each in device_series(state)], width, height) or [[]]
    main = [each for each in MAIN if any(each in main_series(state) for state in states)]
    others = list(dict.fromkeys(series for state in states for series in all_series(state)))
    if not main and not any(each.kind != "device" for each in others):
        main = list(MAIN)  # They are to come.
    if not main:
        first: list[list[Series]] = []
    elif len(main) > 1 and max(_grid(2, width, height)) < 2:
        first = [[each] for each in main]
    else:
        first = [main]
    return [*first, *_filled(others, width, height)]


def _filled(series: Sequence[Series], width: int, height: int) -> list[list[Series]]:
    """Pages that are as full as it goes."""
    room, unique = _across(width) * _down(height), list(dict.fromkeys(series))
    return [unique[start : start + room] for start in range(0, len(unique), room)]


def placed(page: Sequence[Series], width: int, height: int) -> list[Placed]:
    """The places of a page's charts, which fill it."""
    if not page:
        return []
    across, down = _grid(len(page), width, height)
    places = []
    tops = [row * height // down for row in range(down + 1)]
    for number, series in enumerate(page[: across * down]):
        row, column = divmod(number, across)
        # The last row may have fewer charts, which are as wide as those above them.
        room = width - GAP * (across - 1)
        left = column * room // across + GAP * column
        right = (column + 1) * room // across + GAP * column
        places.append(Placed(series, left, tops[row], right - left, tops[row + 1] - tops[row]))
    return places


def _across(width: int) -> int:
    return min(max(1, (width + GAP) // (LEAST_COLUMNS + GAP)), MOST_ACROSS)


def _down(height: int) -> int:
    return max(1, height // LEAST_ROWS)


def _grid(charts: int, width: int, height: int) -> tuple[int, int]:
    """Charts side by side, and below each other: as many as there are or fit, in a good shape."""
    most_across, most_down = _across(width), _down(height)
    best, least = (1, 1), None
    for across in range(1, min(most_across, charts) + 1):
        down = min(-(-charts // across), most_down)
        missing = max(0, charts - across * down)
        shape = abs(math.log(max(width, 1) * down / (across * max(height, 1) * SHAPE)))
        empty = across * down - charts
        rating = (missing, max(empty, 0), shape)
        if least is None or rating < least:
            best, least = (across, down), rating
    return best
