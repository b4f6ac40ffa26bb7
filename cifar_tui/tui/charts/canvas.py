"""Draws charts with plotext: the only module that knows it.

plotext is given ticks, labels and lines in whole cells and dots, so that axes hold still and marks meet lines. It has
one figure for the whole process, which is not thread-safe: only the screen's thread may use it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any

from rich.style import Style
from textual.strip import Strip

from cifar_tui.tui.charts.axes import LABEL_LENGTH, Axis
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, line

LABELS = LABEL_LENGTH
"""The columns of the y axis's labels; the same in every chart, so that stacked charts line up."""
TITLE_ROWS, AXIS_ROWS = 1, 2
DOT_COLUMNS, DOT_ROWS = 2, 4
LEAST_CENTRED = 4
"""Rows from which on half of one is left free at either end."""
"""Of a braille character."""
BRAILLE, RESUMED = "braille", "┊"
"""Markers of plotext: its own name of one, and a character."""
ARROWS_APART = 6
"""The least columns between two arrows of a curve that runs beyond its axis, and between marks of broken values."""
GRID_COLUMNS = 3
"""From one dash of a grid line to the next."""
PIECE = 12
"""The columns of a curve that are drawn at a time: while a run trains, only its last piece is new."""

XY = tuple[float, float]
Dot = tuple[int, int]
Cell = tuple[str, Style]
Ticks = tuple[tuple[int, str], ...]

_FAINT = Style(dim=True)
_TO_ASCII = str.maketrans("│┤─┬┴└" + RESUMED, "|+-+++:")


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: a line through its points, or a glyph at each of them."""

    points: Sequence[XY]
    """Sorted by x, finite; points outside the x axis are the ends of lines that lead out of it."""
    style: Style
    glyph: str
    """Drawn at each point; for a joined line, what it consists of in ASCII."""
    joined: bool = False
    behind: bool = False
    """Whether its values may be beyond the y axis without an arrow, unless they are very far from it."""
    scaled: bool = True
    """Whether the y axis has room for it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The contents of a chart."""

    title: Sequence[Part]
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    """From back to front."""
    best: float | None = None
    """The x that is marked on the axis."""
    cursor: float | None = None
    """The x of a vertical line behind the curves."""
    resumed: Sequence[float] = ()
    """The x of dashed vertical lines: the run was resumed there."""
    broken: Sequence[float] = ()
    """The x of values that are no numbers: marks at the upper edge."""
    grid: bool = False
    """Whether dots lead from the ticks of the y axis to the right."""
    note: str = ""
    """What is written in the middle: why there is nothing else."""


def canvas_width(width: int) -> int:
    """The columns for curves in a chart of `width` columns, at least one."""
    return max(width - LABELS - 1, 1)


def canvas_height(height: int) -> int:
    """The rows for curves in a chart of `height` rows, at least one."""
    return max(height - TITLE_ROWS - AXIS_ROWS, 1)


def draw(chart: Chart, width: int, height: int, look: Look) -> list[Strip]:
    """The chart as `height` lines of `width` columns; values beyond the y axis are arrows at its edge."""
    columns, rows = canvas_width(width), canvas_height(height)

    def column_of(x: float) -> int | None:
        return _column(chart.x.position(x), columns)

    x_ticks = tuple((column, text) for x, text in chart.x.ticks if (column := column_of(x)) is not None)
    y_ticks = tuple((_dot_row(chart.y.position(y), rows) // DOT_ROWS, text) for y, text in chart.y.ticks)
    dim = look.dim
    frame = _frame(columns, rows, x_ticks, y_ticks or ((0, ""),))
    cells = [list(zip(row.translate(_TO_ASCII) if look.ascii else row, repeat(dim))) for row in frame]
    grid = [row[LABELS + 1 :] for row in cells[:rows]]
    if chart.grid:
        _draw_grid(grid, [rows - 1 - row for row, _ in y_ticks], look)
    for x in chart.resumed:
        _draw_vertical(grid, column_of(x), (resumed_glyph(look), dim))
    if chart.cursor is not None:
        _draw_vertical(grid, column_of(chart.cursor), ("|" if look.ascii else "│", dim))
    for curve in chart.lines:
        _draw_line(grid, curve, chart, look)
    last = -ARROWS_APART
    for x in sorted(chart.broken):
        if (column := column_of(x)) is not None and column - last >= ARROWS_APART:
            grid[0][column] = (broken_glyph(look), look.bad)
            last = column
    note = look.text(chart.note)[:columns]
    for column, character in enumerate(note, (columns - len(note)) // 2):
        grid[rows // 2][column] = (character, look.warning)
    if chart.best is not None and (column := column_of(chart.best)) is not None:
        cells[rows][LABELS + 1 + column] = (best_glyph(look), look.strong)
    drawn = [cells[number][: LABELS + 1] + row for number, row in enumerate(grid)] + cells[rows:]
    return [line(chart.title, width), *(line(_runs(row), width) for row in drawn)][:height]


@lru_cache(64)
def _frame(columns: int, rows: int, x_ticks: Ticks, y_ticks: Ticks) -> list[str]:
    """The rows of an empty chart: axes, ticks and labels, at these columns and rows from below."""
    width = LABELS + 1 + columns
    # A column more than is shown: plotext keeps a cell free after a label, also after the last one.
    plotext = _figure(width + 1, rows + AXIS_ROWS, columns + 1, rows)
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.xticks([column for column, _ in x_ticks], [text for _, text in x_ticks])
    plotext.yticks([row for row, _ in y_ticks], [f"{text:>{LABELS}.{LABELS}}" for _, text in y_ticks])
    plotext.plot([], [])  # Without a curve, an axis has no ticks.
    return [row[:width] for row in _built(plotext)]


def _draw_grid(grid: list[list[Cell]], rows: Sequence[int], look: Look) -> None:
    """Draw a dotted line in these rows, but on the axis, fainter than what is drawn over it."""
    dot: Cell = ("-" if look.ascii else "┄", look.dim + _FAINT)
    blank: Cell = (" ", dot[1])
    for row in {row for row in rows if 0 <= row < len(grid) - 1}:
        grid[row] = [dot if column % GRID_COLUMNS == 0 else blank for column in range(len(grid[row]))]


def _draw_vertical(grid: list[list[Cell]], column: int | None, cell: Cell) -> None:
    if column is not None:
        for row in grid:
            row[column] = cell


def best_glyph(look: Look) -> str:
    """The mark of the best epoch on the x axis."""
    return "^" if look.ascii else "▲"


def broken_glyph(look: Look) -> str:
    """The mark of a value that is no number."""
    return "x" if look.ascii else "×"


def resumed_glyph(look: Look) -> str:
    """What the vertical line consists of where a run was resumed."""
    return RESUMED.translate(_TO_ASCII) if look.ascii else RESUMED


def _runs(cells: Sequence[Cell]) -> Iterator[Part]:
    """The cells of a row, those of one style together."""
    start = 0
    for end in range(1, len(cells) + 1):
        if end == len(cells) or cells[end][1] is not cells[start][1]:
            yield "".join(character for character, _ in cells[start:end]), cells[start][1]
            start = end


def _draw_line(grid: list[list[Cell]], curve: Line, chart: Chart, look: Look) -> None:
    rows, columns = len(grid), len(grid[0])
    placed = _near([(chart.x.position(x), chart.y.position(y)) for x, y in curve.points])
    if curve.joined:
        for column, row, character in _joined(placed, columns, rows, curve.glyph if look.ascii else BRAILLE):
            grid[row][column] = (character, curve.style)
    else:
        _draw_glyphs(grid, [(x, y) for x, y in placed if 0 <= y <= 1], curve)
    up, down = ("^", "v") if look.ascii else ("↑", "↓")
    low, high = (-1.0, 2.0) if curve.behind else (0.0, 1.0)
    last = {0: -ARROWS_APART, rows - 1: -ARROWS_APART}
    for x, y in placed:
        if not low <= y <= high and (found := _column(x, columns)) is not None:
            edge = 0 if y > 1 else rows - 1
            if found - last[edge] >= ARROWS_APART:
                grid[edge][found] = (up if y > 1 else down, curve.style if curve.behind else look.warning)
                last[edge] = found


def _near(placed: list[XY]) -> list[XY]:
    """The places, of which the first and the last one are not far from the chart: plotext draws all between them."""
    if len(placed) > 1:
        for end, other, edge in ((0, 1, -1.0), (-1, -2, 2.0)):
            (x, y), (to_x, to_y) = placed[end], placed[other]
            if (x < edge <= to_x) or (x > edge >= to_x):
                placed[end] = edge, to_y + (y - to_y) * (edge - to_x) / (x - to_x)
    return placed


def _draw_glyphs(grid: list[list[Cell]], placed: Sequence[XY], curve: Line) -> None:
    """Draw a glyph at each point, or beside it where another curve has its letter."""
    rows, columns = len(grid), len(grid[0])
    for x, y in placed:
        column = _column(x, columns)
        if column is None:
            continue
        row = grid[_row(y, rows)]
        near = (c for c in (column, column + 1, column - 1) if 0 <= c < columns)
        free = (c for c in near if row[c][0] == curve.glyph or not row[c][0].isalpha())
        row[next(free, column)] = (curve.glyph, curve.style)


def _column(x: float, columns: int) -> int | None:
    return min(int(x * columns), columns - 1) if 0 <= x <= 1 else None


def _row(y: float, rows: int) -> int:
    """The row from above that contains a line's dot for this value."""
    return rows - 1 - _dot_row(y, rows) // DOT_ROWS


def _dot_row(y: float, rows: int) -> int:
    return _free_dot_row(min(max(y, 0.0), 1.0), rows)


def _free_dot_row(y: float, rows: int) -> int:
    """The dots from below; both ends of the axis are in the middle of their rows, where their grid lines are drawn."""
    edge = DOT_ROWS // 2 if rows >= LEAST_CENTRED else 0
    return edge + math.floor(min(max(y, -1.0), 2.0) * (rows * DOT_ROWS - 1 - 2 * edge + (edge > 0)) + 0.5)


def _joined(placed: Sequence[XY], columns: int, rows: int, marker: str) -> Iterator[tuple[int, int, str]]:
    """The cells of a line through these places: column, row from above, character."""
    wide, high = (DOT_COLUMNS, DOT_ROWS) if marker == BRAILLE else (1, 1)
    dots: list[Dot] = []
    for x, y in placed:
        # Beyond the axis too: a line leaves the chart where it is steep.
        dot = math.floor(x * columns * wide) - (x == 1), _free_dot_row(y, rows) * high // DOT_ROWS
        if not dots or dot != dots[-1]:
            dots.append(dot)
    xs = [x for x, _ in dots]
    for start in range(0, columns, PIECE):
        # With the dots before and after it, from which lines lead into the piece.
        first = max(bisect_left(xs, start * wide) - 1, 0)
        within = dots[first : bisect_right(xs, (start + PIECE) * wide - 1) + 1]
        if not within:
            continue
        # From the cell of its first dot: plotext rounds a line's dots to the left, if they are not left of its canvas.
        left = max(0, min(start, within[0][0] // wide))
        bottom, top = (edge(y for _, y in within) // high for edge in (min, max))
        if top < 0 or bottom >= rows:
            continue
        moved = tuple((x - left * wide, y - bottom * high) for x, y in within)
        for column, row, character in _piece(moved, min(start + PIECE, columns) - left, top - bottom + 1, marker):
            if left + column >= start and 0 <= rows - 1 - top + row < rows:
                yield left + column, rows - 1 - top + row, character


@lru_cache(512)
def _piece(dots: tuple[Dot, ...], columns: int, rows: int, marker: str) -> list[tuple[int, int, str]]:
    """The cells of the line through these dots, in a canvas of this size: column, row from above, character."""
    wide, high = (DOT_COLUMNS, DOT_ROWS) if marker == BRAILLE else (1, 1)
    plotext = _figure(columns, rows, columns * wide, rows * high)
    plotext.frame(False)
    plotext.xticks([])
    plotext.yticks([])
    plotext.plot([x for x, _ in dots], [y for _, y in dots], marker=marker)
    built = enumerate(_built(plotext))
    return [(column, row, text) for row, line in built for column, text in enumerate(line) if text != " "]


def _figure(width: int, height: int, columns: int, rows: int) -> Any:
    """Clear the figure and give it a size in cells, and limits that are this many columns and rows of places."""
    import plotext  # It takes 40 ms, for which the dashboard's first picture does not wait.

    plotext.clear_data()  # `clear_figure` takes a millisecond; what it resets besides is set for each chart.
    plotext.theme("clear")
    plotext.limitsize(False, False)  # The terminal's size is not the canvas's.
    plotext.plotsize(width, height)
    plotext.xlim(0, max(columns - 1, 1))
    plotext.ylim(0, max(rows - 1, 1))
    return plotext


def _built(plotext: Any) -> list[str]:
    text: str = plotext.uncolorize(plotext.build())
    return text.splitlines()
