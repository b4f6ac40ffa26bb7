"""Scroll bars: where there is ASCII alone, and those of panels that are drawn line by line."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBarRender

from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part


class PlainScrollBar(ScrollBarRender):
    """A scroll bar of spaces alone."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def bar_cell(y: int, height: int, first: int, rows: int, look: Look) -> Part:
    """The cell of a scroll bar of `height` lines in line `y`, of `rows` of which `first` is at the top.

    It is a space where all rows are in sight.
    """
    if rows <= height:
        return " "
    length = max(1, height * height // rows)
    top = round((height - length) * first / (rows - height))
    glyphs = "#|" if look.ascii else "█│"
    return glyphs[0 if top <= y < top + length else 1], look.dim
