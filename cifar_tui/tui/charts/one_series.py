"""The chart of one named series of a run, in any size, and what the cursor reads of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.strip import Strip

from cifar_tui.formatting import printable
from cifar_tui.state.curve import Point
from cifar_tui.state.run_state import RunState
from cifar_tui.state.usage import Quantity
from cifar_tui.tui.charts.axes import Axis, accuracy_axis, number_axis, time_unit, usual_limits
from cifar_tui.tui.charts.canvas import Chart, Line, best_glyph, canvas_height, canvas_width, draw, resumed_glyph
from cifar_tui.tui.charts.cursor import Stop, moved_among, nearest_of, place
from cifar_tui.tui.charts.loss_and_accuracy import (
    are_joined,
    background_line,
    batch_line,
    best_position,
    beyond,
    joined,
    resumed_positions,
    run_axis,
    smooth_line,
)
from cifar_tui.tui.charts.named_series import Series, axis_unit, in_words, quantity_of, values, x_values
from cifar_tui.tui.charts.series import ZOOM_WORDS, ChartOptions, smoothed, x_name
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, cut, line, width_of

LEAST_NAME = 8
"""Columns of a name in a title, at least."""


@dataclass(frozen=True, slots=True)
class Drawable:
    """A series of a run with what its chart and its cursor need.

    Attributes:
        series: Which one.
        points: Its finite values.
        xs: Their positions on the x axis.
        what: What the values are.
    """

    series: Series
    points: Sequence[Point]
    xs: Sequence[float]
    what: Quantity | None

    @staticmethod
    def of(state: RunState, series: Series, options: ChartOptions) -> Drawable:
        """Read it from a run that has started."""
        points = values(state, series)
        return Drawable(series, points, x_values(state, series, points, options), quantity_of(series, points))

    def weight(self, options: ChartOptions) -> float:
        """The weight of smoothing: a learning rate is no noise, and of evaluations there are few."""
        return 0.0 if self.series.kind == "lr" or self.series.is_evaluated else options.weight

    @property
    def stops(self) -> list[Stop]:
        """Where the cursor can be; by what the series is over, which for devices is milliseconds."""
        return [Stop(point.last, point.t, x) for point, x in zip(self.points, self.xs, strict=True)]


def series_chart(
    state: RunState,
    drawable: Drawable,
    options: ChartOptions,
    cursor: float | None,
    number: int,
    width: int,
    height: int,
    look: Look,
) -> Chart:
    """The chart of a series of a run that has started.

    Args:
        state: The run.
        drawable: The series.
        options: How to draw it.
        cursor: The x of the cursor.
        number: Of the run, for its colour.
        width: Of the chart, in columns.
        height: Of the chart, in rows.
        look: The terminal's.
    """
    columns, rows, axis = canvas_width(width), canvas_height(height), run_axis(state, options, width)
    raw, weight = batch_line(drawable.points, drawable.xs, axis, columns), drawable.weight(options)
    if drawable.series.is_evaluated:
        lines = [Line(raw, look.run(number), "o", joined=True)] if are_joined(raw, axis, columns, rows, look) else []
        lines.append(Line(raw, look.run(number) + look.strong, "o"))
    elif weight:
        smooth = smooth_line(drawable.points, drawable.xs, weight, axis, columns)
        lines = [background_line(raw, number, look), Line(smooth, look.run(number), "*", joined=True)]
    else:
        lines = [Line(raw, look.run(number), ".", joined=True)]
    y, unit = _y_axis([each.points for each in lines], axis, rows, drawable.what, log=options.log)
    return Chart(
        title=_title(state, drawable, options, unit, beyond(raw, axis, y), number, width, look),
        x=axis,
        y=y,
        lines=lines,
        best=best_position(state, options),
        cursor=cursor,
        resumed=resumed_positions(state, options),
    )


def _y_axis(
    curves: Sequence[Sequence[tuple[float, float]]], x: Axis, rows: int, what: Quantity | None, *, log: bool
) -> tuple[Axis, str]:
    """The y axis for the visible part of these curves, and the unit that its labels do not name."""
    seen = [[y for at, y in curve if x.low <= at <= x.high] for curve in curves]
    low, high = usual_limits(seen) or (0.0, 1.0)
    if what == "fraction" and low >= 0 and high <= 1:
        return accuracy_axis(low, high, rows), "%"
    log = log and high > 0
    if log:  # It has room for spikes.
        low = min((y for ys in seen for y in ys if y > 0), default=low)
        high = max((y for ys in seen for y in ys), default=high)
    unit, name = axis_unit(max(abs(low), abs(high)), what)
    if log and what is None:
        unit, name = 1.0, ""  # Labels of decades are short.
    return number_axis(low, high, rows, unit, log=log), f"{name}, log" if log and name else "log" if log else name


def series_page(
    state: RunState,
    series: Series,
    options: ChartOptions,
    cursor: int | None,
    number: int,
    width: int,
    height: int,
    look: Look,
) -> list[Strip]:
    """A chart that fills the view, above a line with its options or the value under the cursor."""
    drawable = Drawable.of(state, series, options)
    stop = nearest_of(drawable.stops, cursor)
    strips: list[Strip] = []
    if height > 1:
        at = None if stop is None else stop.x
        chart = series_chart(state, drawable, options, at, number, width, height - 1, look)
        strips = draw(chart, width, height - 1, look)
    forms, style = _options_forms(state, drawable, options, width), look.dim
    if stop is not None:
        forms, style = _values_at(state, drawable, options, stop), look.strong
    text = ""
    for form in forms:
        text = look.text(form)
        if len(text) <= width:
            break
    return [*strips, line([(text, style)], width)]


def moved_series_cursor(
    state: RunState, series: Series, options: ChartOptions, cursor: int | None, delta: int, width: int
) -> int | None:
    """The position of the cursor after a move by so many columns; None where there is no value."""
    stops = Drawable.of(state, series, options).stops
    return moved_among(stops, run_axis(state, options, width), canvas_width(width), cursor, delta)


def _title(
    state: RunState,
    drawable: Drawable,
    options: ChartOptions,
    unit: str,
    top: float | None,
    number: int,
    width: int,
    look: Look,
) -> list[Part]:
    """The name and the last value; the unit of the y axis and the legend, as far as they fit."""
    last = look.text(in_words(drawable.points[-1].mean, drawable.what)) if drawable.points else ""
    name = cut(printable(drawable.series.name), max(LEAST_NAME, width - len(last) - 2), look)
    line_glyph, dots = ("*", ".") if look.ascii else ("⠒", "⠒")
    behind: Part = (dots, look.faint(number)) if look.colour else ("." if look.ascii else "·", look.dim)
    items: list[list[Part]] = [[(name, look.strong)], [(last, look.run(number) + look.strong)]]
    further: list[list[Part]] = [[(look.text(f"y: {unit}"), look.dim)] if unit else []]
    if top is not None:
        further.append([("^" if look.ascii else "↑", look.warning), look.text(f" to {in_words(top, drawable.what)}")])
    if drawable.weight(options):
        further += [[(line_glyph, look.run(number)), " smoothed"], [behind, " values"]]
    further.append([(resumed_glyph(look), look.dim), " resumed"] if state.resumptions else [])
    if (best := state.best or state.best_by_loss) is not None:
        further.append([(best_glyph(look), look.strong), f" best epoch {best.epoch}"])
    for item in filter(None, further):
        if width_of(joined([*items, item])) <= width:
            items.append(item)
    return joined(items)


def _options_forms(state: RunState, drawable: Drawable, options: ChartOptions, width: int) -> Iterator[str]:
    """The options of the chart, in words: the longest form first."""
    kind = x_name(options.x_axis, state)
    if kind == "time":
        kind = f"time in {time_unit(run_axis(state, options, width))[1]}"
    weight = drawable.weight(options)
    smoothing = f"smoothing {weight:g}" if weight else "no smoothing"
    yield f"x axis: {kind} · {smoothing} · {ZOOM_WORDS[options.zoom]} · y: another series, Esc: loss and accuracy"
    yield f"{kind} · {smoothing} · {ZOOM_WORDS[options.zoom]} · y: another, Esc: loss"
    yield f"{kind} · y: another, Esc: loss"
    yield kind


def _values_at(state: RunState, drawable: Drawable, options: ChartOptions, stop: Stop) -> Iterator[str]:
    """The value at a stop, in words: the longest form first."""
    where, name = place(state, options, stop), printable(drawable.series.name)
    at = next(n for n, point in enumerate(drawable.points) if point.last == stop.samples)
    value = in_words(drawable.points[at].mean, drawable.what)
    if weight := drawable.weight(options):
        smooth = in_words(smoothed(drawable.points[: at + 1], weight)[-1], drawable.what)
        yield f"{where} · {name}: smoothed {smooth}, value {value}"
    yield f"{where} · {name} {value}"
    yield f"{where} · {value}"
