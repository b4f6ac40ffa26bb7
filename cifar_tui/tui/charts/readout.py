"""What is written below the charts: how they are drawn, or what they read at the cursor, one line a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from textual.strip import Strip

from cifar_tui.events import Epoch
from cifar_tui.formatting import UNKNOWN, duration, printable
from cifar_tui.system.text_width import padded
from cifar_tui.tui.charts.axes import Axis, time_unit
from cifar_tui.tui.charts.curves import NEAR, Curve, SeriesCurves
from cifar_tui.tui.charts.drawn_runs import DrawnRun
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.series import ACCURACY, LOSS, in_words
from cifar_tui.tui.charts.x_positions import epoch_at, extent, place_words, x_name
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, Row, cut, cut_middle, line, width_of

NAME_COLUMNS, OPTION_COLUMNS = 28, 24
"""Of a run's letter and name, and of the options in which it differs from others of its name, at most."""
SHORT_NAME = 10
"""Of its name, where those of all runs are in one line."""
FEW = 2
"""Series whose values are written in full; those of more stand in their titles."""
DETAILS = (2, 1, 0, -1, -2)
"""How much is said of a value: with that of its batch, what it is, in short, with `~` for a smoothed one, and without
the name of an accuracy, which its `%` tells."""
SMOOTHED = "smoothed"


def option_forms(runs: Sequence[DrawnRun], options: ChartOptions, axis: Axis) -> Iterator[str]:
    """How the charts are drawn, in words: the longest form first."""
    kind = _x_words(runs, options, axis)
    scale = "log scale" if options.log else "linear"
    smoothing = f"smoothing {options.weight:g}" if options.level else "no smoothing"
    shown = _window_words(options)
    more = " · all values" if options.outliers else ""
    if options.y_limits:
        more += " · y set"
    yield f"x axis: {kind} · y: {scale} · {smoothing} · {shown}{more}"
    yield f"{kind} · {scale} · {smoothing} · {shown}{more}"
    yield f"{kind} · {scale} · {shown}"
    yield kind


def name_parts(runs: Sequence[DrawnRun], room: int, look: Look) -> Row:
    """The letters and names of several runs, in so many columns; nothing of one run, or where they do not fit."""
    for longest in (NAME_COLUMNS, SHORT_NAME) if len(runs) > 1 else ():
        # Runs of one name differ at its end.
        names = [(f"{run.letter} {cut_middle(run.name, longest, look)}", run.style(look)) for run in runs]
        row: Row = [part for name in names for part in ("  ", name)][1:]
        if width_of(row) <= room:
            return row
    return []


def _x_words(runs: Sequence[DrawnRun], options: ChartOptions, axis: Axis) -> str:
    state = next((run.started for run in runs if run.started is not None), None)
    kind = x_name(options.x_axis, state) if state is not None else options.x_axis
    if kind == "time":
        kind = f"time in {time_unit(axis)[1]}"
    return f"{kind} (log)" if axis.log else kind


def _window_words(options: ChartOptions) -> str:
    window = options.window
    if window.low is None and window.high is None:
        return "all"
    if window.low is not None and window.low < 0:
        return f"the last {duration(-window.low) if options.x_axis == 'time' else format(-window.low, '.4g')}"
    low = "" if window.low is None else f"{window.low:.4g}"
    high = "" if window.high is None else f"{window.high:.4g}"
    return f"x={low}:{high}"


def value_forms(
    run: DrawnRun, drawn: Sequence[SeriesCurves], options: ChartOptions, cursor: float, *, of_several: bool = False
) -> Iterator[str]:
    """The place of the cursor and what the curves of a run read there, in words: the longest form first.

    Args:
        run: The run.
        drawn: Its curves, of each series that is drawn.
        options: How they are drawn.
        cursor: The place on the x axis.
        of_several: Whether others are read too: the place that they have in common is named once, in no run's line.
    """
    state = run.started
    if state is None:
        return
    if beyond := _beyond(run, options, cursor):
        yield beyond
        return
    where = place_words(state, options.x_axis, cursor)
    everything, values, short, brief, least = _texts(run, drawn, options, cursor)
    if of_several:
        ways = ((everything, 2), (values, 2), (values, 1), (values, 0), (short, 2), (short, 1), (short, 0), (brief, 0))
        for texts, places in (*ways, (least, 0), (brief[-1:], 0)):
            yield " · ".join([*texts, *where[1:][:places]])
    else:
        ways = ((everything, 3), (values, 3), (values, 2), (short, 3), (values, 1), (short, 2), (short, 1), (brief, 1))
        for texts, places in (*ways, (least, 1), (brief[-1:], 1)):
            yield " · ".join([*where[:places], *texts])


def _beyond(run: DrawnRun, options: ChartOptions, cursor: float) -> str:
    """How far a run is that has not come to the cursor; empty where it has."""
    assert run.started is not None
    reached = extent(run.started, options.x_axis)[0]
    at = place_words(run.started, options.x_axis, reached)[0]
    return f"only up to {at}" if cursor > reached * (1 + NEAR) else ""


def _texts(run: DrawnRun, drawn: Sequence[SeriesCurves], options: ChartOptions, cursor: float) -> list[list[str]]:
    """The values of a run's series, once for each of `DETAILS`; none where there are more than `FEW`."""
    assert run.started is not None
    few = drawn if len(drawn) <= FEW else ()
    epoch = epoch_at(run.started, options.x_axis, cursor)
    return [[text for each in few if (text := _values(each, run, cursor, detail, epoch))] for detail in DETAILS]


def _values(drawn: SeriesCurves, run: DrawnRun, cursor: float, detail: int, epoch: Epoch | None = None) -> str:
    """The values of one series: with what they are, or with less; at the end of an epoch, those of the epoch."""
    name, curves = printable(drawn.series.name), drawn.of(run)
    texts = [_value(drawn, curve, cursor, detail, _of_epoch(drawn, curve, epoch)) for curve in curves]
    if not texts:
        return ""
    if drawn.series.kind != "main":
        return f"{name}: {', '.join(texts)}" if texts[0].startswith(SMOOTHED) else f"{name} {texts[0]}"
    roles = [("train" if curve.role == "batches" else "validation" if detail > 0 else "val") for curve in curves]
    if detail < 0 and roles[0] == "train":
        roles[0] = ""
    words = ", ".join(f"{role} {text}".strip() for role, text in zip(roles, texts, strict=True))
    if detail == DETAILS[-1] and drawn.series == ACCURACY:
        return words
    return f"{name}: {words}" if detail > 0 else f"{name} {words}"


def _of_epoch(drawn: SeriesCurves, curve: Curve, epoch: Epoch | None) -> float:
    """What the epoch itself has of a curve: of training, the mean over its batches; NaN where it has none."""
    if epoch is None or drawn.series.kind != "main":
        return math.nan
    if drawn.series == LOSS:
        return epoch.train_loss if curve.role == "batches" else epoch.val_loss
    return epoch.train_accuracy if curve.role == "batches" else epoch.val_accuracy


def _value(drawn: SeriesCurves, curve: Curve, cursor: float, detail: int, of_epoch: float) -> str:
    found = curve.read(cursor)
    if math.isfinite(of_epoch):
        more = f" ({SMOOTHED} {_in_words(found[0], drawn)})" if found and curve.weight and detail == DETAILS[0] else ""
        return f"{_in_words(of_epoch, drawn)}{more}"
    if found is None:
        return UNKNOWN
    smooth, value = (_in_words(each, drawn) for each in found)
    if not curve.weight:
        return smooth
    if detail < 0:
        return f"~{smooth}"
    batch = "batch" if drawn.series.kind == "main" else "value"
    return f"{SMOOTHED} {smooth}, {batch} {value}" if detail == DETAILS[0] else f"{SMOOTHED} {smooth}"


def _in_words(value: float, drawn: SeriesCurves) -> str:
    if drawn.series.kind == "main" and drawn.what is None and 0.001 <= abs(value) < 1000:
        return f"{value:.3f}"
    return in_words(value, drawn.what)


def fitting_form(forms: Iterator[str], width: int, look: Look) -> str:
    """The longest of these forms that fits, or else the last one."""
    text = ""
    for form in forms:
        text = look.text(form)
        if cell_len(text) <= width:
            break
    return text


def run_lines(
    runs: Sequence[DrawnRun],
    drawn: Sequence[SeriesCurves],
    options: ChartOptions,
    cursor: float | None,
    most: int,
    width: int,
    look: Look,
) -> list[Strip]:
    """A line for each run: whose curve it is, whether it may be compared, and what is read at the cursor."""
    wide = min(max((cell_len(run.text) for run in runs), default=0), NAME_COLUMNS)
    differing = min(max((cell_len(run.options) for run in runs), default=0), OPTION_COLUMNS)
    rows: list[list[Part]] = []
    shown = runs if len(runs) <= most else runs[: most - 1]
    for run in shown:
        row: list[Part] = [(padded(cut_middle(run.text, wide, look), wide), run.style(look))]
        if differing:
            row.append((f"  {padded(cut(run.options, differing, look), differing)}", look.dim))
        if run.other:
            row.append((look.text(f"  {'!=' if look.ascii else '≠'} {run.other}"), look.warning))
        row.append("  ")
        room = width - width_of(row)
        if run.started is None:
            row.append((look.text("nothing to draw yet" if run.entry.is_recorded else run.entry.status), look.dim))
        elif cursor is not None:
            row.append(
                (fitting_form(value_forms(run, drawn, options, cursor, of_several=True), room, look), look.strong)
            )
        else:
            row.append((fitting_form(_last_forms(run, drawn, options), room, look), look.dim))
        rows.append(row)
    if len(shown) < len(runs):
        rows.append([(look.text(f"… and {len(runs) - len(shown)} more"), look.dim)])
    return [line(row, width) for row in rows]


def _last_forms(run: DrawnRun, drawn: Sequence[SeriesCurves], options: ChartOptions) -> Iterator[str]:
    """The last values of a run's curves."""
    ends = [curve.end for each in drawn for curve in each.of(run)]
    if len(drawn) <= FEW and ends:
        for values in _texts(run, drawn, options, max(ends))[1:]:
            yield " · ".join([run.entry.status, *values])
    yield run.entry.status
