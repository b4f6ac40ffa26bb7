"""A confusion matrix in a panel: its title, the cell under the cursor in words, the pairs beside or below it."""

from __future__ import annotations

from textual.strip import Strip

from cifar_tui.events import Evaluated
from cifar_tui.formatting import count, percent
from cifar_tui.tui.confusion.matrix import Frame, Marks, Row, grid, pair_rows, pairs_below, sentence, taken_rows
from cifar_tui.tui.confusion.search import Search
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, fitting, line, width_of

GAP = 3
"""Columns between the matrix and what stands beside it."""
LONGEST_PAIR = 48
"""Columns of the pairs beside the matrix, at most."""
PAIRS_BELOW = 4
"""Free lines from which on the pairs stand below it."""
TAKEN_LINES = 9
"""Lines from which on there is room beside it for what one class is taken for, too."""


def picture(
    found: list[Evaluated],
    shown: int | None,
    names: tuple[str, ...],
    marks: Marks,
    look: Look,
    size: tuple[int, int],
    search: Search | None = None,
) -> list[Strip]:
    """One evaluation's matrix with its title, its sentence and the pairs that are most confused.

    Args:
        found: All evaluations of the run.
        shown: Which of them; None for the newest.
        names: Of the classes.
        marks: The cursor, and what is seen.
        look: How to draw.
        size: Columns and lines.
        search: The class that is looked for.
    """
    width, height = size
    matrix = found[-1 if shown is None else shown].confusion
    frame = Frame.of(matrix, names, width, height)
    words = sentence(matrix, names, *marks.cursor, width)
    title = _title(found, shown, frame, marks, look, search)
    rows: list[Row] = [fitting(title, width, look), [(words, look.strong)]]
    body = grid(matrix, names, frame, marks, look)
    room = height - len(rows)
    if frame.side:
        beside = min(width - frame.width - GAP, LONGEST_PAIR)
        pairs: list[Row] = []
        if frame.columns < frame.size and room >= TAKEN_LINES:
            pairs = [*taken_rows(matrix, names, marks.cursor[0], beside, room // 2, look), []]
        pairs += pair_rows(matrix, names, beside, room - len(pairs), look)
        body += [[] for _ in range(len(body), len(pairs))]
        for row, pair in zip(body, pairs, strict=False):
            row += [" " * (frame.width + GAP - width_of(row)), *pair]
    elif room - len(body) >= PAIRS_BELOW:
        body += [[], *pairs_below(matrix, names, width, room - len(body) - 1, look)]
    return [line([_drawn(part, look) for part in row], width) for row in (rows + body)[:height]]


def _title(
    found: list[Evaluated], shown: int | None, frame: Frame, marks: Marks, look: Look, search: Search | None
) -> Row:
    """Which evaluation it is, and what else there is to say, the most useful first."""
    evaluation = found[-1 if shown is None else shown]
    validations = sum(each.split == "validation" for each in found)
    what = f"test, weights of epoch {evaluation.epoch}"
    if evaluation.split == "validation":
        what = f"validation after epoch {evaluation.epoch} of {validations}"
    (top, left), size = marks.corner, frame.size
    parts: Row = [(what, look.strong), f"{percent(evaluation.accuracy)} right"]
    if search is not None and search.typed:
        parts.insert(1, (str(search), look.warning))
    if shown is not None:
        parts.append(("Esc: the newest", look.warning))
    if frame.is_part:
        parts.append(f"classes {top + 1}–{top + frame.rows} × {left + 1}–{left + frame.columns} of {count(size)}")
    unit = "percent of rows, v: counts" if marks.percent else "counts, v: percent"
    hints = [unit, *(["f: find a class", "m: most confused"] if frame.is_part else []), "Enter: images"]
    hints += ["rows true, columns predicted", *([", and . for other epochs"] if len(found) > 1 else [])]
    parts += [(hint, look.dim) for hint in hints]
    return parts


def _drawn(part: Part, look: Look) -> Part:
    return look.text(part) if isinstance(part, str) else (look.text(part[0]), part[1])
