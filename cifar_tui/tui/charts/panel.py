"""The charts view: loss and accuracy of a run, or a series that is chosen, with a cursor that reads the curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from rich.style import Style
from textual.strip import Strip

from cifar_tui.formatting import count, printable
from cifar_tui.state.run_state import RunState
from cifar_tui.system.text_width import wrapped
from cifar_tui.tui.charts.axes import time_unit
from cifar_tui.tui.charts.canvas import draw
from cifar_tui.tui.charts.cursor import moved_cursor, nearest_stop, values_at
from cifar_tui.tui.charts.loss_and_accuracy import METRICS, run_axis, run_chart
from cifar_tui.tui.charts.named_series import Series, all_series, values
from cifar_tui.tui.charts.one_series import moved_series_cursor, series_page
from cifar_tui.tui.charts.series import ZOOM_WORDS, ChartOptions, Metric, recorded_metrics, version, x_name
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, RunPanel, View
from cifar_tui.tui.widgets.lines import Part, line, paragraph

WIDE, FLAT = 100, 3.2
"""The least columns, and the least columns for each row, for two charts side by side."""
LEAST_ROWS = 7
"""Of each of two stacked charts."""
GAP = 2
"""Columns between charts side by side."""


class ChartsPanel(RunPanel, View):
    """The curves of one run."""

    def __init__(self, options: ChartOptions, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.options = options
        self.cursor: int | None = None
        """Its position, in samples seen; of a device's series, in milliseconds."""
        self.chosen: Series | None = None
        """What is drawn of any run that is selected; None for loss and accuracy."""
        self._drawn: tuple[object, list[Strip]] = (None, [])

    def show(self, context: Context) -> None:
        """Draw the selected run; the cursor stays where it is as long as the run is the same."""
        if context.selected is not self.entry:
            self.cursor, self._drawn = None, (None, [])
        super().show(context)

    def lines(self, width: int, height: int) -> list[Strip]:
        """The charts and the line below them; those of the last call where nothing changed."""
        entry, state = self.entry, None if self.entry is None else self.entry.state
        if entry is None or state is None or state.started is None or (why := self._why_nothing(state)) is None:
            return [line(parts, width) for parts in message(entry, self.look, width)][:height]
        if why:
            return paragraph(why, width, self.look)[:height]
        shown = (version(state), *astuple(self.options), self.cursor, self.chosen, entry.number, self.look)
        if self._drawn[0] != (shown, width, height):
            self._drawn = (shown, width, height), self._picture(state, entry.number, width, height)
        return list(self._drawn[1])

    def _picture(self, state: RunState, number: int, width: int, height: int) -> list[Strip]:
        if self.chosen is not None:
            return series_page(state, self.chosen, self.options, self.cursor, number, width, height, self.look)
        return charts(state, self.options, self.cursor, number, width, height, self.look)

    def _why_nothing(self, state: RunState) -> str | None:
        """Why what is wanted of a run cannot be drawn; empty where it can be, None where nothing is logged yet."""
        names = all_series(state)
        if self.chosen is None:
            # What the devices do is known before the first batch.
            if not recorded_metrics(state) and any(each.kind != "device" for each in names):
                return f"No loss and no accuracy is logged, but {count(len(names))} other series: y chooses one."
            return "" if has_values(state) else None
        if not names and not has_values(state):
            return None
        if values(state, self.chosen):
            return ""
        name = printable(self.chosen.name)
        if self.chosen in names:
            return f"No value of {name} is a number so far; y chooses another series, Esc shows loss and accuracy."
        so_far = " so far" if state.finished is None else ""
        return f"This run has no {name}{so_far}; y chooses another series, Esc shows loss and accuracy."

    def choose(self, series: Series | None) -> None:
        """Draw this series of whatever run is selected; None for loss and accuracy."""
        if series != self.chosen:
            self.chosen, self.cursor = series, None
        self.draw()

    def reload(self) -> None:
        """Return to loss and accuracy."""
        self.choose(None)

    def step(self, delta: int) -> None:
        """Move the cursor by columns; where there is none, it appears at the last point."""
        state = self.entry.state if self.entry is not None else None
        if state is None or state.started is None:
            return
        if self.chosen is not None:
            self.cursor = moved_series_cursor(state, self.chosen, self.options, self.cursor, delta, self.size.width)
        else:
            width = layout(*self.size, self.options, drawn_metrics(state))[0][1]
            self.cursor = moved_cursor(state, self.options, self.cursor, delta, width)
        self.draw()

    def leave(self) -> str | None:
        """Clear the cursor, or else return to loss and accuracy."""
        if self.cursor is None and self.chosen is None:
            return None
        if self.cursor is None and self.chosen is not None:
            self.chosen = None
            self.post_message(self.KeysChanged())
        self.cursor = None
        self.draw()
        return ""

    @property
    def active_keys(self) -> tuple[str, ...]:
        """What changes the charts; Escape leads somewhere where a series is drawn."""
        keys = (
            "x-axis:axis",
            "log-scale:log",
            "smoother rougher:smooth",
            "zoom",
            "cursor-left cursor-right:cursor",
            "series",
        )
        return ("leave", *keys) if self.chosen is not None else keys


def has_values(state: RunState) -> bool:
    """Whether there is a point of loss and accuracy to draw."""
    return bool(state.batch_loss.points or state.epochs)


def message(entry: Entry | None, look: Look, width: int) -> list[list[Part]]:
    """Why there are no charts yet, in lines of up to `width` columns."""
    if entry is None:
        return [[("No run is selected.", look.dim)]]
    name = (look.text(printable(entry.name)), look.run(entry.number))
    started = entry.state is not None and entry.state.started is not None
    if entry.error:
        what = " failed before its first batch:" if started else " did not start:"
        return [[name, what], *_wrapped(entry.error, look.bad, look, width)]
    if entry.loading is not None:
        what, done, total = entry.loading.what, entry.loading.done, entry.loading.total
        full, empty = look.bar(done / total, 20) if total else ("", "")
        rest: list[Part] = (
            [(full, look.run(entry.number)), (empty, look.dim), f" {100 * done // total} %"] if total else []
        )
        return [[name, look.text(f" is being prepared: {printable(what)} "), *rest]]
    if entry.state is not None and entry.state.finished is not None:
        why = _wrapped(entry.state.finished.message, look.dim, look, width)
        return [[name, " ended before its first batch:"], *why]
    if started:
        return [[name, look.text(" has started: waiting for its first batch…")]]
    if entry.is_recorded:
        return [[name, look.text(": reading its events…")]]
    return [[name, look.text(" is ready. "), ("Press s to start it.", look.dim)]]


def _wrapped(text: str, style: Style, look: Look, width: int) -> list[list[Part]]:
    return [[(row, style)] for row in wrapped(look.text(printable(text)), width)]


def drawn_metrics(state: RunState) -> Sequence[Metric]:
    """Those that a run has: both while it has none."""
    return recorded_metrics(state) or METRICS


def layout(
    width: int, height: int, options: ChartOptions, metrics: Sequence[Metric] = METRICS
) -> list[tuple[Metric, int, int]]:
    """The drawn metrics, with the columns and rows of each: loss and accuracy side by side or stacked.

    Where there is room for one, it is the loss while its axis is logarithmic, else the accuracy.
    """
    body = height - 1
    if len(metrics) == 1:
        return [(metrics[0], width, body)]
    if width >= WIDE and width >= FLAT * height and body >= LEAST_ROWS:
        left = (width - GAP) // 2
        return [("loss", left, body), ("accuracy", width - GAP - left, body)]
    if body >= 2 * LEAST_ROWS:
        return [("loss", width, (body + 1) // 2), ("accuracy", width, body // 2)]
    return [("loss" if options.log else "accuracy", width, body)]


def charts(
    state: RunState, options: ChartOptions, cursor: int | None, number: int, width: int, height: int, look: Look
) -> list[Strip]:
    """The charts of a run that has started, and a line with their options or the values under the cursor.

    Args:
        state: The run.
        options: How to draw it.
        cursor: Its position, in samples seen.
        number: Of the run, for its colour.
        width: Of all of it, in columns.
        height: Of all of it, in rows.
        look: The terminal's.
    """
    places = layout(width, height, options, drawn_metrics(state))
    metrics = [metric for metric, _, _ in places]
    stop = nearest_stop(state, options, cursor)
    at = None if stop is None else stop.x
    pictures = [
        draw(run_chart(state, metric, options, at, number, w, h, look), w, h, look) if h > 0 else []
        for metric, w, h in places
    ]
    if len(places) == 2 and places[0][1] < width:
        gap = Strip.blank(GAP)
        strips = [Strip.join([left, gap, right]) for left, right in zip(*pictures, strict=True)]
    else:
        strips = [strip for picture in pictures for strip in picture]
    forms, style = _options_forms(state, options, metrics, places[0][1]), look.dim
    if stop is not None:
        forms, style = values_at(state, options, stop, metrics), look.strong
    text = ""
    for text in forms:
        if len(text) <= width:
            break
    return [*strips, line([(look.text(text), style)], width)]


def _options_forms(state: RunState, options: ChartOptions, metrics: Sequence[Metric], width: int) -> Iterator[str]:
    """The options of the charts, in words: the longest form first."""
    kind = x_name(options.x_axis, state)
    if kind == "time":
        kind = f"time in {time_unit(run_axis(state, options, width))[1]}"
    weight = f"smoothing {options.weight:g}" if options.level else "no smoothing"
    shown = ZOOM_WORDS[options.zoom]
    loss = "loss: log scale" if options.log else "loss: linear"
    if len(metrics) < len(drawn_metrics(state)):
        loss = "l: accuracy" if options.log else "l: loss"
    elif "loss" not in metrics:
        loss = "accuracy"
    yield f"x axis: {kind} · {loss} · {weight} · {shown}"
    yield f"{kind} · {loss} · {weight} · {shown}"
    yield f"{kind} · {loss}"
