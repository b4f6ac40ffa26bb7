"""The four cells of where two runs disagree, in lines: a cursor on one of them, and what it says above them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from cifar_tui.formatting import count, percent
from cifar_tui.tui.compare.cells import CELLS, Cell, called
from cifar_tui.tui.compare.table import NAME_COLUMNS, Heading, cut, in_words
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, fitting, line

if TYPE_CHECKING:
    from cifar_tui.analysis.paired import Paired

GAP = 2
"""Columns between two cells."""
WIDEST = 32
"""Columns of a cell, at most."""
LEAST_NAME = 5
"""Columns of a run's name in a cell, at least, for cells to stand side by side."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How the cells stand below the line about the one under the cursor.

    Attributes:
        across: Cells side by side.
        cell: Columns of each.
    """

    across: int
    cell: int

    @staticmethod
    def of(two: Paired, width: int) -> Grid:
        """All side by side where there is room for them, else two by two, else below each other."""
        digits = max(len(count(getattr(two, cell))) for cell in CELLS)
        least = len("only ") + LEAST_NAME + 1 + digits
        across = next((n for n in (4, 2) if n * (least + GAP) - GAP <= width), 1)
        return Grid(across, min(WIDEST, (width + GAP) // across - GAP))

    def at(self, x: int, y: int) -> Cell | None:
        """The cell at this column of this line below the first one."""
        column, rest = divmod(x, self.cell + GAP)
        inside = x >= 0 and y >= 0 and column < self.across and rest < self.cell
        place = y * self.across + column
        return CELLS[place] if inside and place < len(CELLS) else None

    def moved(self, cell: Cell, rows: int, columns: int) -> Cell:
        """The cell so many rows down and columns to the right; in a single row, down is right."""
        if self.across == len(CELLS):
            rows, columns = 0, columns + rows
        row, column = divmod(CELLS.index(cell), self.across)
        row = max(0, min(len(CELLS) // self.across - 1, row + rows))
        column = max(0, min(self.across - 1, column + columns))
        return CELLS[row * self.across + column]


def cell_rows(
    two: Paired, runs: Sequence[Heading], cursor: Cell, size: tuple[int, int], look: Look, *, focused: bool
) -> list[Strip]:
    """What the cell under the cursor says, and the cells.

    Args:
        two: How many images are in each.
        runs: The two, as the table names them.
        cursor: The cell that Enter opens.
        size: Columns and lines.
        look: How to draw.
        focused: Whether keys move the cursor.
    """
    width, height = size
    grid = Grid.of(two, width)
    rows: list[list[Part]] = [_about(two, runs, cursor, width, look, focused=focused)]
    for first in range(0, len(CELLS), grid.across):
        row: list[Part] = []
        for cell in CELLS[first : first + grid.across]:
            row += [*([" " * GAP] if row else []), *_cell(two, runs, cell, grid.cell, cell == cursor, look, focused)]
        rows.append(row)
    return [line(row, width) for row in rows[:height]]


def _about(two: Paired, runs: Sequence[Heading], cursor: Cell, width: int, look: Look, *, focused: bool) -> list[Part]:
    """The sentence, in the longest form that leaves room for the keys."""
    keys: list[Part] = [("Enter: images", look.dim), ("←→ cells" if focused else "Tab: the cursor keys", look.dim)]
    name, number = called(cursor, in_words(runs), NAME_COLUMNS, look), getattr(two, cursor)
    row: list[Part] = []
    for named in (keys, keys[:1]):
        for said in _said(two, name, number):
            wanted: list[Part] = [(said, look.strong), *named]
            row = fitting(wanted, width, look)
            if row == fitting(wanted, sys.maxsize, look):
                return row
    return row


def _said(two: Paired, name: str, number: int) -> Iterator[str]:
    """What a cell says, the longest form first."""
    share = percent(number / two.images) if two.images else percent(None)
    yield f"{name}: {count(number)} of {count(two.images)} test images ({share})"
    yield f"{name}: {count(number)} of {count(two.images)} ({share})"
    yield f"{name}: {count(number)} of {count(two.images)}"
    yield f"{name}: {count(number)}"


def _cell(
    two: Paired, runs: Sequence[Heading], cell: Cell, width: int, chosen: bool, look: Look, focused: bool
) -> list[Part]:
    number = count(getattr(two, cell))
    run = None if cell in ("both", "neither") else runs[cell == "only_b"]
    room = max(0, width - len(number) - 1)
    label = cut(f"only {in_words(runs)[cell == 'only_b']}" if run else cell, room, look)
    rest = " " * (width - cell_len(label) - 1 - len(number))
    if chosen and focused:
        return [(f"{label} {number}{rest}", Style(bold=True, reverse=True))]
    under = Style(bold=True, underline=True) if chosen else Style()
    return [(label, (run.style if run else look.dim) + under), (f" {number}", look.strong + under), rest]
