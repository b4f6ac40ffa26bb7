"""Runs side by side: their validation curves on the same axes, their figures, and where two of them disagree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip

from cifar_tui.analysis.paired_predictions import CELLS, Cell
from cifar_tui.formatting import printable
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.charts.axes import Axis, time_unit, x_axis
from cifar_tui.tui.charts.canvas import Chart, Line, canvas_height, canvas_width, draw
from cifar_tui.tui.charts.loss_and_accuracy import (
    METRICS,
    background_line,
    batch_line,
    joined,
    metric_name,
    smooth_line,
    value_axis,
    x_extent,
    x_positions,
)
from cifar_tui.tui.charts.panel import GAP, LEAST_ROWS, WIDE
from cifar_tui.tui.charts.series import (
    XY,
    ChartOptions,
    Metric,
    recorded_metrics,
    samples_per_epoch,
    training,
    validation,
    version,
)
from cifar_tui.tui.compare.cells import Grid, cell_rows, first_cell
from cifar_tui.tui.compare.disagreement import Disagreement
from cifar_tui.tui.compare.pair_images import PairImages
from cifar_tui.tui.compare.table import comparison, headings, letter, table
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, View
from cifar_tui.tui.widgets.lines import Panel, Part, cut, line, paragraph, width_of

if TYPE_CHECKING:
    from cifar_tui.runs.workspace import Workspace

LETTER_COLUMNS = 5
"""The least distance between two letters of a curve."""


class ComparePanel(Panel, View, can_focus=True):
    """The curves and the figures of several runs, and of two that have ended, which is right on how many test images.

    The cursor is on one of the four cells of these, whose images can be opened.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", show=False),
        Binding("down", "move(1, 0)", show=False),
        Binding("left", "move(0, -1)", show=False),
        Binding("right", "move(0, 1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(-1)", show=False),
    ]

    def __init__(self, options: ChartOptions, workspace: Callable[[], Workspace], *, id: str | None = None) -> None:  # noqa: A002
        """Start without runs.

        Args:
            options: How the curves are drawn.
            workspace: Gives the workspace that reads the test images.
            id: For the stylesheet.
        """
        super().__init__(id=id)
        self.options = options
        self.entries: tuple[Entry, ...] = ()
        self.disagreement = Disagreement(self._update_cells)
        self._workspace = workspace
        self._drawn: tuple[object, list[Strip]] = (None, [])
        self._cursor: Cell = "only_a"
        self._top: int | None = None
        """The line of the first cell; None where there are no cells."""

    def show(self, context: Context) -> None:
        """Draw the marked runs as they are now."""
        self.entries, self.look = context.marked, context.look
        self.disagreement.update(self.entries)
        self.draw()

    @property
    def active_keys(self) -> tuple[str, ...]:
        """Those for the cell under the cursor."""
        return ("x-axis:axis", "log-scale:log", "smoother rougher:smooth") if self.cell is None else ("cell",)

    @property
    def cell(self) -> Cell | None:
        """The cell under the cursor; None where there are no cells."""
        return None if self.disagreement.counts is None else self._cursor

    def cell_images(self, changed: Callable[[], None]) -> PairImages | None:
        """Load the images of the cell under the cursor; None where there are no cells.

        Args:
            changed: Called within the event loop when there is something else to show of them.
        """
        runs, cell = self.disagreement.runs, self.cell
        return None if runs is None or cell is None else PairImages(self._workspace, self.entries, runs, cell, changed)

    def lines(self, width: int, height: int) -> list[Strip]:
        """The charts and the table below them, the same lines where nothing of them changed, and the cells."""
        versions = tuple((e.number, e.name, e.status, e.config, *_version(e.state)) for e in self.entries)
        cells = self._cells(width, height)
        room = height - len(cells)
        shown = (versions, *astuple(self.options), self.look, width, room)
        if self._drawn[0] != shown:
            self._drawn = shown, side_by_side(self.entries, self.options, width, room, self.look)
        picture = self._drawn[1]
        self._top = len(picture) + 1 if self.disagreement.counts is not None else None
        return [*picture, *cells]

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor to another cell."""
        if self.disagreement.counts is not None:
            self._cursor = Grid.of(self.disagreement.counts, self.size.width).moved(self._cursor, rows, columns)
            self.draw()

    def action_edge(self, place: int) -> None:
        """Move the cursor to the first cell, or to the last one."""
        self._cursor = CELLS[place]
        self.draw()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the cell that the mouse points to."""
        at = event.get_content_offset(self)
        if at is not None and self.disagreement.counts is not None and self._top is not None:
            grid = Grid.of(self.disagreement.counts, self.size.width)
            self._cursor = grid.at(at.x, at.y - self._top) or self._cursor
            self.draw()

    def _update_cells(self) -> None:
        if self.disagreement.counts is not None:
            self._cursor = first_cell(self.disagreement.counts)
        self.draw()
        self.post_message(self.KeysChanged())

    def _cells(self, width: int, height: int) -> list[Strip]:
        """The cells, or why they are not known; nothing for other runs."""
        look, counts, why = self.look, self.disagreement.counts, self.disagreement.why
        if counts is not None:
            runs = headings(self.entries, look)
            return cell_rows(counts, runs, self._cursor, (width, height), look, focused=self.has_focus)
        return paragraph(why, width, look)[: height // 2]


def _version(state: RunState | None) -> tuple[object, ...]:
    return () if state is None else (*version(state), state.test)


def side_by_side(entries: Sequence[Entry], options: ChartOptions, width: int, height: int, look: Look) -> list[Strip]:
    """The picture of two or more runs, as up to `height` lines of `width` columns."""
    if len(entries) < 2:
        return [line([(look.text("Mark at least two runs with space, then press c."), look.dim)], width)]
    runs, figures = headings(entries, look), comparison(entries)
    rows = table(runs, figures, width, max(height // 2, 3), look)
    if height - len(rows) < LEAST_ROWS:
        return table(runs, figures, width, height, look)
    return [*_charts(entries, options, width, height - len(rows), look), *rows]


def _charts(entries: Sequence[Entry], options: ChartOptions, width: int, height: int, look: Look) -> list[Strip]:
    """Loss and accuracy beside each other or stacked, or one of them as in a single run's charts."""
    states = [entry.state for entry in entries if entry.state is not None]
    known = [each for each in METRICS if any(each in recorded_metrics(state) for state in states)]
    if len(known) == 1:
        return draw(_overlaid(entries, known[0], options, width, height, look), width, height, look)
    if width >= WIDE:
        left = (width - GAP) // 2
        parts: list[tuple[Metric, int]] = [("loss", left), ("accuracy", width - GAP - left)]
        pictures = [draw(_overlaid(entries, m, options, w, height, look), w, height, look) for m, w in parts]
        return [Strip.join([a, Strip.blank(GAP), b]) for a, b in zip(*pictures, strict=True)]
    if height >= 2 * LEAST_ROWS:
        heights: list[tuple[Metric, int]] = [("loss", (height + 1) // 2), ("accuracy", height // 2)]
    else:
        heights = [("loss" if options.log else "accuracy", height)]
    return [strip for m, h in heights for strip in draw(_overlaid(entries, m, options, width, h, look), width, h, look)]


def _overlaid(
    entries: Sequence[Entry], metric: Metric, options: ChartOptions, width: int, height: int, look: Look
) -> Chart:
    """One metric of all runs that have begun; on an axis of epochs, of those that have any."""
    begun = [(i, e.number, e.state) for i, e in enumerate(entries) if e.state is not None and e.state.started]
    if options.x_axis == "epochs":
        begun = [each for each in begun if samples_per_epoch(each[2])] or begun
    columns, rows = canvas_width(width), canvas_height(height)
    axis = _shared_axis([state for _, _, state in begun], options, width)
    behind: list[Line] = []
    curves: list[Line] = []
    letters: list[Line] = []
    for i, number, state in begun:
        checks = validation(state, metric)
        points = batch_line(checks, x_positions(state, checks, options), axis, columns)
        curves.append(Line(points, look.run(number), letter(i), joined=True))
        letters.append(Line(_spread(points, axis, columns, i, len(begun)), look.run(number) + look.strong, letter(i)))
        if len(entries) == 2:
            batches = training(state, metric)
            trained = smooth_line(batches, x_positions(state, batches, options), options.weight, axis, columns)
            behind.append(background_line(trained, number, look))
    lines = [*behind, *curves, *letters]
    y = value_axis(metric, [curve.points for curve in lines], axis, rows, options)
    return Chart(title=_title(entries, metric, options, axis, width, look), x=axis, y=y, lines=lines)


def _shared_axis(states: Sequence[RunState], options: ChartOptions, width: int) -> Axis:
    """The x axis that has room for all of these runs."""
    reaches = [x_extent(state, options) for state in states] or [(0.0, 1.0)]
    return x_axis(
        options.x_axis,
        max(reached for reached, _ in reaches),
        max(planned for _, planned in reaches),
        options.part,
        growing=any(state.finished is None for state in states),
        width=canvas_width(width),
    )


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


def _title(
    entries: Sequence[Entry], metric: Metric, options: ChartOptions, axis: Axis, width: int, look: Look
) -> list[Part]:
    """The chart's name and whose curves it shows: in full, in short, or by their letters alone."""
    kind = f"time in {time_unit(axis)[1]}" if options.x_axis == "time" else options.x_axis
    name = metric_name(metric, options)
    behind: list[Part] = [(look.text("faint: train" if look.colour else "·: train"), look.dim)]
    title: list[Part] = []
    for split, longest in (("validation", 20), ("val", 20), ("val", 12), ("val", 6), ("val", 0)):
        items: list[list[Part]] = [[(f"{split} {name}", look.strong), f" by {kind}:"]]
        for i, entry in enumerate(entries):
            items.append([(f"{letter(i)} {cut(printable(entry.name), longest, look)}".strip(), look.run(entry.number))])
        title = joined([*items, behind] if len(entries) == 2 else items)
        if width_of(title) <= width:
            break
    return title
