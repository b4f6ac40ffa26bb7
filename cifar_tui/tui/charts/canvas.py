"""Draws curves with plotext, over axes of our own: the only module that knows plotext."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.style import Style
from textual.strip import Strip

from cifar_tui.tui.charts.axes import LABEL_LENGTH, Axis
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, line

LABELS = LABEL_LENGTH
"""The columns of the y axis's labels; the same in every chart, so that charts below each other line up."""
TITLE_ROWS, AXIS_ROWS = 1, 2
DOT_COLUMNS, DOT_ROWS = 2, 4
"""Of a braille character."""
BRAILLE = 0x2800
BRAILLE_BITS = ((0x40, 0x80), (0x04, 0x20), (0x02, 0x10), (0x01, 0x08))
"""The dots' bits, the lowest row first."""
PIECE = 24
"""The columns of a curve that are drawn at a time."""

XY = tuple[float, float]
Dot = tuple[int, int]
Cell = tuple[str, Style | None]
BLANK: Cell = (" ", None)


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: joined by a line of dots, or a glyph at each of its points."""

    points: Sequence[XY]
    """x never falls; those outside the x axis say where a joined line comes from and leads to."""
    style: Style
    glyph: str
    """What stands at each point; of a joined line, what it is drawn with in ASCII."""
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """All that a chart shows."""

    title: Sequence[Part]
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    """The last one is on top."""
    best: float | None = None
    """The x that is marked on the axis."""
    cursor: float | None = None
    """The x at which a vertical line stands, behind the curves."""
    resumed: Sequence[float] = ()
    """Those at which a broken one stands: the run had been left there."""


def canvas_width(width: int) -> int:
    """The columns that curves have in a chart that is `width` columns wide, at least one."""
    return max(width - LABELS - 1, 1)


def canvas_height(height: int) -> int:
    """The rows that curves have in a chart that is `height` rows high, at least one."""
    return max(height - TITLE_ROWS - AXIS_ROWS, 1)


def draw(chart: Chart, width: int, height: int, look: Look) -> list[Strip]:
    """The chart as `height` lines of `width` columns; values beyond the y axis stand at its edge, as arrows."""
    columns, rows = canvas_width(width), canvas_height(height)
    grid = [[BLANK] * columns for _ in range(rows)]
    for curve in chart.lines:
        _draw_line(grid, curve, chart, look)
    cursor = None if chart.cursor is None else _column(chart.x.place(chart.cursor), columns)
    for place in chart.resumed:
        _draw_vertical(grid, _column(chart.x.place(place), columns), resumed_glyph(look), look)
    _draw_vertical(grid, cursor, "|" if look.ascii else "│", look)
    strips = [line(chart.title, width)]
    labels = {_row(chart.y.place(value), rows): text for value, text in chart.y.ticks}
    for number, row in enumerate(grid):
        text = labels.get(number, "")
        edge = ("+" if look.ascii else "┤") if text else ("|" if look.ascii else "│")
        strips.append(line([(f"{text:>{LABELS}}{edge}", look.dim), *_runs(row)], width))
    strips += _x_axis(chart, columns, width, cursor, look)
    return strips[:height]


def _draw_vertical(grid: list[list[Cell]], column: int | None, glyph: str, look: Look) -> None:
    """A line from top to bottom, behind what is drawn already."""
    if column is not None:
        for row in grid:
            if row[column][0] in (" ", resumed_glyph(look)):
                row[column] = (glyph, look.dim)


def _x_axis(chart: Chart, columns: int, width: int, cursor: int | None, look: Look) -> Iterator[Strip]:
    """The axis's line, and its labels."""
    cells: list[Cell] = [("-" if look.ascii else "─", look.dim)] * columns
    words = [" "] * width
    for value, text in chart.x.ticks:
        column = _column(chart.x.place(value), columns)
        if column is None:
            continue
        cells[column] = ("+" if look.ascii else "┬", look.dim)
        start = max(0, min(LABELS + 1 + column - len(text) // 2, width - len(text)))
        if all(word == " " for word in words[max(start - 1, 0) : start + len(text) + 1]):
            words[start : start + len(text)] = text
    if cursor is not None:
        cells[cursor] = ("+" if look.ascii else "┴", look.dim)
    best = None if chart.best is None else _column(chart.x.place(chart.best), columns)
    if best is not None:
        cells[best] = (best_glyph(look), look.strong)
    yield line([(" " * LABELS + ("+" if look.ascii else "└"), look.dim), *_runs(cells)], width)
    yield line([("".join(words), look.dim)], width)


def best_glyph(look: Look) -> str:
    """What marks the best epoch on the x axis."""
    return "^" if look.ascii else "▲"


def resumed_glyph(look: Look) -> str:
    """What a line is drawn with where a run was gone on with."""
    return ":" if look.ascii else "┊"


def _runs(cells: Sequence[Cell]) -> Iterator[Part]:
    """The cells of a row, those of one style together."""
    start = 0
    for end in range(1, len(cells) + 1):
        if end == len(cells) or cells[end][1] is not cells[start][1]:
            text, style = "".join(cell[0] for cell in cells[start:end]), cells[start][1]
            yield text if style is None else (text, style)
            start = end


def _draw_line(grid: list[list[Cell]], curve: Line, chart: Chart, look: Look) -> None:
    rows, columns = len(grid), len(grid[0])
    placed = [(chart.x.place(x), chart.y.place(y)) for x, y in curve.points]
    if curve.joined:
        for column, row, glyph in _joined(_inside(placed), columns, rows, curve.glyph if look.ascii else ""):
            grid[row][column] = (glyph, curve.style)
    else:
        _draw_glyphs(grid, placed, curve)
    up, down = ("^", "v") if look.ascii else ("↑", "↓")
    for x, y in placed:
        if not 0 <= y <= 1 and (found := _column(x, columns)) is not None:
            grid[0 if y > 1 else rows - 1][found] = (up if y > 1 else down, look.warning)


def _draw_glyphs(grid: list[list[Cell]], placed: Sequence[XY], curve: Line) -> None:
    """A glyph at each point; in a cell beside it where another curve's letter stands already."""
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
    """The row from above, of the same dots that a line goes through."""
    return rows - 1 - _dot_row(y, rows) // DOT_ROWS


def _dot_row(y: float, rows: int) -> int:
    return round(min(max(y, 0.0), 1.0) * (rows * DOT_ROWS - 1))


def _inside(placed: Sequence[XY]) -> list[XY]:
    """The line through these points, cut off at the x axis's ends."""
    points = [(x, min(max(y, 0.0), 1.0)) for x, y in placed]
    if len(points) > 1 and points[0][0] < 0:
        points[0] = _between(points[0], points[1], 0.0)
    if len(points) > 1 and points[-1][0] > 1:
        points[-1] = _between(points[-2], points[-1], 1.0)
    return [point for point in points if 0 <= point[0] <= 1]


def _between(a: XY, b: XY, x: float) -> XY:
    return (x, a[1] + (b[1] - a[1]) * (x - a[0]) / (b[0] - a[0])) if b[0] > a[0] else a


def _joined(points: Sequence[XY], columns: int, rows: int, glyph: str) -> Iterator[tuple[int, int, str]]:
    """The cells of a line: column, row from above, character; in braille where no glyph is given.

    It is drawn in pieces, each from the last dot of the one before, because plotext takes milliseconds for a line:
    while a run trains, only the last piece of its curve is new.
    """
    wide, high = (1, 1) if glyph else (DOT_COLUMNS, DOT_ROWS)
    pieces: list[list[Dot]] = []
    end, last = 0, None
    for x, y in points:
        dot = min(int(x * columns * wide), columns * wide - 1), _dot_row(y, rows) * high // DOT_ROWS
        if dot == last:
            continue
        if dot[0] >= end:
            pieces.append([] if last is None else [last])
            end = (dot[0] // (PIECE * wide) + 1) * PIECE * wide
        pieces[-1].append(dot)
        last = dot
    cells: dict[Dot, int] = {}
    for piece in pieces:
        left, bottom = piece[0][0] // wide, min(y for _, y in piece) // high
        for column, row, bits in _cells(tuple((x - left * wide, y - bottom * high) for x, y in piece), wide, high):
            place = left + column, rows - 1 - bottom - row
            cells[place] = cells.get(place, 0) | bits
    for (column, row), bits in cells.items():
        yield column, row, glyph or chr(BRAILLE + bits)


@lru_cache(512)
def _cells(dots: tuple[Dot, ...], wide: int, high: int) -> list[tuple[int, int, int]]:
    """The cells of the line through these dots: column, row from below, and the bits of the dots in it."""
    cells: dict[Dot, int] = {}
    for x, y in _plotted(dots):
        place = x // wide, y // high
        cells[place] = cells.get(place, 0) | BRAILLE_BITS[y % high][x % wide]
    return [(column, row, bits) for (column, row), bits in cells.items()]


def _plotted(dots: Sequence[Dot]) -> Iterator[Dot]:
    """All dots of the line through these, whose x never falls.

    One of plotext's cells for each: its own braille is slower. Its global figure is not safe between threads, and asks
    the terminal for its size; this is a figure's inside.
    """
    # It takes 40 ms, for which the dashboard's first picture does not wait.
    from plotext._monitor import monitor_class

    width, height = dots[-1][0] + 1, max(y for _, y in dots) + 1
    figure = monitor_class()
    figure.set_size([width, height])
    figure.set_xaxes(False, False)
    figure.set_yaxes(False, False)
    figure.set_xfrequency(0)
    figure.set_yfrequency(0)
    figure.set_xlim(0, max(width - 1, 1))
    figure.set_ylim(0, max(height - 1, 1))
    figure.draw([x for x, _ in dots], [y for _, y in dots], marker=".", lines=True)
    figure.build_plot()
    return ((x, y) for y, row in enumerate(figure.matrix.marker) for x, mark in enumerate(row) if mark == ".")
