"""The charts' cursor: its possible positions, its moves, and the values of the curves under it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cifar_tui.formatting import UNKNOWN, count, duration, percent
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.charts.axes import Axis
from cifar_tui.tui.charts.canvas import canvas_width
from cifar_tui.tui.charts.loss_and_accuracy import METRICS, run_axis, x_positions
from cifar_tui.tui.charts.series import (
    ChartOptions,
    Metric,
    nearest,
    samples_per_unit,
    smoothed,
    training,
    validation,
    x_name,
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A possible position of the cursor."""

    samples: int
    t: float
    x: float
    """On the x axis."""


def stops(state: RunState, options: ChartOptions) -> list[Stop]:
    """All points of a run that has started: its batches, and its epochs where their last batch was not recorded."""
    times = {epoch.samples: epoch.t for epoch in state.epochs} | {p.last: p.t for p in state.batch_loss.points}
    unit = samples_per_unit(options.x_axis, state)
    return [Stop(samples, t, t if options.x_axis == "time" else samples / unit) for samples, t in sorted(times.items())]


def nearest_stop(state: RunState, options: ChartOptions, cursor: int | None) -> Stop | None:
    """The stop nearest to this number of samples seen; None where there is none."""
    return nearest_of([] if cursor is None else stops(state, options), cursor)


def nearest_of(found: Sequence[Stop], cursor: int | None) -> Stop | None:
    """The one of these stops that is nearest to the cursor; None where there is none."""
    at = None if cursor is None else nearest([stop.samples for stop in found], cursor)
    return None if at is None else found[at]


def moved_cursor(state: RunState, options: ChartOptions, cursor: int | None, delta: int, width: int) -> int | None:
    """The position of the cursor after a move by so many columns, in samples seen.

    Args:
        state: A run that has started.
        options: How it is drawn.
        cursor: Where it was; None puts it at the last stop.
        delta: Columns to the right, negative to the left.
        width: Of the chart.

    Returns:
        None where there is no stop.
    """
    return moved_among(stops(state, options), run_axis(state, options, width), canvas_width(width), cursor, delta)


def moved_among(found: Sequence[Stop], axis: Axis, columns: int, cursor: int | None, delta: int) -> int | None:
    """The position of the cursor after a move by so many columns, at one of these stops; None where none is seen."""
    seen = [stop for stop in found if axis.low <= stop.x <= axis.high]
    if not seen:
        return None
    at = len(seen) - 1 if cursor is None else nearest([stop.samples for stop in seen], cursor)
    if cursor is None or at is None or delta == 0:
        return seen[at or 0].samples
    xs = [stop.x for stop in seen]
    column = min(int(axis.position(xs[at]) * columns), columns - 1) + delta
    if delta > 0:
        reached = max(bisect_left(xs, axis.low + column / columns * (axis.high - axis.low)), at + 1)
    else:
        reached = min(bisect_left(xs, axis.low + (column + 1) / columns * (axis.high - axis.low)) - 1, at - 1)
    return seen[min(max(reached, 0), len(seen) - 1)].samples


def place(state: RunState, options: ChartOptions, stop: Stop) -> str:
    """Where a stop is, in words: `epoch 3.20`, `1,250 images`, `5.5 s`."""
    match x_name(options.x_axis, state):
        case "epochs":
            return f"epoch {stop.x:.2f}"
        case "time":
            return duration(stop.t)
        case _:
            return f"{count(round(stop.x))} {state.started.unit if state.started else 'images'}"


def values_at(state: RunState, options: ChartOptions, stop: Stop, metrics: Sequence[Metric]) -> Iterator[str]:
    """The values of the curves at a stop, in words: from the longest form to that of the drawn metrics alone."""
    where = place(state, options, stop)
    (loss, batch_loss, val_loss), (accuracy, batch_accuracy, val_accuracy) = (
        _values(state, metric, options, stop.x) for metric in METRICS
    )
    if options.level:
        yield (
            f"{where} · loss: train {loss} (batch {batch_loss}), validation {val_loss}"
            f" · accuracy: train {accuracy} (batch {batch_accuracy}), validation {val_accuracy}"
        )
    yield (
        f"{where} · loss: train {loss}, validation {val_loss} · accuracy: train {accuracy}, validation {val_accuracy}"
    )
    yield f"{where} · loss {loss}, val {val_loss} · accuracy {accuracy}, val {val_accuracy}"
    yield f"{where} · loss {loss}, val {val_loss} · {accuracy}, val {val_accuracy}"
    yield f"{where} · {accuracy}, val {val_accuracy}" if "accuracy" in metrics else f"{where} · {loss}, val {val_loss}"


def _values(state: RunState, metric: Metric, options: ChartOptions, x: float) -> tuple[str, str, str]:
    """The smoothed value, the batch's and the validation's nearest to `x`."""
    points, checks = training(state, metric), validation(state, metric)
    at, check = nearest(x_positions(state, points, options), x), nearest(x_positions(state, checks, options), x)
    return (
        _value(metric, None if at is None else smoothed(points[: at + 1], options.weight)[-1]),
        _value(metric, None if at is None else points[at].mean),
        _value(metric, None if check is None else checks[check].mean),
    )


def _value(metric: Metric, value: float | None) -> str:
    if metric == "accuracy":
        return percent(value)
    return UNKNOWN if value is None else f"{value:.3f}"
