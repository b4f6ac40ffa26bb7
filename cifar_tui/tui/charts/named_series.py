"""The series of a run that have a name, to be chosen and drawn: its learning rate, its metrics, and its devices."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cifar_tui.formatting import UNKNOWN, byte_unit, four_digits, percent
from cifar_tui.state.curve import Point
from cifar_tui.state.run_state import RunState
from cifar_tui.state.usage import Quantity, quantity
from cifar_tui.tui.charts.axes import plain_unit
from cifar_tui.tui.charts.series import ChartOptions, positions, samples_per_unit

LEARNING_RATE = "learning rate"
EVALUATED = ("validation/", "test/")
"""What the names of metrics begin with that were not measured in training."""
_FRACTION = re.compile(r"(.*[_/ -])?(accuracy|acc|top[-_]?\d+)$", re.IGNORECASE)
"""Names of metrics that are fractions, where their values are."""


@dataclass(frozen=True, slots=True)
class Series:
    """Which series of a run, of any run that has it.

    Attributes:
        kind: Where the state has it.
        name: Its name there.
    """

    kind: Literal["lr", "metric", "device"]
    name: str

    @property
    def is_evaluated(self) -> bool:
        """Whether it has a value for each evaluation, rather than for each batch."""
        return self.kind == "metric" and self.name.startswith(EVALUATED)


def all_series(state: RunState) -> list[Series]:
    """All that a run has, in the order in which they came."""
    rate = [Series("lr", LEARNING_RATE)] if learning_rates(state) else []
    metrics = [Series("metric", name) for name, curve in state.metrics.items() if curve.points]
    return rate + metrics + [Series("device", name) for name, curve in state.history.items() if curve.points]


def values(state: RunState, series: Series) -> list[Point]:
    """The finite values; none where the run does not have the series."""
    if series.kind == "lr":
        return learning_rates(state)
    curve = (state.metrics if series.kind == "metric" else state.history).get(series.name)
    return [point for point in curve.points if math.isfinite(point.mean)] if curve is not None else []


def learning_rates(state: RunState) -> list[Point]:
    """The learning rates that were recorded, by batches or else by epochs."""
    if state.batch_lr.points:
        return state.batch_lr.points
    known = (epoch for epoch in state.epochs if math.isfinite(epoch.lr))
    return [Point(e.samples, e.samples, e.t, e.lr, e.lr, e.lr, 1) for e in known]


def x_values(state: RunState, series: Series, points: Sequence[Point], options: ChartOptions) -> list[float]:
    """The positions of a series' points on the x axis, ascending."""
    if options.x_axis == "time" or series.kind != "device":
        return positions(points, options.x_axis, state)
    unit = samples_per_unit(options.x_axis, state)
    return [samples / unit for samples in samples_at(state, [point.t for point in points])]


def samples_at(state: RunState, times: Sequence[float]) -> list[float]:
    """The samples that were seen at these times, in seconds; in proportion between those that were recorded."""
    curves = [state.batch_loss, *state.metrics.values()]
    recorded = max(curves, key=lambda curve: len(curve.points)).points
    known = sorted([*((p.t, p.last) for p in recorded), *((e.t, e.samples) for e in state.epochs)])
    ends, reached = [0.0], [0.0]
    for t, samples in known:
        if t > ends[-1]:
            ends.append(t)
            reached.append(max(reached[-1], samples))
    found = []
    for t in times:
        place = bisect_right(ends, t) - 1
        if place < 0 or place == len(ends) - 1:
            found.append(reached[max(place, 0)])
            continue
        share = (t - ends[place]) / (ends[place + 1] - ends[place])
        found.append(reached[place] + share * (reached[place + 1] - reached[place]))
    return found


def quantity_of(series: Series, points: Sequence[Point]) -> Quantity | None:
    """What its values are, as far as that is known; None for plain numbers."""
    if series.kind == "device":
        return quantity(series.name)
    within = all(point.low >= 0 and point.high <= 1 for point in points)
    return "fraction" if series.kind == "metric" and within and _FRACTION.match(series.name) else None


def in_words(value: float, what: Quantity | None) -> str:
    """A value with its unit."""
    if not math.isfinite(value):
        return UNKNOWN
    match what:
        case "fraction":
            return percent(value)
        case "bytes" | "bytes/s":
            size, name = byte_unit(value)
            return f"{value / size:.3g} {name}{'/s' if what == 'bytes/s' else ''}"
        case "°C" | "W":
            return f"{value:.0f} {what}"
        case "cores":
            return f"{value:.2f} cores"
        case None:
            return four_digits(value)


def axis_unit(most: float, what: Quantity | None) -> tuple[float, str]:
    """What the labels of the y axis count for values up to this one, and its name; empty for plain numbers."""
    if what in ("bytes", "bytes/s"):
        size, name = byte_unit(most)
        return size, f"{name}{'/s' if what == 'bytes/s' else ''}"
    if what == "fraction":
        return 0.01, "%"
    if what is not None:
        return 1.0, what
    unit = plain_unit(most)
    return unit, "" if unit == 1 else f"1e{round(math.log10(unit))}"


def last_values(state: RunState) -> Iterator[tuple[Series, str]]:
    """All series of a run, each with its last value in words."""
    for series in all_series(state):
        points = values(state, series)
        yield series, in_words(points[-1].mean, quantity_of(series, points)) if points else UNKNOWN
