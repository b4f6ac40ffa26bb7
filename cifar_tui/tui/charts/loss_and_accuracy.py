"""The chart of one metric of a run: its curves, their axes and the legend."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cifar_tui.events import Epoch
from cifar_tui.state.curve import Point
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.charts.axes import Axis, accuracy_axis, loss_axis, usual_range, x_axis
from cifar_tui.tui.charts.canvas import Chart, Line, best_glyph, canvas_height, canvas_width, resumed_glyph
from cifar_tui.tui.charts.series import (
    XY,
    ChartOptions,
    Metric,
    positions,
    reduced,
    samples_per_epoch,
    samples_per_unit,
    smoothed,
    training,
    validation,
)
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, width_of

APART, HIGH = 3, 12
"""The least columns between validations, and the least rows of a chart, for a line that joins them."""
METRICS: tuple[Metric, ...] = ("loss", "accuracy")


def run_axis(state: RunState, options: ChartOptions, width: int) -> Axis:
    """The x axis of a chart of `width` columns, of a run that has started."""
    reached, planned = x_extent(state, options)
    growing = state.finished is None
    return x_axis(options.x_axis, reached, planned, options.part, growing=growing, width=canvas_width(width))


def x_extent(state: RunState, options: ChartOptions) -> tuple[float, float]:
    """How far a run is on the x axis, and how far it will go."""
    assert state.started is not None
    if options.x_axis == "time":
        curves = (state.batch_loss, *state.metrics.values(), *state.history.values())
        ends = [curve.points[-1].t for curve in curves if curve.points] + [epoch.t for epoch in state.epochs[-1:]]
        return max(ends, default=0.0), math.inf
    unit = samples_per_unit(options.x_axis, state)
    planned = state.planned_samples or math.inf
    if options.x_axis == "epochs" and samples_per_epoch(state):
        return state.samples / unit, float(state.started.epochs or math.inf)
    return state.samples / unit, planned / unit


def x_positions(state: RunState, points: Sequence[Point], options: ChartOptions) -> list[float]:
    """The positions of points on the x axis."""
    return positions(points, options.x_axis, state)


def resumed_positions(state: RunState, options: ChartOptions) -> list[float]:
    """Where on the x axis a run was resumed, after a pause or a stop."""
    if options.x_axis == "time":
        return [event.t for event in state.resumptions]
    unit = samples_per_unit(options.x_axis, state)
    return [event.samples / unit for event in state.resumptions]


def batch_line(points: Sequence[Point], xs: Sequence[float], axis: Axis, columns: int) -> list[XY]:
    """The curve of the batches."""
    return reduced(xs, [p.low for p in points], [p.high for p in points], axis.low, axis.high, columns)


def smooth_line(points: Sequence[Point], xs: Sequence[float], weight: float, axis: Axis, columns: int) -> list[XY]:
    """Their smoothed curve."""
    values = smoothed(points, weight)
    return reduced(xs, values, values, axis.low, axis.high, columns)


def value_axis(metric: Metric, curves: Sequence[Sequence[XY]], x: Axis, rows: int, options: ChartOptions) -> Axis:
    """The y axis for the visible part of these curves."""
    log = options.log and metric == "loss"
    seen = [[y for at, y in curve if x.low <= at <= x.high and (y > 0 or not log)] for curve in curves]
    if metric == "accuracy":
        low, high = min((min(ys) for ys in seen if ys), default=0.0), max((max(ys) for ys in seen if ys), default=1.0)
        return accuracy_axis(low, high, rows)
    if log:
        low, high = min((min(ys) for ys in seen if ys), default=0.1), max((max(ys) for ys in seen if ys), default=1.0)
    else:
        low, high = usual_range(seen) or (0.0, 1.0)
    return loss_axis(low, high, rows, log=log)


def run_chart(
    state: RunState,
    metric: Metric,
    options: ChartOptions,
    cursor: float | None,
    number: int,
    width: int,
    height: int,
    look: Look,
) -> Chart:
    """The chart of one metric of a run that has started, with a cursor at this x."""
    columns, rows, axis = canvas_width(width), canvas_height(height), run_axis(state, options, width)
    points = training(state, metric)
    xs = x_positions(state, points, options)
    batches = batch_line(points, xs, axis, columns)
    checks = validation(state, metric)
    checked = batch_line(checks, x_positions(state, checks, options), axis, columns)
    # Training is drawn over the line that joins the validations; their marks are on top of all.
    lines = [Line(checked, look.strong, "o", joined=True)] if are_joined(checked, axis, columns, rows, look) else []
    if options.level:
        smooth = smooth_line(points, xs, options.weight, axis, columns)
        lines = [background_line(batches, number, look), *lines, Line(smooth, look.run(number), "*", joined=True)]
    else:
        lines.append(Line(batches, look.run(number), ".", joined=True))
    lines.append(Line(checked, look.strong, "o"))
    y = value_axis(metric, [line.points for line in lines], axis, rows, options)
    best = state.best or state.best_by_loss
    return Chart(
        title=_title(metric, options, number, best, beyond(batches, axis, y), state, width, look),
        x=axis,
        y=y,
        lines=lines,
        best=best_position(state, options),
        cursor=cursor,
        resumed=resumed_positions(state, options),
    )


def background_line(points: Sequence[XY], number: int, look: Look) -> Line:
    """A faint curve behind others; without colour, one of dots."""
    if look.colour:
        return Line(points, look.faint(number), ".", joined=True)
    return Line(points, look.dim, "." if look.ascii else "·")


def are_joined(points: Sequence[XY], axis: Axis, columns: int, rows: int, look: Look) -> bool:
    """Whether marks are far enough apart, and the chart is large enough, for a line that joins them."""
    if len(points) < 2 or rows < HIGH or look.ascii:
        return False
    return (points[-1][0] - points[0][0]) / (axis.high - axis.low) * columns >= APART * (len(points) - 1)


def best_position(state: RunState, options: ChartOptions) -> float | None:
    """Where on the x axis the best epoch ends."""
    best = state.best or state.best_by_loss
    if best is None:
        return None
    return best.t if options.x_axis == "time" else best.samples / samples_per_unit(options.x_axis, state)


def beyond(points: Sequence[XY], x: Axis, y: Axis) -> float | None:
    """The greatest visible value, where it is above the axis."""
    top = max((value for at, value in points if x.low <= at <= x.high), default=0.0)
    return top if y.position(top) > 1 else None


def _title(
    metric: Metric,
    options: ChartOptions,
    number: int,
    best: Epoch | None,
    beyond: float | None,
    state: RunState,
    width: int,
    look: Look,
) -> list[Part]:
    """The chart's name and its legend: in full, shortened, or as much of it as fits."""
    train, batch = ("*", ".") if look.ascii else ("⠒", "⠒")
    trained = bool(training(state, metric))
    behind = (batch, look.faint(number)) if look.colour else ("." if look.ascii else "·", look.dim)
    full: list[list[Part]] = [
        [(metric_name(metric, options), look.strong)],
        [(train if options.level else batch, look.run(number)), " train"] if trained else [],
        [("o", look.strong), " validation"] if validation(state, metric) or trained else [],
        [] if best is None else [(best_glyph(look), look.strong), f" best epoch {best.epoch}"],
        [] if beyond is None else [("^" if look.ascii else "↑", look.warning), f" to {beyond:.3g}"],
        [behind, " batches"] if options.level and trained else [],
        [(resumed_glyph(look), look.dim), " resumed"] if state.resumptions else [],
    ]
    items = [item for item in full if item]
    if width_of(joined(items)) > width:
        short = {" validation": " val", " batches": " batch"} | (
            {f" best epoch {best.epoch}": f" best {best.epoch}"} if best else {}
        )
        items = [[short.get(part, part) if isinstance(part, str) else part for part in item] for item in items]
    while len(items) > 1 and width_of(joined(items)) > width:
        items.pop()
    return joined(items)


def metric_name(metric: Metric, options: ChartOptions) -> str:
    """The name of a metric's chart."""
    return "accuracy %" if metric == "accuracy" else "loss (log)" if options.log else "loss"


def joined(items: Sequence[Sequence[Part]]) -> list[Part]:
    """The items of a legend, on one line."""
    return [part for number, item in enumerate(items) for part in (["  "] if number else []) + list(item)]
