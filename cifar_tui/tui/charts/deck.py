"""The charts of some runs, in pages, with one cursor for all: what is drawn, and what keys and mouse do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.strip import Strip

from cifar_tui.tui.charts.axes import Axis, Window, XAxis, x_axis
from cifar_tui.tui.charts.canvas import LABELS, TITLE_ROWS, canvas_height, canvas_width, draw
from cifar_tui.tui.charts.chart import AxisKeeper, Frame, behind_note, chart
from cifar_tui.tui.charts.curves import CurveReader, SeriesCurves
from cifar_tui.tui.charts.drawn_runs import DrawnRun
from cifar_tui.tui.charts.options import PAN, ChartOptions, Limits
from cifar_tui.tui.charts.page import GAP, Placed, pages, placed
from cifar_tui.tui.charts.readout import fitting_form, name_parts, option_forms, run_lines, value_forms
from cifar_tui.tui.charts.series import ACCURACY, Role, Series
from cifar_tui.tui.charts.x_positions import (
    extent,
    in_other_unit,
    nearest,
    place_words,
    samples_per_epoch,
    stepped,
    version,
)
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import line, width_of

ROWS_FOR_RUNS = 13
"""The least rows of all charts for a line below them for each run."""
PART_FOR_RUNS, MOST_FOR_RUNS = 5, 3
"""One of so many rows is such a line; where charts that can be read are left, up to one of so many."""
READABLE = 16
"""The rows of these charts."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart as it was drawn last."""

    place: Placed
    curves: SeriesCurves
    x: Axis
    y: Axis

    def x_at(self, column: int) -> float:
        """The place on the x axis at a column of the picture; beyond the chart, that at its edge."""
        columns = canvas_width(self.place.width)
        return self.x.value((min(max(column - self.place.x - LABELS - 1, 0), columns - 1) + 0.5) / columns)

    def y_at(self, row: int) -> float:
        """The value at a row of the picture; beyond the chart, that at its edge."""
        rows = canvas_height(self.place.height)
        return self.y.value(1 - (min(max(row - self.place.y - TITLE_ROWS, 0), rows - 1) + 0.5) / rows)


class Deck:
    """Pages of charts of the same runs. It draws nothing again where nothing has changed."""

    def __init__(self, options: ChartOptions, *, reads_below: bool = True, devices: bool = False) -> None:
        """Start without runs.

        Args:
            options: How curves are drawn; shared by all decks.
            reads_below: Whether there is a line for each of several runs below the charts.
            devices: Whether only what the devices did is drawn.
        """
        self.options = options
        self.runs: tuple[DrawnRun, ...] = ()
        self.opened: Series | None = None
        """The series that fills the view; None for a page."""
        self.page = 0
        self.place = 0
        """The chart of the page that keys act on."""
        self.cursor: float | None = None
        """A place on the x axis."""
        self.pinned = False
        """Whether the cursor stays where it is when the mouse moves."""
        self.drawn: list[Drawn] = []
        self._reads_below, self._devices = reads_below, devices
        self._top = 0
        self._kind: XAxis = options.x_axis
        """The x axis of the cursor."""
        self._reader = CurveReader()
        self._keeper = AxisKeeper()
        self._picture: tuple[object, list[Strip]] = (None, [])
        self._size = (0, 0)

    # What is drawn

    def lines(self, width: int, height: int, look: Look, *, focused: bool = False, top: int = 0) -> list[Strip]:
        """The charts and what they read below them, as `height` lines of `width` columns.

        Args:
            width: Columns.
            height: Rows.
            look: The terminal's.
            focused: Whether keys choose among the charts.
            top: The lines above them, for the mouse.
        """
        self._top = top
        self._convert_cursor()
        self._size = width, height
        versions = tuple((run, run.entry.status, run.started and version(run.started)) for run in self.runs)
        here = (self.opened, self.page, self.place, self.cursor, focused)
        shown = (versions, self.options.snapshot, here, look, width, height)
        if self._picture[0] != shown:
            self._picture = shown, self._draw(width, height, look, focused=focused)
        return list(self._picture[1])

    def _draw(self, width: int, height: int, look: Look, *, focused: bool) -> list[Strip]:
        runs = self._comparable
        room, below = self._rooms(height)
        self._reader.begin()
        places = self._places(width, room)
        curves = [self._reader.read(runs, each.series, self.options) for each in places]
        self.drawn, pictures = [], []
        several = focused and len(places) > 1
        for number, (place, found) in enumerate(zip(places, curves, strict=True)):
            axis = self._axis(place.width, curves)
            frame = Frame(
                self.options, axis, place.width, place.height, look, self.cursor, several and number == self.place,
                named=len(self.runs) > 1 and not below,
            )  # fmt: skip
            made = chart(found, runs or self.runs, frame, self._keeper)
            self.drawn.append(Drawn(place, found, made.x, made.y))
            pictures.append(draw(made, place.width, place.height, look) if place.height > 0 else [])
        strips = _assembled(places, pictures, width)
        strips += self.readings(below, width, look) if below else []
        strips += [Strip.blank(width)] * (height - 1 - len(strips))
        status = self._status(curves, width, look, named=self._reads_below and not below)
        return [*strips[: max(height - 1, 0)], status][:height]

    def readings(self, most: int, width: int, look: Look) -> list[Strip]:
        """A line for each run, at most so many: what its curves read at the cursor."""
        curves = [each.curves for each in self.drawn]
        return run_lines(self.runs, curves, self.options, self.cursor, most, width, look)

    def _status(self, curves: Sequence[SeriesCurves], width: int, look: Look, *, named: bool) -> Strip:
        """What is read of one run; of several ones, where, and how they are drawn or, where `named`, which they are."""
        if self.cursor is not None and len(self.runs) == 1:
            forms = value_forms(self.runs[0], curves, self.options, self.cursor)
            return line([(fitting_form(forms, width, look), look.strong)], width)
        total = len(self._pages)
        head = (f"[ ] page {self.page + 1}/{total} · " if total > 1 else "", look.dim)
        if self.opened is not None:
            head = "Esc: all charts · ", look.dim
        if self.cursor is not None and (state := next((run.started for run in self._comparable), None)) is not None:
            head = f"{place_words(state, self.options.x_axis, self.cursor)[0]} · ", look.strong
        head, note = (look.text(head[0]), head[1]), behind_note(curves, self._comparable, look)
        room = width - len(head[0])
        if named and (names := name_parts(self.runs, room, look)):
            note = f"  {note}" if width_of(names) + 2 + len(note) <= room else ""
            return line([head, *names, (note, look.dim)], width)
        note = look.text(f"{note} · ") if note else ""
        forms = option_forms(self.runs, self.options, self._axis(width, curves))
        return line([head, (note + fitting_form(forms, room - len(note), look), look.dim)], width)

    def _rooms(self, height: int) -> tuple[int, int]:
        """The rows of the charts, and those of the lines of the runs."""
        below = 0
        if self._reads_below and len(self.runs) > 1 and height >= ROWS_FOR_RUNS:
            roomy = min(height // MOST_FOR_RUNS, height - 1 - READABLE)
            below = min(len(self.runs), max(2, height // PART_FOR_RUNS, roomy))
        return max(height - 1 - below, 0), below

    def _places(self, width: int, room: int) -> list[Placed]:
        if self.opened is not None:
            self.place = 0
            return [Placed(self.opened, 0, 0, width, room)]
        found = self._pages
        self.page = min(self.page, len(found) - 1)
        places = placed(found[self.page], width, room)
        self.place = min(self.place, len(places) - 1)
        return places

    @property
    def _pages(self) -> list[list[Series]]:
        states = [run.started for run in self.runs if run.started is not None]
        return pages(states, self._size[0], self._rooms(self._size[1])[0], devices=self._devices)

    @property
    def _comparable(self) -> list[DrawnRun]:
        """The runs that have begun; on an axis of epochs, those that have any."""
        begun = [run for run in self.runs if run.started is not None]
        if self.options.x_axis != "epochs":
            return begun
        return [run for run in begun if run.started is not None and samples_per_epoch(run.started)] or begun

    def _axis(self, width: int, curves: Sequence[SeriesCurves], window: Window | None = None) -> Axis:
        """The x axis that has room for all of these runs, or that part of it which is wanted."""
        states = [run.started for run in self._comparable if run.started is not None]
        reaches = [extent(state, self.options.x_axis) for state in states] or [(0.0, 1.0)]
        firsts = [x for each in curves for curve in each.curves if (x := _first_positive(curve.xs))]
        return x_axis(
            self.options.x_axis,
            max(reached for reached, _ in reaches),
            max(planned for _, planned in reaches),
            self.options.window if window is None else window,
            growing=any(state.finished is None for state in states),
            width=canvas_width(width),
            log_from=min(firsts, default=0.0) if self.options.log_x else 0.0,
        )

    # What is chosen

    @property
    def chosen(self) -> Drawn | None:
        """The chart that keys act on."""
        return self.drawn[min(self.place, len(self.drawn) - 1)] if self.drawn else None

    def choose(self, series: Series | None) -> None:
        """Have one series fill the view, of whatever runs are drawn; None for the first page."""
        if series != self.opened:
            self.cursor, self.pinned = None, False
        self.opened = series
        if series is None:
            self.page = self.place = 0

    def open(self) -> bool:
        """Have the chosen chart fill the view; whether there was another one."""
        if self.opened is not None or self.chosen is None:
            return False
        self.opened = self.chosen.place.series
        return True

    @property
    def turns(self) -> bool:
        """Whether there is another page, or another series to go to from an opened one."""
        found = self._pages
        return len(found) > 1 or (self.opened is not None and len(found[0]) > 1)

    def turn(self, count: int) -> None:
        """Turn so many pages; with an opened series, go to the next one of all."""
        found = self._pages
        if self.opened is not None:
            everything = [series for page in found for series in page]
            at = everything.index(self.opened) if self.opened in everything else 0
            if everything:
                self.opened = everything[(at + count) % len(everything)]
        else:
            self.page, self.place = (self.page + count) % len(found), 0

    def move_choice(self, step: int) -> None:
        """Choose the next chart of the page, or of the next one."""
        if self.opened is None and 0 <= self.place + step < len(self.drawn):
            self.place += step
        elif self.opened is not None:
            self.turn(step)
        elif 0 <= self.page + step < len(self._pages):
            self.page += step
            self.place = 0 if step > 0 else 1 << 30  # The last one, when it is drawn.

    @property
    def can_leave(self) -> bool:
        """Whether there is something that `leave` does."""
        return self.opened is not None or self.page > 0 or self.cursor is not None

    def leave(self) -> bool:
        """Clear the cursor, or else close what is opened, or else go to the first page; whether anything was done."""
        if self.cursor is not None:
            self.cursor, self.pinned = None, False
        elif self.opened is not None:
            self.opened = None
        elif self.page:
            self.page = self.place = 0
        else:
            return False
        return True

    # The cursor

    def step(self, delta: int) -> None:
        """Move the cursor by so many evaluations, or columns; where there is none, it appears at the last place."""
        if (target := self.chosen) is None or not (stops := self._stops(target)):
            return
        self.pinned = True
        checks = self._stops(target, "checks")
        self.cursor = stepped(self.cursor, delta, stops, checks, target.x, canvas_width(target.place.width))

    def point(self, x: int, y: int, *, pin: bool) -> bool:
        """Move the cursor to the recorded place next to these columns and rows; whether anything has changed."""
        target = self.at(x, y)
        if target is None or (self.pinned and not pin):
            return False
        stops = self._stops(target)
        at = nearest(stops, target.x_at(x))
        before = self.cursor, self.pinned
        if at is not None:
            self.cursor, self.pinned = stops[at], pin
        return (self.cursor, self.pinned) != before

    def unpoint(self) -> bool:
        """Clear a cursor that only the mouse has put there; whether there was one."""
        if self.pinned or self.cursor is None:
            return False
        self.cursor = None
        return True

    def at(self, x: int, y: int) -> Drawn | None:
        """The chart at a place of the picture."""
        return next((each for each in self.drawn if each.place.holds(x, y - self._top)), None)

    def choose_at(self, x: int, y: int) -> None:
        """Have keys act on the chart at a place of the picture."""
        self.place = next((n for n, each in enumerate(self.drawn) if each.place.holds(x, y - self._top)), self.place)

    def _stops(self, target: Drawn, role: Role | None = None) -> list[float]:
        """Where the cursor can be: the visible places of all curves of the page, or of those with this role."""
        curves = [curve for each in self.drawn for curve in each.curves.curves if role in (None, curve.role)]
        places = sorted({x for curve in curves for x in curve.where})
        return [x for x in places if target.x.low <= x <= target.x.high]

    def _convert_cursor(self) -> None:
        """Keep the cursor at its place when the x axis changes."""
        kind, state = self.options.x_axis, next((run.started for run in self._comparable), None)
        if self.cursor is not None and kind != self._kind and state is not None:
            self.cursor = in_other_unit(state, self.cursor, self._kind, kind)
        self._kind = kind

    # Zoom and pan

    def zoom_x(self, factor: float, x: int | None = None, y: int | None = None) -> None:
        """Show less of the x axis or more: about a place of the picture, or about the cursor, or up to the end."""
        target = self.chosen if x is None or y is None else self.at(x, y)
        if target is not None:
            anchor = self.cursor if x is None else target.x_at(x)
            if anchor is not None and not target.x.low <= anchor <= target.x.high:
                anchor = None
            self.options.zoom_x(target.x, self._whole(target), factor, anchor)

    def pan_x(self, steps: float) -> None:
        """Move along the x axis by steps."""
        if (target := self.chosen) is not None:
            self.options.pan_x(target.x, self._whole(target), steps * PAN)

    def zoom_y(self, factor: float, x: int | None = None, y: int | None = None) -> None:
        """Show less of a chart's y axis or more: about a place of the picture, or about its middle."""
        target = self.chosen if x is None or y is None else self.at(x, y)
        if target is not None:
            self.options.zoom_y(
                target.place.series, target.y, factor, None if y is None else target.y_at(y - self._top)
            )

    def pan_y(self, steps: float) -> None:
        """Move along the chosen chart's y axis by steps."""
        if (target := self.chosen) is not None:
            self.options.pan_y(target.place.series, target.y, steps * PAN)

    def drag(self, start: Drawn, columns: int, rows: int) -> None:
        """Move a chart as it was at the start by so many columns and rows."""
        self.options.pan_x(start.x, self._whole(start), -columns / canvas_width(start.place.width))
        if rows:
            self.options.pan_y(start.place.series, start.y, rows / canvas_height(start.place.height))

    def set_limits(self, limits: Limits) -> None:
        """Show these parts of the x axis and of the chosen chart's y axis; an axis that is not named stays."""
        if "x" in limits:
            self.options.window = Window(*limits["x"])
        if "y" in limits and (target := self.chosen) is not None:
            unit = 0.01 if target.place.series == ACCURACY or target.curves.what == "fraction" else 1.0
            low, high = limits["y"]
            if max(abs(end) for end in (low or 0.0, high or 0.0)) <= 1:
                unit = 1.0  # A fraction, as files have it.
            if low is None and high is None:
                self.options.y_limits.pop(target.place.series, None)
            else:
                self.options.y_limits[target.place.series] = (
                    None if low is None else low * unit,
                    None if high is None else high * unit,
                )

    def _whole(self, target: Drawn) -> Axis:
        return self._axis(target.place.width, [each.curves for each in self.drawn], Window())


def _first_positive(xs: Sequence[float]) -> float | None:
    return next((x for x in xs if x > 0), None)


def _assembled(places: Sequence[Placed], pictures: Sequence[list[Strip]], width: int) -> list[Strip]:
    """The pictures at their places, as lines of `width` columns."""
    strips: list[Strip] = []
    for top in dict.fromkeys(place.y for place in places):
        across = [(place, made) for place, made in zip(places, pictures, strict=True) if place.y == top]
        gap = Strip.blank(GAP)
        for row in range(max(len(made) for _, made in across)):
            parts: list[Strip] = []
            for place, made in across:
                parts += [*([gap] if parts else []), made[row] if row < len(made) else Strip.blank(place.width)]
            strips.append(Strip.join(parts).adjust_cell_length(width))
    return strips
