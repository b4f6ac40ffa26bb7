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
from cifar_tui.tui.widgets.lines import Part, cut, fitting, line, width_of

GAP = 2
"""Columns between two cells."""
PADDING = 8
"""Columns that a cell has beside its words and its number, where there is room."""


def cell_name(cell: Cell, runs: Sequence[str], most: int, look: Look) -> str:
    """A cell in words, with the name of a run in at most so many columns: `only cnn right`."""
    if cell in ("both", "neither"):
        return f"{cell} right"
    return f"only {cut(runs[cell == 'only_b'], most, look)} right"


def first_cell(counts: PairedCounts) -> Cell:
    """The cell that the cursor starts on: of the two where one run alone is right, the one with more images."""
    return "only_b" if counts.only_b > counts.only_a else "only_a"


def _labels(runs: Sequence[DrawnRun], look: Look, *, letters: bool) -> list[str]:
    """The words in the four cells, with the runs' names, or with their letters."""
    a, b = [run.letter for run in runs] if letters else [cut(name, NAME_COLUMNS, look) for name in short_names(runs)]
    return ["both", f"only {a}", f"only {b}", "neither"]


@dataclass(frozen=True, slots=True)
class Grid:
    """The layout of the cells below the line that names the one under the cursor.

    Attributes:
        labels: The words in the cells.
        widths: The columns of the cells in each line.
    """

    labels: Sequence[str]
    widths: Sequence[int]

    @staticmethod
    def of(counts: PairedCounts, runs: Sequence[DrawnRun], width: int, look: Look) -> Grid:
        """All side by side where there is room for them, else two by two, else below each other.

        The runs are named where their names fit side by side, else by letters.
        """
        digits = [len(count(counts.cells[cell])) for cell in CELLS]
        for across, letters in ((4, False), (4, True), (2, False), (2, True), (1, False), (1, True)):
            labels = _labels(runs, look, letters=letters)
            needed = [cell_len(label) + 1 + number for label, number in zip(labels, digits, strict=True)]
            widths = [max(needed[column::across]) for column in range(across)]
            spare = width - sum(widths) - GAP * (across - 1)
            if spare >= 0:
                break
        return Grid(labels, [each + max(0, min(PADDING, spare // across)) for each in widths])

    @property
    def across(self) -> int:
        """Cells side by side."""
        return len(self.widths)

    def at(self, x: int, y: int) -> Cell | None:
        """The cell at this column of this line below the first one."""
        left = 0
        for column, wide in enumerate(self.widths):
            if left <= x < left + wide and 0 <= y < len(CELLS) // self.across:
                return CELLS[y * self.across + column]
            left += wide + GAP
        return None

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
    counts: PairedCounts,
    runs: Sequence[DrawnRun],
    cursor: Cell,
    size: tuple[int, int],
    look: Look,
    keys: Sequence[str],
    *,
    focused: bool,
) -> list[Strip]:
    """A line that names the cell under the cursor, and the cells below it.

    Args:
        counts: How many images are in each.
        runs: The two runs, as the table names them.
        cursor: The cell that Enter opens.
        size: Columns and lines.
        look: How to draw.
        keys: Those that lead on from here, the most important first.
        focused: Whether keys move the cursor.
    """
    width, height = size
    grid = Grid.of(counts, runs, width, look)
    rows: list[list[Part]] = [_title(counts, runs, cursor, width, look, keys)]
    for first in range(0, len(CELLS), grid.across):
        row: list[Part] = []
        for place, wide in enumerate(grid.widths, first):
            cell = CELLS[place]
            number, run = count(counts.cells[cell]), {"only_a": runs[0], "only_b": runs[1]}.get(cell)
            label = cut(grid.labels[place], max(0, wide - len(number) - 1), look)
            style = run.style(look) if run is not None else look.dim
            row += [" " * GAP] if row else []
            row += _cell(label, number, wide, style, look, chosen=cell == cursor, focused=focused)
        rows.append(row)
    return [line(row, width) for row in rows[:height]]


def _title(
    counts: PairedCounts, runs: Sequence[DrawnRun], cursor: Cell, width: int, look: Look, keys: Sequence[str]
) -> list[Part]:
    """The sentence about the cell, in the longest form that leaves room for the keys."""
    name = cell_name(cursor, short_names(runs), NAME_COLUMNS, look)
    row: list[Part] = []
    for least in (2, 1):
        for sentence in _sentences(counts, name, counts.cells[cursor]):
            wanted: list[Part] = [(sentence, look.strong), *((key, look.dim) for key in keys)]
            row = fitting(wanted, width, look)
            if width_of(fitting(wanted[: least + 1], sys.maxsize, look)) <= width:
                return row
    return row


def _sentences(counts: PairedCounts, name: str, images: int) -> Iterator[str]:
    """The sentence about a cell, the longest form first."""
    share = percent(images / counts.images) if counts.images else percent(None)
    yield f"{name}: {count(images)} of {count(counts.images)} test images ({share})"
    yield f"{name}: {count(images)} of {count(counts.images)} ({share})"
    yield f"{name}: {count(images)} of {count(counts.images)}"
    yield f"{name}: {count(images)}"


def _cell(label: str, number: str, width: int, style: Style, look: Look, *, chosen: bool, focused: bool) -> list[Part]:
    rest = " " * (width - cell_len(label) - 1 - len(number))
    if chosen and focused:
        return [(f"{label} {number}{rest}", Style(bold=True, reverse=True))]
    under = Style(bold=True, underline=True) if chosen else Style()
    return [(label, style + under), (f" {number}", look.strong + under), rest]
