"""The curves of runs as charts draw them: values, their places on the x axis, and their smoothed values."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cifar_tui.state.curve import Point
from cifar_tui.state.usage import Quantity
from cifar_tui.tui.charts import series as named
from cifar_tui.tui.charts.axes import Axis, XAxis
from cifar_tui.tui.charts.drawn_runs import DrawnRun
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.series import Role, Series, quantity_of
from cifar_tui.tui.charts.x_positions import nearest, positions, version

XY = tuple[float, float]
NEAR = 0.02
"""How far beyond the last place of a curve its last value is read, in parts of that place: columns are coarse."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The values of one run that a chart draws as one line.

    Attributes:
        run: Whose they are.
        role: What they are.
        points: Those that are finite.
        xs: Their places on the x axis, ascending.
        weight: Of their smoothing; 0 where they are drawn as they are.
        broken: The places and values of those that are not finite, alone or among the values of a point.
    """

    run: DrawnRun
    role: Role
    points: Sequence[Point]
    xs: Sequence[float]
    weight: float
    broken: Sequence[XY]

    @cached_property
    def smooth(self) -> Sequence[float]:
        """The smoothed values; the values themselves where nothing is smoothed."""
        return smoothed(self.points, self.weight) if self.weight else [point.mean for point in self.points]

    @property
    def end(self) -> float:
        """The last place."""
        return max([*self.xs[-1:], *(x for x, _ in self.broken[-1:])], default=0.0)

    @property
    def where(self) -> Sequence[float]:
        """All places, ascending, also of values that are not finite."""
        return sorted([*self.xs, *(x for x, _ in self.broken)]) if self.broken else self.xs

    def raw_line(self, axis: Axis, columns: int) -> list[XY]:
        """The values in the columns of a chart, their extremes among them."""
        return reduced(self.xs, [p.low for p in self.points], [p.high for p in self.points], axis, columns)

    def smooth_line(self, axis: Axis, columns: int) -> list[XY]:
        """The smoothed values in the columns of a chart."""
        return (
            reduced(self.xs, self.smooth, self.smooth, axis, columns) if self.weight else self.raw_line(axis, columns)
        )

    def read(self, x: float) -> tuple[float, float] | None:
        """The smoothed value and the value nearest to a place; both are the same where it is not finite.

        None beyond the last place: the run has not come there.
        """
        if not (self.xs or self.broken) or x > self.end * (1 + NEAR):
            return None
        at, bad = nearest(self.xs, x), nearest([place for place, _ in self.broken], x)
        if bad is not None and (at is None or abs(self.broken[bad][0] - x) < abs(self.xs[at] - x)):
            return self.broken[bad][1], self.broken[bad][1]
        return None if at is None else (self.smooth[at], self.points[at].mean)


@dataclass(frozen=True, eq=False)
class SeriesCurves:
    """All curves of one series, of all runs that have it.

    Attributes:
        series: Which.
        curves: By runs, those of training before those of validation.
        what: What the values are.
    """

    series: Series
    curves: Sequence[Curve]
    what: Quantity | None

    def of(self, run: DrawnRun) -> list[Curve]:
        """Those of one run."""
        return [curve for curve in self.curves if curve.run == run]

    def main(self, run: DrawnRun) -> Curve | None:
        """The one by which a run is compared with others: of its evaluations, where there are any."""
        return next(iter(reversed(self.of(run))), None)


class CurveReader:
    """Reads curves from the states of runs, and keeps those that are drawn."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], list[Curve]] = {}
        self._used: set[tuple[object, ...]] = set()

    def begin(self) -> None:
        """Forget what was not read since the last call of this."""
        self._known = {key: found for key, found in self._known.items() if key in self._used}
        self._used = set()

    def read(self, runs: Sequence[DrawnRun], series: Series, options: ChartOptions) -> SeriesCurves:
        """The curves of a series, of those runs that have it."""
        found = [curve for run in runs for curve in self._of_run(run, series, options)]
        whats = [quantity_of(series, curve.points) for curve in found if curve.points]
        # Of which one run has fractions and another percents, numbers are drawn.
        return SeriesCurves(series, found, whats[0] if len(set(whats)) == 1 else None)

    def _of_run(self, run: DrawnRun, series: Series, options: ChartOptions) -> list[Curve]:
        state = run.started
        if state is None:
            return []
        key = (run, *version(state), series, options.x_axis, options.weight)
        if key not in self._known:
            self._known[key] = [
                _curve(run, role, series, points, options.x_axis, options.weight)
                for role, points in named.curves(state, series)
            ]
        self._used.add(key)
        return self._known[key]


def _curve(run: DrawnRun, role: Role, series: Series, points: Sequence[Point], kind: XAxis, weight: float) -> Curve:
    assert run.started is not None
    known = [point for point in points if math.isfinite(point.mean)]
    broken = named.broken(run.started, series, points)
    return Curve(
        run,
        role,
        known,
        positions(run.started, series, known, kind),
        weight if role == "batches" else 0.0,
        list(zip(positions(run.started, series, broken, kind), (point.broken for point in broken), strict=True)),
    )


def smoothed(points: Sequence[Point], weight: float) -> list[float]:
    """The exponential moving average of finite points, with bias correction as in TensorBoard.

    A point that stands for several batches counts as many, so that merging points does not change the curve.
    """
    average, known, values = 0.0, 0.0, []
    for point in points:
        kept = weight if point.count == 1 else weight**point.count
        average = kept * average + (1 - kept) * point.mean
        known = kept * known + (1 - kept)
        values.append(average / known)
    return values


def reduced(xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], axis: Axis, columns: int) -> list[XY]:
    """At most two points for each column of a chart: its least and its greatest value, in their order.

    Args:
        xs: Ascending, finite.
        lows: The least value at each x, finite.
        highs: The greatest one; the same list where each x has one value.
        axis: The x axis.
        columns: Of the chart.

    Returns:
        The points within the axis, the one before and the one after.
    """
    first, end = bisect_left(xs, axis.low), bisect_right(xs, axis.high)
    # Before a logarithmic axis, there may be nothing to come from.
    points = [(xs[first - 1], highs[first - 1])] if first and math.isfinite(axis.position(xs[first - 1])) else []
    ends = [axis.value(column / columns) for column in range(1, columns)] + [math.inf]
    while first < end:
        after = bisect_left(xs, ends[bisect_right(ends, xs[first])], first, end)
        points += _extremes(xs, lows, highs, first, after, points[-1][1] if points else highs[first])
        first = after
    if end < len(xs):
        points.append((xs[end], lows[end]))
    return points


def _extremes(
    xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], first: int, after: int, before: float
) -> list[XY]:
    """The least and the greatest of these values, in their order; `before` is the value before them."""
    if after - first == 1:
        at_low = at_high = first
        bottom, top = lows[first], highs[first]
    else:
        some_lows, some_highs = lows[first:after], highs[first:after]
        bottom, top = min(some_lows), max(some_highs)
        at_low, at_high = first + some_lows.index(bottom), first + some_highs.index(top)
    if bottom == top:
        return [(xs[at_low], bottom)]
    falling = at_high < at_low or (at_high == at_low and abs(before - top) < abs(before - bottom))
    points = [(xs[at_low], bottom), (xs[at_high], top)]
    return points[::-1] if falling else points
