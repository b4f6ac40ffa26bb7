"""From a run's state to the points of its curves: smoothed, and reduced to the columns of a chart."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from cifar_tui.events import Epoch
from cifar_tui.state.curve import Point
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.charts.axes import XAxis

Metric = Literal["loss", "accuracy"]
XY = tuple[float, float]

SMOOTHING = (0.0, 0.6, 0.9, 0.97, 0.99)
"""The levels: the weight of the moving average so far, batch by batch."""
ZOOMS = (1.0, 0.5, 0.1)
"""The parts of the run that are shown, from its end."""
ZOOM_WORDS = ("zoom: all", "last half", "last tenth")


@dataclass(slots=True)
class ChartOptions:
    """How curves are shown, in all charts alike."""

    x_axis: XAxis = "epochs"
    log: bool = False
    """Whether the axis of losses is logarithmic."""
    level: int = 2
    """Of `SMOOTHING`."""
    zoom: int = 0
    """Of `ZOOMS`."""

    @property
    def weight(self) -> float:
        """The weight of smoothing."""
        return SMOOTHING[self.level]

    @property
    def part(self) -> float:
        """The shown part of the run."""
        return ZOOMS[self.zoom]

    def cycle_x_axis(self) -> None:
        """Go to the next of epochs, samples and time."""
        kinds = get_args(XAxis)
        self.x_axis = kinds[(kinds.index(self.x_axis) + 1) % len(kinds)]

    def toggle_log(self) -> None:
        """Switch between a linear and a logarithmic axis of losses."""
        self.log = not self.log

    def smooth(self, step: int) -> None:
        """Smooth by so many levels more, or less."""
        self.level = min(max(self.level + step, 0), len(SMOOTHING) - 1)

    def cycle_zoom(self) -> None:
        """Go to the next of all, the last half and the last tenth."""
        self.zoom = (self.zoom + 1) % len(ZOOMS)


def version(state: RunState) -> tuple[object, ...]:
    """Equal as long as the curves are the same."""
    return id(state), state.t, state.samples, len(state.epochs), len(state.resumptions), state.finished


def recorded_metrics(state: RunState) -> list[Metric]:
    """Those of loss and accuracy of which a run has any value."""
    return [each for each in get_args(Metric) if training(state, each) or validation(state, each)]


def training(state: RunState, metric: Metric) -> list[Point]:
    """The finite values of the training batches, or the means over epochs where no batch was recorded."""
    curve = state.batch_loss if metric == "loss" else state.batch_accuracy
    if not curve.points:
        return epoch_means(state, metric)
    return [point for point in curve.points if math.isfinite(point.mean)]


def epoch_means(state: RunState, metric: Metric) -> list[Point]:
    """The training means of each complete epoch, at its end."""
    return _points(state, (lambda e: e.train_loss) if metric == "loss" else (lambda e: e.train_accuracy))


def validation(state: RunState, metric: Metric) -> list[Point]:
    """The validation after each complete epoch."""
    return _points(state, (lambda e: e.val_loss) if metric == "loss" else (lambda e: e.val_accuracy))


def _points(state: RunState, value: Callable[[Epoch], float]) -> list[Point]:
    """The finite values of the epochs."""
    values = ((epoch, value(epoch)) for epoch in state.epochs)
    return [Point(e.samples, e.samples, e.t, y, y, y, 1) for e, y in values if math.isfinite(y)]


def samples_per_epoch(state: RunState) -> float | None:
    """The samples of an epoch: as planned, or else as those had that are over; None where nobody counts epochs."""
    if state.started is not None and state.started.train_samples:
        return state.started.train_samples
    last = state.epochs[-1] if state.epochs else None
    return last.samples / last.epoch if last is not None and last.samples > 0 and last.epoch > 0 else None


def samples_per_unit(kind: XAxis, state: RunState) -> float:
    """How many samples a unit of the x axis stands for, where it is not one of time; 1 where nobody counts epochs."""
    return (samples_per_epoch(state) or 1) if kind == "epochs" else 1


def positions(points: Sequence[Point], kind: XAxis, state: RunState) -> list[float]:
    """The positions of points on the x axis, ascending: epochs, samples seen, or seconds."""
    if kind == "time":
        return [point.t for point in points]
    unit = samples_per_unit(kind, state)
    return [point.last / unit for point in points]


def x_name(kind: XAxis, state: RunState) -> str:
    """What the x axis counts: epochs, and samples where nobody counts those, or what `samples` are, or time."""
    if kind == "time" or (kind == "epochs" and samples_per_epoch(state)):
        return kind
    return "steps" if state.started is not None and state.started.unit == "steps" else "samples"


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


def reduced(
    xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], low: float, high: float, columns: int
) -> list[XY]:
    """At most two points for each column of a chart: its least and its greatest value, in their order.

    Args:
        xs: Ascending, finite.
        lows: The least value at each x, finite.
        highs: The greatest one; the same list where each x has one value.
        low: The start of the x axis.
        high: Its end.
        columns: Of the chart.

    Returns:
        The points from `low` to `high`, the one before and the one after.
    """
    first, end = bisect_left(xs, low), bisect_right(xs, high)
    points = [(xs[first - 1], highs[first - 1])] if first else []
    ends = [low + column / columns * (high - low) for column in range(1, columns)] + [math.inf]
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


def nearest(xs: Sequence[float], x: float) -> int | None:
    """The index of the value nearest to `x`, the first of equals; None where there is none."""
    if not xs:
        return None
    place = bisect_left(xs, x)
    candidates = range(max(place - 1, 0), min(place + 1, len(xs)))
    return min(candidates, key=lambda i: abs(xs[i] - x))
