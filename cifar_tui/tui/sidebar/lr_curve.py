"""The learning-rate schedule as a small curve of characters, with the current step marked."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cifar_tui.planned_lr import planned
from cifar_tui.recipes import recipe
from cifar_tui.tui.charts.series import learning_rates
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part

STEPS_PER_EPOCH = 100
"""Assumed while a run's number of batches is not known; the curve looks the same with any."""
AXIS, AXIS_ROWS, AXIS_WIDTH = 9, 4, 60
"""Columns of the y axis, and the rows and columns that a curve has at least where there is one."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run's learning-rate schedule, and how far the run is.

    Attributes:
        max_lr: The peak.
        steps: All planned steps.
        done: Completed steps.
        epoch: The current epoch.
        name: As in `cifar_tui.planned_lr`.
    """

    max_lr: float
    steps: int
    done: int = 0
    epoch: int = 1
    name: str = "one-cycle"

    @staticmethod
    def of(entry: Entry) -> Schedule | None:
        """The schedule of a run, from its events or its options; None where neither are read."""
        state, config = entry.state, entry.config
        if state is not None and state.started is not None:
            started = state.started
            if not (started.epochs and started.batches and started.max_lr):
                return None
            steps = started.epochs * started.batches
            done = min(max(0, (state.epoch - 1) * started.batches + state.batch), steps)
            return Schedule(started.max_lr, steps, done, state.epoch, started.schedule)
        if config is None:
            return None
        name = recipe(config.recipe, config.model).schedule
        return Schedule(config.max_lr, config.epochs * STEPS_PER_EPOCH, name=name)

    def column(self, width: int) -> int | None:
        """The column of the current step; None before the first."""
        return round((self.done - 1) / max(1, self.steps - 1) * (width - 1)) if self.done else None


def curve(schedule: Schedule, look: Look, number: int, width: int, rows: int) -> list[list[Part]]:
    """The schedule in `rows` rows of `width` columns, and a row below them with a marker at the current step."""
    axis = AXIS if rows >= AXIS_ROWS and width >= AXIS_WIDTH else 0
    width -= axis
    if width <= 0:
        return []
    here = schedule.column(width)
    past = 0 if here is None else here + 1
    # A thin line in a faint colour would be hard to see.
    ahead = look.dim if look.ascii else look.faint(number)
    drawn = []
    for row, cells in enumerate(_area(schedule.name, schedule.steps, width, rows, look.levels, filled=not look.ascii)):
        coloured: list[Part] = [(cells[:past], look.run(number)), (cells[past:], ahead)]
        drawn.append([_tick(schedule, row, rows, axis, look), *coloured])
    return [*drawn, _marker_row(schedule, here, axis, width, look, number)]


@dataclass(frozen=True, slots=True)
class RecordedRates:
    """The learning rates of a run whose schedule is not known."""

    points: tuple[tuple[int, float], ...]
    """Samples and rates, in order."""

    @staticmethod
    def of(entry: Entry) -> RecordedRates | None:
        """Those that a run has recorded; None where there are none."""
        state = entry.state
        if state is None or state.started is None:
            return None
        logged = state.metrics.get("lr")
        points = learning_rates(state) or (logged.points if logged is not None else [])
        known = tuple((point.last, point.mean) for point in points if math.isfinite(point.mean))
        return RecordedRates(known) if known else None

    @property
    def last(self) -> float:
        """The current one."""
        return self.points[-1][1]

    @property
    def highest(self) -> float:
        """The highest one so far."""
        return max(rate for _, rate in self.points)

    @property
    def is_constant(self) -> bool:
        """Whether all are the same."""
        return all(rate == self.last for _, rate in self.points)


def recorded_curve(rates: RecordedRates, look: Look, number: int, width: int, rows: int) -> list[list[Part]]:
    """The rates so far in `rows` rows of `width` columns; nothing where they are all the same, or none is positive."""
    highest, marks = rates.highest, look.levels
    if highest <= 0 or width <= 0 or rates.is_constant:
        return []
    at, values = [samples for samples, _ in rates.points], [rate for _, rate in rates.points]
    heights = []
    for column in range(width):
        reached = at[0] + (at[-1] - at[0]) * column / max(1, width - 1)
        rate = values[max(0, bisect_right(at, reached) - 1)]
        heights.append(max(1, math.ceil(round(rate / highest * rows * len(marks), 6))))
    return [[(cells, look.run(number))] for cells in _rows(heights, rows, marks, filled=not look.ascii)]


@lru_cache(16)
def _area(schedule: str, steps: int, width: int, rows: int, marks: str, *, filled: bool) -> tuple[str, ...]:
    """The rows of the curve from the top, with the area below it or without."""
    heights = []
    for column in range(width):
        share = planned(schedule, round(column / max(1, width - 1) * (steps - 1)), steps, 1.0)
        heights.append(max(1, math.ceil(round(share * rows * len(marks), 6))))
    return _rows(heights, rows, marks, filled=filled)


def _rows(heights: Sequence[int], rows: int, marks: str, *, filled: bool) -> tuple[str, ...]:
    full = marks[-1] if filled else " "
    drawn = []
    for bottom in range((rows - 1) * len(marks), -1, -len(marks)):
        levels = (height - bottom for height in heights)
        drawn.append("".join(" " if n < 1 else full if n > len(marks) else marks[n - 1] for n in levels))
    return tuple(drawn)


def _tick(schedule: Schedule, row: int, rows: int, axis: int, look: Look) -> Part:
    text = f"{schedule.max_lr:.2e}" if row == 0 else "0" if row == rows - 1 else ""
    return (text.rjust(axis - 1) + " ", look.dim) if axis else ""


def _marker_row(schedule: Schedule, here: int | None, axis: int, width: int, look: Look, number: int) -> list[Part]:
    if here is None:
        return []
    marker, words = "^" if look.ascii else "▲", f"epoch {schedule.epoch}"
    if here + 2 + len(words) <= width:
        return [" " * (axis + here), (marker, look.run(number) + look.strong), (f" {words}", look.dim)]
    if here > len(words):
        before = " " * (axis + here - len(words) - 1)
        return [before, (f"{words} ", look.dim), (marker, look.run(number) + look.strong)]
    return [" " * (axis + here), (marker, look.run(number) + look.strong)]
