"""Runs side by side: their validation curves on the same axes, and a table of how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from functools import partial
from typing import TYPE_CHECKING

from textual.strip import Strip

from cifar_tui.state import RunState
from cifar_tui.text import printable
from cifar_tui.tui import background
from cifar_tui.tui.axes import Axis, time_unit, x_axis
from cifar_tui.tui.chart import Chart, Line, canvas_height, canvas_width, draw
from cifar_tui.tui.charts import GAP, LEAST_ROWS, WIDE
from cifar_tui.tui.comparison_table import Heading, comparison, cut, table
from cifar_tui.tui.curves import XY, ChartOptions, Metric, training, validation
from cifar_tui.tui.disagreement import Tested, read, tested
from cifar_tui.tui.entry import Entry
from cifar_tui.tui.lines import Panel, Part, line, width_of
from cifar_tui.tui.look import Look
from cifar_tui.tui.run_chart import (
    background_line,
    batch_line,
    joined,
    metric_name,
    place,
    reach,
    smooth_line,
    value_axis,
)

if TYPE_CHECKING:
    from cifar_tui.paired import Paired

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LETTER_COLUMNS = 5
"""The least distance between two letters of a curve."""


class ComparePanel(Panel):
    """The curves and the figures of several runs."""

    def __init__(self, options: ChartOptions, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.options = options
        self.entries: tuple[Entry, ...] = ()
        self._drawn: tuple[object, list[Strip]] = (None, [])
        self._tested: tuple[Tested, ...] = ()
        """The two runs of which `_disagreement` is, or is being read."""
        self._disagreement: Paired | None = None

    def compare(self, entries: Sequence[Entry], look: Look) -> None:
        """Show these runs, in this look, as they stand now."""
        self.entries, self.look = tuple(entries), look
        both = tested(self.entries)
        if both != self._tested:
            self._tested, self._disagreement = both, None
            if both:
                background.run(partial(read, both), partial(self._tell, both), _fail)
        self.draw()

    def _tell(self, both: tuple[Tested, ...], disagreement: Paired | None) -> None:
        if both == self._tested:
            self._disagreement = disagreement
            self.draw()

    def lines(self, width: int, height: int) -> list[Strip]:
        """The charts and the table below them; as they were where nothing changed."""
        versions = tuple((e.number, e.name, e.status, e.config, *_version(e.state)) for e in self.entries)
        shown = (versions, self._disagreement, *astuple(self.options), self.look, width, height)
        if self._drawn[0] != shown:
            picture = side_by_side(self.entries, self.options, width, height, self.look, self._disagreement)
            self._drawn = shown, picture
        return list(self._drawn[1])


def _version(state: RunState | None) -> tuple[object, ...]:
    if state is None:
        return ()
    return id(state), state.t, state.samples, len(state.epochs), len(state.resumptions), state.test, state.finished


def _fail(error: Exception) -> None:
    raise error


def side_by_side(
    entries: Sequence[Entry],
    options: ChartOptions,
    width: int,
    height: int,
    look: Look,
    disagreement: Paired | None = None,
) -> list[Strip]:
    """The picture of two or more runs, as up to `height` lines of `width` columns."""
    if len(entries) < 2:
        return [line([(look.text("Mark two runs or more with space, then press c."), look.dim)], width)]
    runs = [Heading(f"{_letter(i)} {printable(e.name)}", look.run(e.number)) for i, e in enumerate(entries)]
    figures = comparison(entries, disagreement)
    rows = table(runs, figures, width, max(height // 2, 3), look)
    if height - len(rows) < LEAST_ROWS:
        return table(runs, figures, width, height, look)
    return [*_charts(entries, options, width, height - len(rows), look), *rows]


def _letter(number: int) -> str:
    return LETTERS[number % len(LETTERS)]


def _charts(entries: Sequence[Entry], options: ChartOptions, width: int, height: int, look: Look) -> list[Strip]:
    """Loss and accuracy beside each other or stacked, or one of them as in a single run's charts."""
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
    """One metric of all runs that have begun."""
    begun = [(i, e.number, e.state) for i, e in enumerate(entries) if e.state is not None and e.state.started]
    columns, rows = canvas_width(width), canvas_height(height)
    axis = _shared_axis([state for _, _, state in begun], options, width)
    behind: list[Line] = []
    curves: list[Line] = []
    letters: list[Line] = []
    for i, number, state in begun:
        checks = validation(state, metric)
        points = batch_line(checks, place(state, checks, options), axis, columns)
        curves.append(Line(points, look.run(number), _letter(i), joined=True))
        letters.append(Line(_spread(points, axis, columns, i, len(begun)), look.run(number) + look.strong, _letter(i)))
        if len(entries) == 2:
            batches = training(state, metric)
            trained = smooth_line(batches, place(state, batches, options), options.weight, axis, columns)
            behind.append(background_line(trained, number, look))
    lines = [*behind, *curves, *letters]
    y = value_axis(metric, [curve.points for curve in lines], axis, rows, options)
    return Chart(title=_title(entries, metric, options, axis, width, look), x=axis, y=y, lines=lines)


def _shared_axis(states: Sequence[RunState], options: ChartOptions, width: int) -> Axis:
    """The x axis that has room for all of these runs."""
    reaches = [reach(state, options) for state in states] or [(0.0, 1.0)]
    return x_axis(
        options.x_axis,
        max(reached for reached, _ in reaches),
        max(planned for _, planned in reaches),
        options.part,
        growing=any(state.finished is None for state in states),
        width=canvas_width(width),
    )


def _spread(points: Sequence[XY], axis: Axis, columns: int, number: int, runs: int) -> list[XY]:
    """The points at which a curve's letter stands: not too near to each other, nor where the other curves' stand."""
    apart = max(LETTER_COLUMNS, 3 * runs)
    chosen, following = [], float(3 * number)
    for x, y in points:
        column = axis.place(x) * columns
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
            items.append(
                [(f"{_letter(i)} {cut(printable(entry.name), longest, look)}".strip(), look.run(entry.number))]
            )
        title = joined([*items, behind] if len(entries) == 2 else items)
        if width_of(title) <= width:
            break
    return title
