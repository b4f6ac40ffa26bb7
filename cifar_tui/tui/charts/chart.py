"""One chart: the curves of a series of one run, or of several, with their axes and the legend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cifar_tui.formatting import UNKNOWN, printable
from cifar_tui.state.usage import Quantity
from cifar_tui.tui.charts.axes import Axis, accuracy_axis, exact_axis, middle, number_axis, usual_limits
from cifar_tui.tui.charts.canvas import (
    Chart,
    Line,
    best_glyph,
    broken_glyph,
    canvas_height,
    canvas_width,
    resumed_glyph,
)
from cifar_tui.tui.charts.curves import XY, Curve, SeriesCurves
from cifar_tui.tui.charts.drawn_runs import DrawnRun
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.series import ACCURACY, LOSS, Series, axis_unit, in_words
from cifar_tui.tui.charts.x_positions import best_epoch_end, resumed
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, cut, cut_middle, width_of

APART = 3
"""The least columns between the marks of evaluations; nearer ones are a line without marks."""
LETTER_COLUMNS = 8
"""The least distance between two letters of a curve."""
AHEAD = 0.3
"""How far an axis that values have left extends beyond them, in parts of what they span."""
LEAST_NAME = 8
"""Columns of a name in a title, at least."""
NOTHING_HERE = "no values here; 0 shows all"
FEW = 2
"""Runs of which the training is drawn behind their validation too."""

Shown = tuple[Axis, str]
"""The y axis of a chart, and the unit that its labels do not name."""


class AxisKeeper:
    """Keeps y axes where they are, as long as what is drawn fits them well: they stand still while a run trains."""

    def __init__(self) -> None:
        self._kept: dict[Series, tuple[object, Axis]] = {}

    def settle(
        self, series: Series, key: object, low: float, high: float, make: Callable[[float, float], Axis]
    ) -> Axis:
        """The axis of a chart.

        Args:
            series: The chart's.
            key: Another one where a new axis is to be made.
            low: The least value that it is to show.
            high: The greatest one.
            make: Makes the axis for the least and the greatest value.
        """
        before, axis = self._kept.get(series, (None, None))
        if axis is None or before != key:
            axis = make(low, high)
        elif not axis.holds(low, high):
            # Values that have left it will continue.
            room = AHEAD * (high - low)
            bottom = low - room if low < axis.low and not axis.log else low
            axis = make(max(bottom, 0.0) if low >= 0 else bottom, high + room if high > axis.high else high)
        self._kept[series] = key, axis
        return axis


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chart is drawn into, and how.

    Attributes:
        options: How to draw it.
        x: Its x axis.
        width: Columns of all of it.
        height: Rows of all of it.
        look: The terminal's.
        cursor: The place that is read, on the x axis.
        chosen: Whether keys act on it, where there are others.
        named: Whether the legend names several runs: they are not named below.
    """

    options: ChartOptions
    x: Axis
    width: int
    height: int
    look: Look
    cursor: float | None = None
    chosen: bool = False
    named: bool = False


def chart(drawn: SeriesCurves, runs: Sequence[DrawnRun], frame: Frame, keeper: AxisKeeper) -> Chart:
    """The chart of a series of these runs, of which some may not have it."""
    alone = len(runs) == 1
    lines = _of_one(drawn, frame) if alone else _of_several(drawn, runs, frame)
    y, unit = _y_axis(drawn, lines, frame, keeper, runs)
    state = runs[0].started if alone else None
    kind = frame.options.x_axis
    broken = [x for curve in drawn.curves for x, _ in curve.broken]
    top = beyond(lines, frame.x, y)
    return Chart(
        title=_title_of_one(drawn, runs[0], frame, unit, top, lines) if alone else _title(drawn, runs, frame, unit),
        x=frame.x,
        y=y,
        lines=lines,
        best=best_epoch_end(state, kind) if state is not None and drawn.series.kind != "device" else None,
        cursor=frame.cursor,
        resumed=resumed(state, kind) if state is not None else (),
        broken=broken,
        grid=True,
        note=NOTHING_HERE if _is_empty(lines, broken, frame.x) else "",
    )


def _is_empty(lines: Sequence[Line], broken: Sequence[float], x: Axis) -> bool:
    """Whether there are values, but none of them, nor a line between two, in the part of the x axis that is shown."""
    places = [[at for at, _ in each.points] for each in lines if each.points]
    places += [[at] for at in broken]
    return bool(places) and all(max(each) < x.low or min(each) > x.high for each in places)


# Lines


def _of_one(drawn: SeriesCurves, frame: Frame) -> list[Line]:
    """Noisy values, a smoothed line through them, and evaluations on top."""
    columns, look = canvas_width(frame.width), frame.look
    lines: list[Line] = []
    for curve in drawn.curves:
        number = curve.run.number
        if curve.role == "checks":
            points = curve.raw_line(frame.x, columns)
            style = look.strong if len(drawn.curves) > 1 else look.run(number)
            lines.append(Line(points, style, "+", joined=True))
            if marks := _marks(points, frame, spread=not look.colour):
                lines.append(Line(marks, style + look.strong, "o"))
        elif curve.weight:
            lines.append(_behind(curve.raw_line(frame.x, columns), number, look))
            lines.append(Line(curve.smooth_line(frame.x, columns), look.run(number), "*", joined=True))
        else:
            lines.append(Line(curve.raw_line(frame.x, columns), look.run(number), "*", joined=True))
    return lines


def _of_several(drawn: SeriesCurves, runs: Sequence[DrawnRun], frame: Frame) -> list[Line]:
    """A line of letters for each run; of few runs, their training behind it."""
    columns, look = canvas_width(frame.width), frame.look
    behind: list[Line] = []
    lines: list[Line] = []
    letters: list[Line] = []
    converged = any(run.entry.status != "diverged" for run in runs if drawn.of(run))
    for place, run in enumerate(runs):
        curves = drawn.of(run)
        scaled = not converged or run.entry.status != "diverged"  # It would press the others into one row.
        if len(runs) <= FEW:
            behind += [
                _behind(curve.smooth_line(frame.x, columns), run.number, look, scaled=scaled) for curve in curves[:-1]
            ]
        for curve in curves[-1:]:
            points = curve.smooth_line(frame.x, columns)
            lines.append(Line(points, look.run(run.number), run.letter, joined=True, scaled=scaled))
            seen = _spread(points, frame.x, columns, place, len(runs))
            letters.append(Line(seen, look.run(run.number) + look.strong, run.letter, scaled=False))
    return [*behind, *lines, *letters]


def _behind(points: Sequence[XY], number: int, look: Look, *, scaled: bool = True) -> Line:
    """A faint curve behind others; without colour, one of dots."""
    if look.colour:
        return Line(points, look.faint(number), ".", joined=True, behind=True, scaled=scaled)
    return Line(points, look.dim, _dot(look), behind=True, scaled=scaled)


def _dot(look: Look) -> str:
    return "." if look.ascii else "·"


def _marks(points: Sequence[XY], frame: Frame, *, spread: bool) -> list[XY]:
    """The points of evaluations that are marked: all where they are apart, else none, or some to name the line."""
    columns = canvas_width(frame.width)
    seen = [point for point in points if frame.x.low <= point[0] <= frame.x.high]
    span = frame.x.position(seen[-1][0]) - frame.x.position(seen[0][0]) if seen else 0.0
    if span * columns >= APART * (len(seen) - 1):
        return seen
    return _spread(seen, frame.x, columns, 0, 1) if spread else []


def _spread(points: Sequence[XY], axis: Axis, columns: int, number: int, runs: int) -> list[XY]:
    """The points of a curve's letters: not too near to each other, nor to those of the other curves."""
    apart = max(LETTER_COLUMNS, 3 * runs)
    chosen, following = [], float(3 * number)
    for x, y in points:
        column = axis.position(x) * columns
        if column >= following:
            chosen.append((x, y))
            following = column + apart
    return chosen or list(points[-1:])


# The y axis


def _y_axis(
    drawn: SeriesCurves, lines: Sequence[Line], frame: Frame, keeper: AxisKeeper, runs: Sequence[DrawnRun]
) -> Shown:
    """The axis for the visible part of the lines, or as it was set."""
    options, x, rows, what = frame.options, frame.x, canvas_height(frame.height), drawn.what
    scaled = lines if options.outliers else [each for each in lines if each.scaled]
    visible = [(each, [y for at, y in each.points if x.low <= at <= x.high]) for each in scaled]
    # Of dense batches, the noise does not set the scale; of training behind several runs, its usual values do.
    dense = canvas_width(frame.width) if len(runs) == 1 else 0
    seen = [ys for each, ys in visible if not each.behind or (dense and len(ys) < dense)]
    seen += [[*middle(ys), ys[-1]] for each, ys in visible if ys and each.behind and not dense]
    values = [y for ys in seen for y in ys]
    log = options.log and what != "fraction" and any(y > 0 for y in values)
    if log:  # It has room for all.
        positive = [y for y in values if y > 0]
        low, high = min(positive), max(positive)
    elif options.outliers:
        everything = [y for _, ys in visible for y in ys]
        low, high = min(everything, default=0.0), max(everything, default=1.0)
    else:
        low, high = usual_limits(seen) or (0.0, 1.0)
    if drawn.series.kind == "device" and values and what != "°C":
        low, high = min(low, 0.0), 1.0 if what == "fraction" else high
    set_low, set_high = options.y_limits.get(drawn.series, (None, None))
    if set_low is not None or set_high is not None:
        bottom, top = low if set_low is None else set_low, high if set_high is None else set_high
        unit, name = _unit(max(abs(bottom), abs(top)), what, log=log)
        return exact_axis(bottom, top, rows, unit, log=log), _named(name, log=log)
    unit, name = _unit(max(abs(low), abs(high)), what, log=log)
    is_fraction = what == "fraction" and low >= 0 and high <= 1

    def make(low: float, high: float) -> Axis:
        return accuracy_axis(low, min(high, 1.0), rows) if is_fraction else number_axis(low, high, rows, unit, log=log)

    key = (rows, x.low if options.window.low is not None else 0.0, options.window, options.x_axis, options.log_x)
    shown = tuple(run.number for run in runs)
    axis = keeper.settle(drawn.series, (*key, log, options.outliers, unit, is_fraction, shown), low, high, make)
    return axis, _named(name, log=log)


def _unit(most: float, what: Quantity | None, *, log: bool) -> tuple[float, str]:
    # Labels of decades are short.
    return (1.0, "") if log and what is None else axis_unit(most, what)


def _named(name: str, *, log: bool) -> str:
    return ", ".join([*([name] if name else []), *(["log"] if log else [])])


def beyond(lines: Sequence[Line], x: Axis, y: Axis) -> float | None:
    """The greatest visible value, where it is above the axis and marked there."""
    tops = []
    for each in lines:
        top = max((value for at, value in each.points if x.low <= at <= x.high), default=-math.inf)
        if y.position(top) > (2 if each.behind else 1):
            tops.append(top)
    return max(tops, default=None)


# The title


def _title_of_one(
    drawn: SeriesCurves, run: DrawnRun, frame: Frame, unit: str, top: float | None, lines: Sequence[Line]
) -> list[Part]:
    """The name, and of series but loss and accuracy the value; then the legend, as far as it fits."""
    look, width, options = frame.look, frame.width, frame.options
    state, is_main = run.started, drawn.series in (LOSS, ACCURACY)
    main = drawn.main(run)
    read = None if main is None else main.read(main.end if frame.cursor is None else frame.cursor)
    value = "" if is_main else look.text(UNKNOWN if read is None else in_words(read[1], drawn.what))
    items = [_name(drawn, unit, frame, width_of([value]) + 2 if value else 0)]
    if value:
        items.append([(value, look.run(run.number) + look.strong)])
    line_glyph = "*" if look.ascii else "⠒"
    roles = {curve.role for curve in drawn.curves}
    smoothed = any(curve.weight for curve in drawn.curves)
    legend: list[list[Part]] = []
    if is_main:
        checks = "o" if any(each.glyph == "o" for each in lines) else "+" if look.ascii else "⠒"
        if "batches" in roles:
            legend.append([(line_glyph, look.run(run.number)), " train"])
        if "checks" in roles:
            style = look.strong if len(roles) > 1 else look.run(run.number)
            legend.append([(checks, style), " validation"])
    elif smoothed:
        smooth = f" {_short(read[0], drawn.what)}" if read is not None and frame.cursor is not None else ""
        legend.append([(line_glyph, look.run(run.number)), look.text(f" smoothed{smooth}")])
    broken = [value for curve in drawn.curves for _, value in curve.broken]
    if broken:
        legend.append([(broken_glyph(look), look.bad), f" {_broken_words(broken)}"])
    if top is not None:
        arrow = "^" if look.ascii else "↑"
        legend.append([(arrow, look.warning), look.text(f" to {_short(top, drawn.what)}")])
    best = (state.best or state.best_by_loss) if state is not None else None
    if best is not None and is_main:
        legend.append([(best_glyph(look), look.strong), f" best epoch {best.epoch}"])
    if smoothed and options.level:
        behind = (line_glyph, look.faint(run.number)) if look.colour else (_dot(look), look.dim)
        legend.append([behind, " batches" if is_main else " values"])
    if state is not None and state.resumptions:
        legend.append([(resumed_glyph(look), look.dim), " resumed"])
    if width_of(joined([*items, *legend])) > width:
        short = {" validation": " val", " batches": " batch"} | (
            {f" best epoch {best.epoch}": f" best {best.epoch}"} if best else {}
        )
        legend = [[short.get(part, part) if isinstance(part, str) else part for part in item] for item in legend]
    for item in legend:
        if width_of(joined([*items, item])) <= width:
            items.append(item)
    return joined(items)


def _title(drawn: SeriesCurves, runs: Sequence[DrawnRun], frame: Frame, unit: str) -> list[Part]:
    """What is drawn, and each run's value at the cursor, or its last one; shortened until it fits."""
    look, width = frame.look, frame.width
    checked = any(curve.role == "checks" for curve in drawn.curves) and drawn.series in (LOSS, ACCURACY)
    values = {run.letter: look.text(_read_in_words(drawn, drawn.main(run), frame.cursor)) for run in runs}
    title: list[Part] = []
    for split, longest, valued in (
        ("validation ", 20, True),
        ("val ", 12, True),
        ("val ", 0, True),
        ("", 0, True),
        ("val ", 0, False),
    ):
        items = [_name(drawn, unit, frame, 0, split if checked else "")]
        for run in runs:
            mark = ("!" if look.ascii else "≠") if run.other else ""
            name = f"{run.letter}{mark} {cut_middle(run.name, longest, look) if frame.named else ''}".strip()
            value: list[Part] = [(f" {values[run.letter]}", run.style(look) + look.strong)] if valued else []
            items.append([(name, run.style(look)), *value])
        title = joined(items)
        if width_of(title) <= width:
            return title
    return title


def behind_note(charts: Sequence[SeriesCurves], runs: Sequence[DrawnRun], look: Look) -> str:
    """How the training of several runs is drawn behind their validation; empty where it is not."""
    several = 1 < len(runs) <= FEW
    if not several or not any(len(each.of(run)) > 1 for each in charts for run in runs):
        return ""
    return "faint: train" if look.colour else f"{_dot(look)}: train"


def _name(drawn: SeriesCurves, unit: str, frame: Frame, taken: int, before: str = "") -> list[Part]:
    """The name of a series with its unit, unless its values have it; that of the chart that keys act on is marked."""
    look, series = frame.look, drawn.series
    if taken and unit in (drawn.what, "%"):
        unit = ""
    mark = (">" if look.ascii else "▸") if frame.chosen else ""
    name = before + printable(series.name)
    after = f" {unit}" if unit == "%" else f" ({unit})" if unit else ""
    room = max(LEAST_NAME, frame.width - taken - len(after) - len(mark))
    return [(mark + cut(name, room, look), look.strong), (look.text(after), look.dim)]


def _read_in_words(drawn: SeriesCurves, curve: Curve | None, cursor: float | None) -> str:
    """The smoothed value of a curve at the cursor, or else its last one; `~` says that it is smoothed."""
    if curve is None:
        return UNKNOWN
    found = curve.read(curve.end if cursor is None else cursor)
    if found is None:
        return UNKNOWN
    # The title has the unit.
    text = f"{100 * found[0]:.1f}" if drawn.what == "fraction" else _short(found[0], drawn.what)
    return f"~{text}" if curve.weight else text


def _short(value: float, what: Quantity | None) -> str:
    if what is not None or not 0.001 <= abs(value) < 1000:
        return in_words(value, what)
    return f"{value:.{3 if abs(value) < 10 else 2 if abs(value) < 100 else 1}f}"


def _broken_words(values: Sequence[float]) -> str:
    names = dict.fromkeys(in_words(value, None) for value in values)
    return "/".join(names)


def joined(items: Sequence[Sequence[Part]]) -> list[Part]:
    """The items of a legend, on one line."""
    return [part for number, item in enumerate(items) for part in (["  "] if number else []) + list(item)]
