"""The four cells of two runs' predictions, as lines: which of the two are correct on how many test images.

A cursor is on one of the cells; the line above them names it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from cifar_tui.analysis.paired_predictions import CELLS, Cell, PairedCounts
from cifar_tui.formatting import count, percent
from cifar_tui.tui.charts.drawn_runs import DrawnRun
from cifar_tui.tui.compare.table import NAME_COLUMNS, short_names
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, cut, fitting, line

GAP = 2
"""Columns between two cells."""
WIDEST = 32
"""Columns of a cell, at most."""
LEAST_NAME = 5
"""Columns of a run's name in a cell, at least, for cells to stand side by side."""


def cell_name(cell: Cell, runs: Sequence[str], most: int, look: Look) -> str:
    """A cell in words, with the name of a run in at most so many columns: `only cnn right`."""
    if cell in ("both", "neither"):
        return f"{cell} right"
    return f"only {cut(runs[cell == 'only_b'], most, look)} right"


def first_cell(counts: PairedCounts) -> Cell:
    """The cell that the cursor starts on: of the two where one run alone is right, the one with more images."""
    return "only_b" if counts.only_b > counts.only_a else "only_a"


@dataclass(frozen=True, slots=True)
class Grid:
    """The layout of the cells below the line that names the one under the cursor.

    Attributes:
        across: Cells side by side.
        cell: Columns of each.
    """

    across: int
    cell: int

    @staticmethod
    def of(counts: PairedCounts, width: int) -> Grid:
        """All side by side where there is room for them, else two by two, else below each other."""
        digits = max(len(count(images)) for images in counts.cells.values())
        least = len("only ") + LEAST_NAME + 1 + digits
        across = next((n for n in (4, 2) if n * (least + GAP) - GAP <= width), 1)
        return Grid(across, min(WIDEST, (width + GAP) // across - GAP))

    def at(self, x: int, y: int) -> Cell | None:
        """The cell at this column of this line below the first one."""
        column, rest = divmod(x, self.cell + GAP)
        inside = x >= 0 and y >= 0 and column < self.across and rest < self.cell
        place = y * self.across + column
        return CELLS[place] if inside and place < len(CELLS) else None

    def row_moved(self, cell: Cell, rows: int) -> Cell | None:
        """The cell in another row of several; None beyond them."""
        down = len(CELLS) // self.across
        row, column = divmod(CELLS.index(cell), self.across)
        return CELLS[(row + rows) * self.across + column] if 0 <= row + rows < down else None

    def moved(self, cell: Cell, rows: int, columns: int) -> Cell:
        """The cell so many rows down and columns to the right."""
        row, column = divmod(CELLS.index(cell), self.across)
        row = max(0, min(len(CELLS) // self.across - 1, row + rows))
        column = max(0, min(self.across - 1, column + columns))
        return CELLS[row * self.across + column]


def cell_rows(
    counts: PairedCounts, runs: Sequence[DrawnRun], cursor: Cell, size: tuple[int, int], look: Look, *, focused: bool
) -> list[Strip]:
    """A line that names the cell under the cursor, and the cells below it.

    Args:
        counts: How many images are in each.
        runs: The two runs, as the table names them.
        cursor: The cell that Enter opens.
        size: Columns and lines.
        look: How to draw.
        focused: Whether keys move the cursor.
    """
    width, height = size
    grid = Grid.of(counts, width)
    rows: list[list[Part]] = [_title(counts, runs, cursor, width, look, focused=focused)]
    for first in range(0, len(CELLS), grid.across):
        row: list[Part] = []
        for cell in CELLS[first : first + grid.across]:
            row += [*([" " * GAP] if row else []), *_cell(counts, runs, cell, grid.cell, cell == cursor, look, focused)]
        rows.append(row)
    return [line(row, width) for row in rows[:height]]


def _title(
    counts: PairedCounts, runs: Sequence[DrawnRun], cursor: Cell, width: int, look: Look, *, focused: bool
) -> list[Part]:
    """The sentence about the cell, in the longest form that leaves room for the keys."""
    keys: list[Part] = [("Enter: images", look.dim), ("←→ cells" if focused else "Tab: the cursor keys", look.dim)]
    name = cell_name(cursor, short_names(runs), NAME_COLUMNS, look)
    row: list[Part] = []
    for shown_keys in (keys, keys[:1]):
        for sentence in _sentences(counts, name, counts.cells[cursor]):
            wanted: list[Part] = [(sentence, look.strong), *shown_keys]
            row = fitting(wanted, width, look)
            if row == fitting(wanted, sys.maxsize, look):
                return row
    return row


def _sentences(counts: PairedCounts, name: str, images: int) -> Iterator[str]:
    """The sentence about a cell, the longest form first."""
    share = percent(images / counts.images) if counts.images else percent(None)
    yield f"{name}: {count(images)} of {count(counts.images)} test images ({share})"
    yield f"{name}: {count(images)} of {count(counts.images)} ({share})"
    yield f"{name}: {count(images)} of {count(counts.images)}"
    yield f"{name}: {count(images)}"


def _cell(
    counts: PairedCounts, runs: Sequence[DrawnRun], cell: Cell, width: int, chosen: bool, look: Look, focused: bool
) -> list[Part]:
    number = count(counts.cells[cell])
    run = None if cell in ("both", "neither") else runs[cell == "only_b"]
    room = max(0, width - len(number) - 1)
    label = cut(f"only {short_names(runs)[cell == 'only_b']}" if run else cell, room, look)
    rest = " " * (width - cell_len(label) - 1 - len(number))
    if chosen and focused:
        return [(f"{label} {number}{rest}", Style(bold=True, reverse=True))]
    under = Style(bold=True, underline=True) if chosen else Style()
    return [(label, (run.style(look) if run else look.dim) + under), (f" {number}", look.strong + under), rest]
