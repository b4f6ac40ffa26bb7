"""A confusion matrix in rows: the part of it that fits, with a cursor, scores, and the most confused pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style

from cifar_tui.analysis.class_scores import ClassScore, class_scores, largest_confusions
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.formatting import count, percent
from cifar_tui.system.text_width import cut, end, padded
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, Row

LABEL = 12
"""The most columns of a class's name at the left of its row."""
CELL = 8
"""The usual columns of a cell."""
SHORTEST_NAME, WORDS = 8, 49
"""Columns of a class's name in a sentence, at least, and of the rest of it."""
SCORE, SIDE = 10, 33
"""Columns of each score at the right of a row, and of the most confused pairs beside the matrix."""
SCORE_WIDTH, SIDE_WIDTH, PRECISION_WIDTH = 60, 100, 120
"""The least columns for the recall, for pairs beside the matrix, and for the precision."""
ROWS_ABOVE = 3
"""Lines of the title, the sentence on the cell under the cursor and the predicted classes' names."""
HIGH = 3
"""Lines of a class where there is room: with the figures in the middle one, a cell is about as high as wide."""
PAIRS_ROOM = 6
"""Lines that are left for the most confused pairs below the matrix then."""
PAIRS = 100
"""The most that are listed."""
PAIR = 36
"""Columns of a pair where pairs are side by side."""
DENSITY, ASCII_DENSITY = " ░▒▓█", " :+*#"
"""At the right of a figure, for its share of the row, where there is no colour."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The layout of a matrix of `size` classes.

    Attributes:
        label: Columns of the true class's name.
        cell: Columns of a cell.
        rows: True classes that fit.
        columns: Predicted classes that fit.
        scores: Scores of each row: none, recall, or recall and precision.
        side: Columns of the most confused pairs beside the matrix, 0 where they are below it.
        lines: Lines of a true class: one, or `HIGH` where all classes fit with room to spare.
    """

    size: int
    label: int
    cell: int
    rows: int
    columns: int
    scores: int
    side: int
    lines: int

    @property
    def width(self) -> int:
        """Columns of the matrix and its scores."""
        return self.label + self.columns * self.cell + self.scores * SCORE

    @property
    def is_part(self) -> bool:
        """Whether a part of the matrix does not fit."""
        return self.rows < self.size or self.columns < self.size

    @staticmethod
    def of(matrix: ConfusionMatrix, names: Sequence[str], width: int, height: int) -> Frame:
        """What fits into `height` lines of `width` columns; at least one cell."""
        size, longest = len(matrix), max(map(cell_len, names))
        label = min(longest, LABEL, max(1, width // 4)) + 1
        scores = 2 if width >= PRECISION_WIDTH else 1 if width >= SCORE_WIDTH else 0
        side = SIDE if width >= SIDE_WIDTH else 0
        room = width - label - SCORE * scores - side
        # The same for counts and percentages, so that the columns stay where they are.
        least = max(4, len(str(matrix.highest))) + 1
        columns = min(size, max(1, room // least))
        cell = max(least, min(max(longest + 1, CELL), LABEL, room // columns))
        room = height - ROWS_ABOVE
        lines = HIGH if HIGH * size + (0 if side else PAIRS_ROOM) <= room else 1
        return Frame(size, label, cell, min(size, max(1, room // lines)), columns, scores, side, lines)


@dataclass(frozen=True, slots=True)
class Viewport:
    """The cursor and the scroll position: rows are true classes, columns predicted ones.

    Attributes:
        cursor: Row and column of the cell under the cursor.
        corner: The first visible row and column.
        percent: Whether cells are percentages of their row, or counts.
        focused: Whether keys move the cursor.
    """

    cursor: tuple[int, int]
    corner: tuple[int, int] = (0, 0)
    percent: bool = False
    focused: bool = False


def scrolled(first: int, cursor: int, shown: int, size: int) -> int:
    """The first of `shown` rows out of `size` that include the cursor's, as near to `first` as possible."""
    first = min(max(first, cursor - shown + 1), cursor)
    return max(0, min(first, size - shown))


def sentence(matrix: ConfusionMatrix, names: Sequence[str], true: int, predicted: int, width: int) -> str:
    """A cell in words: `27 of 1,000 'bird' images predicted as 'plane' (2.70 %)`, long names cut to fit `width`."""
    number, images = matrix.count(true, predicted), sum(number for _, number in matrix.row(true))
    name, other = (cut(names[k], max(SHORTEST_NAME, (width - WORDS) // 2)) for k in (true, predicted))
    if images <= 0:
        return f"no '{name}' images here"
    noun = "image" if images == 1 else "images"
    what = "recognised" if true == predicted else f"predicted as '{other}'"
    return f"{count(number)} of {count(images)} '{name}' {noun} {what} ({percent(number / images)})"


def grid(matrix: ConfusionMatrix, names: Sequence[str], frame: Frame, viewport: Viewport, look: Look) -> list[Row]:
    """The names of the predicted classes, and a row for each true one."""
    top, left = viewport.corner
    columns = range(left, left + frame.columns)
    head: Row = [" " * frame.label]
    heads = _heads(tuple(names), frame.cell - 1)
    for column in columns:
        text = " " * (frame.cell - 1 - cell_len(heads[column])) + heads[column] + " "
        head.append((text, look.strong if column == viewport.cursor[1] else look.dim))
    head.append(("".join(name.rjust(SCORE) for name in ("recall", "precision")[: frame.scores]), look.dim))
    scores = assessed(matrix, tuple(names)).scores
    rows = [head]
    for row in range(top, top + frame.rows):
        name = padded(cut(names[row], frame.label - 1), frame.label)
        drawn: Row = [(look.text(name), look.strong if row == viewport.cursor[0] else look.dim)]
        drawn += [
            _cell(matrix.count(row, column), scores[row].images, (row, column), frame.cell, viewport, look)
            for column in columns
        ]
        shares = (scores[row].recall, scores[row].precision)[: frame.scores]
        beside = [_beside(part) for part in drawn] if frame.lines > 1 else []
        rows += [list(beside) for _ in range(frame.lines // 2)]
        rows.append([*drawn, look.text("".join(percent(share).rjust(SCORE) for share in shares))])
        rows += [list(beside) for _ in range(frame.lines // 2)]
    return rows


def _beside(part: Part) -> Part:
    """A part of a class's line as it continues above and below: its background, and its density behind it."""
    text, style = (part, Style()) if isinstance(part, str) else part
    return " " * (cell_len(text) - 1) + (text[-1] if text[-1] in DENSITY + ASCII_DENSITY else " "), Style(
        bgcolor=style.bgcolor, color=style.color, reverse=style.reverse
    )


def pair_rows(
    matrix: ConfusionMatrix, names: Sequence[str], cursor: tuple[int, int], width: int, height: int, look: Look
) -> list[Row]:
    """The most confused pairs, in up to `height` lines with a heading; the one under the cursor stands out."""
    if height < 2:
        return []
    scores, pairs = assessed(matrix, tuple(names))
    rows: list[Row] = [[("most confused" if pairs else "nothing is confused", look.dim)]]
    digits = len(count(pairs[0][2])) if pairs else 0
    for row, column, number in pairs[: height - 1]:
        figures = _figures(number, scores[row].images, digits)
        room = max(2, width - len(figures) - 3)
        true = _shortened(names, row, max(room // 2, room - cell_len(names[column])))
        predicted = _shortened(names, column, room - cell_len(true))
        words = padded(cut(f"{true} → {predicted}", width - len(figures)), width - len(figures))
        rows.append([(look.text(words + figures), look.strong if (row, column) == cursor else Style())])
    return rows


def prediction_rows(
    matrix: ConfusionMatrix, names: Sequence[str], true: int, width: int, height: int, look: Look
) -> list[Row]:
    """The wrong predictions for images of a class, the most frequent first, in up to `height` lines with a heading."""
    cells = matrix.row(true)
    images = sum(number for _, number in cells)
    wrong = sorted(((number, column) for column, number in cells if column != true), key=lambda cell: -cell[0])
    heading = f"{names[true]} predicted as" if wrong else f"{names[true]}: no wrong prediction"
    rows: list[Row] = [[(look.text(cut(heading, width)), look.dim)]]
    digits = len(count(wrong[0][0])) if wrong else 0
    for number, column in wrong[: height - 1]:
        figures = _figures(number, images, digits)
        words = cut(f"→ {names[column]}", width - len(figures))
        rows.append([look.text(padded(words, max(0, width - len(figures)))), look.text(figures)])
    return rows


def _figures(number: int, images: int, digits: int) -> str:
    return f"  {count(number).rjust(digits)} {percent(number / max(1, images)):>8}"


def pairs_below(
    matrix: ConfusionMatrix, names: Sequence[str], cursor: tuple[int, int], width: int, height: int, look: Look
) -> list[Row]:
    """The most confused pairs below the matrix, side by side where there is room."""
    across = max(1, width // PAIR)
    head, *pairs = pair_rows(matrix, names, cursor, min(width, PAIR) - 2, (height - 1) * across + 1, look)
    rows: list[Row] = [head]
    for first in range(min(height - 1, len(pairs))):
        row: Row = []
        for pair in pairs[first :: height - 1]:
            row += [*pair, "  "]
        rows.append(row)
    return rows


class Assessment(NamedTuple):
    """The scores of all classes, and the rows, columns and counts of the most confused pairs."""

    scores: list[ClassScore]
    confusions: list[tuple[int, int, int]]


@lru_cache(4)
def assessed(matrix: ConfusionMatrix, names: tuple[str, ...]) -> Assessment:
    """What every picture of a matrix needs."""
    return Assessment(class_scores(matrix, names), largest_confusions(matrix, PAIRS))


def _cell(number: int, images: int, place: tuple[int, int], width: int, viewport: Viewport, look: Look) -> Part:
    share = number / images if images > 0 else 0.0
    text = "." if look.ascii else "·"
    if number:
        text = count_or_percent(number, share, viewport.percent)
    right = place[0] == place[1]
    # Errors are small shares: their root tells two per cent from ten.
    strength = share if right else 1.5 * math.sqrt(max(0.0, share))
    behind = " "
    if not look.colour:
        behind = (ASCII_DENSITY if look.ascii else DENSITY)[min(4, round(4 * strength))]
    style = look.shade(strength, right=right) if number else look.dim
    if place == viewport.cursor:
        style = Style(bold=True, reverse=True) if viewport.focused else style + Style(bold=True, underline=True)
    elif right:
        style += Style(bold=True)
    return text.rjust(width - 1) + behind, style


def count_or_percent(number: int, share: float, as_percent: bool) -> str:
    """A cell's figure in at most four characters, for counts below 10,000."""
    if not as_percent:
        return str(number)
    return "100" if share > 0.9995 else f"{100 * share:.1f}"


@lru_cache(4)
def _heads(names: tuple[str, ...], width: int) -> list[str]:
    """The names in so many columns, cut so that as many as possible differ.

    By their beginnings; else by beginnings and ends, or by what follows a common beginning.
    """
    ways = [[_beginning(name, width) for name in names]]
    if width >= 3:
        ways.append([_cut_within(name, width) for name in names])
        ways.append([_beginning(name[same:], width) for name, same in zip(names, _same(names, width), strict=True)])
    return max(ways, key=lambda heads: len(set(heads)))


@lru_cache(16)
def _same(names: tuple[str, ...], width: int) -> list[int]:
    """The length of each name's common beginning with all that look like it in so many columns."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_beginning(name, width), []).append(name)
    same = {beginning: _common(group) if len(group) > 1 else 0 for beginning, group in alike.items()}
    return [min(same[_beginning(name, width)], len(name) - 1) for name in names]


def _common(names: Sequence[str]) -> int:
    first, last = min(names), max(names)
    return next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))


@lru_cache(16)
def _differ(names: tuple[str, ...], width: int) -> bool:
    """Whether the beginnings of the names, of so many columns, all differ."""
    return len({_beginning(name, width) for name in names}) == len(names)


def _beginning(name: str, width: int) -> str:
    return name if cell_len(name) <= width else cut(name, width, "")


def _shortened(names: Sequence[str], k: int, width: int) -> str:
    """The k-th name in at most `width` columns, cut so that it differs from the others if possible."""
    name = names[k]
    if width < 4 or cell_len(name) <= width or _differ(tuple(names), width - 1):
        return cut(name, width)
    rest = name[_same(tuple(names), width)[k] :]
    return f"…{rest}" if cell_len(rest) < width else _cut_within(name, width)


def _cut_within(name: str, width: int) -> str:
    """`name` in at most `width` columns: its beginning, an ellipsis and its end where it is longer."""
    tail = (width + 1) // 2
    return name if cell_len(name) <= width else cut(name, width - tail) + end(name, tail)
