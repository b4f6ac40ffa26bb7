"""The picture of a confusion matrix: title, the cell under the cursor in words, matrix and most confused pairs."""

from __future__ import annotations

import math

from textual.strip import Strip

from cifar_tui.events import Evaluated
from cifar_tui.formatting import count, percent
from cifar_tui.tui.confusion.matrix import Frame, Viewport, grid, pair_rows, pairs_below, prediction_rows, sentence
from cifar_tui.tui.confusion.search import Search
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Row, drawable, fitting, line, width_of

GAP = 3
"""Columns between the matrix and the pairs beside it."""
LONGEST_PAIR = 48
"""The most columns of the pairs beside the matrix."""
PAIRS_BELOW = 4
"""The least free lines for pairs below it."""
PREDICTION_LINES = 9
"""The least lines for the predictions of one class beside it."""


def picture(
    found: list[Evaluated],
    shown: int | None,
    names: tuple[str, ...],
    viewport: Viewport,
    look: Look,
    size: tuple[int, int],
    search: Search,
    *,
    images: bool = True,
) -> list[Strip]:
    """The matrix of an evaluation with its title, a sentence and the most confused pairs.

    Args:
        found: All evaluations of the run.
        shown: Which of them; None for the newest.
        names: Of the classes.
        viewport: The cursor and the scroll position.
        look: How to draw.
        size: Columns and lines.
        search: For a class.
        images: Whether the images of a cell can be shown.
    """
    width, height = size
    matrix = found[-1 if shown is None else shown].confusion
    frame = Frame.of(matrix, names, width, height)
    words = sentence(matrix, names, *viewport.cursor, width)
    title = _title(found, shown, frame, viewport, look, search, images=images)
    rows: list[Row] = [fitting(title, width, look), [(words, look.strong)]]
    body = grid(matrix, names, frame, viewport, look)
    room = height - len(rows)
    if frame.side:
        beside = min(width - frame.width - GAP, LONGEST_PAIR)
        pairs: list[Row] = []
        if frame.columns < frame.size and room >= PREDICTION_LINES:
            pairs = [*prediction_rows(matrix, names, viewport.cursor[0], beside, room // 2, look), []]
        pairs += pair_rows(matrix, names, viewport.cursor, beside, room - len(pairs), look)
        body += [[] for _ in range(len(body), len(pairs))]
        for row, pair in zip(body, pairs, strict=False):
            row += [" " * (frame.width + GAP - width_of(row)), *pair]
    elif room - len(body) >= PAIRS_BELOW:
        body += [[], *pairs_below(matrix, names, viewport.cursor, width, room - len(body) - 1, look)]
    return [line([drawable(part, look) for part in row], width) for row in (rows + body)[:height]]


def _title(
    found: list[Evaluated],
    shown: int | None,
    frame: Frame,
    viewport: Viewport,
    look: Look,
    search: Search,
    *,
    images: bool,
) -> Row:
    """The evaluation, and further parts of the title, the most useful first."""
    evaluation = found[-1 if shown is None else shown]
    validations = sum(each.split == "validation" for each in found)
    what = f"test, epoch {evaluation.epoch}"
    if evaluation.split == "validation":
        what = f"validation after epoch {evaluation.epoch} of {validations}"
    (top, left), size = viewport.corner, frame.size
    accuracy, matrix = evaluation.accuracy, evaluation.confusion
    if not math.isfinite(accuracy) and matrix.images:
        accuracy = sum(matrix.right) / matrix.images
    parts: Row = [(what, look.strong), f"accuracy {percent(accuracy)}"]
    if search.typed:
        parts.insert(1, (str(search), look.warning))
    if shown is not None:
        parts.append(("Esc: the newest", look.warning))
    if frame.is_part:
        parts.append(f"classes {top + 1}–{top + frame.rows} × {left + 1}–{left + frame.columns} of {count(size)}")
    unit = "% of rows (v: counts)" if viewport.percent else "counts (v: %)"
    hints = [unit, *(["f: find a class", "m: most confused"] if frame.is_part else [])]
    hints += ["Enter: images"] if images else []
    hints += ["rows true, columns predicted", *([", and . for other epochs"] if len(found) > 1 else [])]
    parts += [(hint, look.dim) for hint in hints]
    return parts
