"""Runs side by side: their validation curves on the same axes, their figures, and where two of them disagree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.strip import Strip

from cifar_tui.analysis.paired_predictions import CELLS, Cell, PairedCounts
from cifar_tui.tui.charts.area import AREA_KEYS, ChartArea
from cifar_tui.tui.charts.deck import Deck
from cifar_tui.tui.charts.drawn_runs import DrawnRun, drawn_runs
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.x_positions import version
from cifar_tui.tui.compare.cells import Grid, cell_rows, first_cell
from cifar_tui.tui.compare.disagreement import Disagreement
from cifar_tui.tui.compare.pair_images import PairImages
from cifar_tui.tui.compare.table import comparison, table
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, View
from cifar_tui.tui.widgets.lines import line, paragraph

if TYPE_CHECKING:
    from cifar_tui.runs.workspace import Workspace

LEAST_CHARTS = 7
"""The least rows for charts above the table."""
LEAST_TABLE = 3
"""The least rows of a table below charts."""


class ComparePanel(ChartArea, View):
    """The curves and the figures of several runs, and of two that have ended, which is right on how many test images.

    The cursor keys act on the charts, or on the four cells of these images, one of which can be opened.
    """

    tall: ClassVar[bool] = True

    def __init__(self, options: ChartOptions, workspace: Callable[[], Workspace], *, id: str | None = None) -> None:  # noqa: A002
        """Start without runs.

        Args:
            options: How the curves are drawn.
            workspace: Gives the workspace that reads the test images.
            id: For the stylesheet.
        """
        super().__init__(options, reads_below=False, id=id)
        self.entries: tuple[Entry, ...] = ()
        self.disagreement = Disagreement(self._update_cells)
        self._workspace = workspace
        self._table: tuple[object, list[Strip]] = (None, [])
        self._cursor: Cell = "only_a"
        self._in_cells = True
        """Whether the cursor keys act on the cells, where there are any."""
        self._top: int | None = None
        """The line of the first cell; None where there are no cells."""

    def show(self, context: Context) -> None:
        """Draw the marked runs as they are now."""
        if context.marked != self.entries:
            self.deck.cursor, self.deck.pinned, self._in_cells = None, False, True
        self.entries, self.look = context.marked, context.look
        self.deck.runs = drawn_runs(self.entries)
        self.disagreement.update(self.entries)
        # Cells that appear when a run ends leave the cursor keys to the charts that are being read.
        self._in_cells = self._in_cells and self.disagreement.expected
        self.draw()

    @property
    def active_keys(self) -> tuple[str, ...]:
        """Those for the charts, and for the cell under the cursor."""
        cells = ("cell",) if self.in_cells else ()
        keys = (*AREA_KEYS, *self.page_keys) if self.has_focus and not self.in_cells else ("series",)
        return (*cells, *keys, *self.leave_key) if len(self.entries) > 1 else ()

    @property
    def cell(self) -> Cell | None:
        """The cell under the cursor; None where there are no cells."""
        return None if self.disagreement.counts is None else self._cursor

    @property
    def in_cells(self) -> bool:
        """Whether the cursor keys act on the cells."""
        return self._in_cells and self.disagreement.counts is not None

    def open_chart(self) -> bool:
        """Draw the chosen chart in full size, unless a cell is chosen."""
        return not self.in_cells and super().open_chart()

    def cell_images(self, changed: Callable[[], None]) -> PairImages | None:
        """Load the images of the cell under the cursor; None where there are no cells.

        Args:
            changed: Called within the event loop when there is something else to show of them.
        """
        runs, cell = self.disagreement.runs, self.cell
        return None if runs is None or cell is None else PairImages(self._workspace, self.entries, runs, cell, changed)

    def lines(self, width: int, height: int) -> list[Strip]:
        """The charts, the table below them, and the cells."""
        if len(self.entries) < 2:
            self.deck.drawn = []
            wanted = "1 run marked; mark one more with space." if self.entries else "Mark at least two runs with space."
            return [line([(self.look.text(wanted), self.look.dim)], width)]
        cells = self._cells(width, height)
        room = height - len(cells)
        rows = [] if self.deck.opened is not None else self._figures(width, room)
        picture = side_by_side(self.deck, rows, width, room, self.look, focused=self.has_focus and not self.in_cells)
        if self.deck.cursor is not None and self.deck.drawn:
            # What is read takes the place of the least important figures: the charts stay where they are.
            read = self.deck.readings(max(len(rows), 1), width, self.look)
            top = len(picture) - len(rows)
            picture = [*picture[:top], *read, *rows][: len(picture)]
        self._top = len(picture) + 1 if self.disagreement.counts is not None else None
        return [*picture, *cells]

    def _figures(self, width: int, height: int) -> list[Strip]:
        """The table, in half of the lines at most, or in all where no chart fits above it."""
        runs = tuple((run, run.entry.status, run.entry.config, *_version(run)) for run in self.deck.runs)
        shown = (runs, self.look, width, height)
        if self._table[0] != shown:
            self._table = shown, figures(self.entries, width, height, self.look)
        return self._table[1]

    def action_move_choice(self, step: int) -> None:
        """Move to another row of cells, or between the charts and the cells, or to another chart."""
        counts = self.disagreement.counts
        if counts is not None and self.in_cells:
            moved = self._grid(counts).row_moved(self._cursor, step)
            if moved is None and step < 0:
                self._in_cells, self.deck.place = False, max(len(self.deck.drawn) - 1, 0)
            self._cursor = moved or self._cursor
        elif counts is not None and step > 0 and self.deck.place >= len(self.deck.drawn) - 1:
            self._in_cells = True
        elif counts is None or step > 0 or self.deck.place > 0:
            self.deck.move_choice(step)
        self._keys_changed()

    def step(self, delta: int) -> None:
        """Move to another cell, or the cursor of the charts."""
        counts = self.disagreement.counts
        if counts is not None and self.in_cells and self.has_focus:
            self._cursor = self._grid(counts).moved(self._cursor, 0, delta)
            self.draw()
        else:
            super().step(delta)

    def action_cursor_to(self, end: int) -> None:
        """Move to the first or the last cell, or the cursor to the first or the last place."""
        if self.in_cells:
            self._cursor = CELLS[0 if end < 0 else -1]
            self.draw()
        else:
            super().action_cursor_to(end)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the cell that the mouse points to."""
        at = event.get_content_offset(self)
        if at is None:
            return
        if self.deck.at(at.x, at.y) is not None:
            self._in_cells = False
            super().on_click(event)
            self._keys_changed()
        elif self.disagreement.counts is not None and self._top is not None:
            cell = self._grid(self.disagreement.counts).at(at.x, at.y - self._top)
            if cell is not None:
                self._cursor, self._in_cells = cell, True
                self._keys_changed()

    def _update_cells(self) -> None:
        if self.disagreement.counts is not None:
            self._cursor = first_cell(self.disagreement.counts)
        self.draw()
        self.post_message(self.KeysChanged())

    def _grid(self, counts: PairedCounts) -> Grid:
        return Grid.of(counts, self.deck.runs, self.size.width, self.look)

    def _cells(self, width: int, height: int) -> list[Strip]:
        """The cells, or why they are not known; nothing for other runs."""
        look, counts, why = self.look, self.disagreement.counts, self.disagreement.why
        if counts is not None:
            focused = self.has_focus and self._in_cells
            keys = ("Enter: images", "←→ cells", "↑ charts") if focused else ("↓ cells",)
            if not self.has_focus:
                keys = ("Tab, Enter: images",) if self._in_cells else ("Tab: the cursor keys",)
            return cell_rows(counts, self.deck.runs, self._cursor, (width, height), look, keys, focused=focused)
        return paragraph(why, width, look)[: height // 2]


def _version(run: DrawnRun) -> tuple[object, ...]:
    state = run.started
    return () if state is None else (*version(state), state.test)


def figures(entries: Sequence[Entry], width: int, height: int, look: Look) -> list[Strip]:
    """The table of the runs, in half of these lines at most, or in all where no chart fits above it."""
    runs, found = drawn_runs(entries), comparison(entries)
    rows = table(runs, found, width, max(min(height // 2, height - LEAST_CHARTS), LEAST_TABLE), look)
    return rows if height - len(rows) >= LEAST_CHARTS else table(runs, found, width, height, look)


def side_by_side(
    deck: Deck, rows: list[Strip], width: int, height: int, look: Look, *, focused: bool = False
) -> list[Strip]:
    """The charts of two or more runs above these rows, as up to `height` lines of `width` columns."""
    room = height - len(rows)
    if room < LEAST_CHARTS and rows:
        deck.drawn = []
        return rows[:height]
    return [*deck.lines(width, room, look, focused=focused), *rows]
