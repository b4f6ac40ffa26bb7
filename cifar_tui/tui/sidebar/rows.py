"""What the rows of the sidebar have in common: labels, bars, and which of them there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style

from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, Row

LABEL = 7
"""Columns of the labels at the left."""
Ranked = tuple[int, Row]
"""A row, or a part of one, and its rank: where there is no room for all, the highest ranks are left out."""


def label(text: str, look: Look) -> Part:
    """The label of a row."""
    return text.ljust(LABEL), look.dim


def bar(share: float, width: int, style: Style, look: Look) -> Row:
    """A bar of `width` columns, filled to this share."""
    filled, empty = look.bar(share, max(width, 0))
    return [(filled, style), (empty, look.dim)]


def longest_fitting(forms: Sequence[str], room: int) -> str:
    """The first of these that fits into so many columns, else the last."""
    return next((form for form in forms if len(form) <= room), forms[-1])


def by_rank(ranked: Sequence[Ranked], room: int, size: Callable[[Row], int] = lambda _: 1) -> list[Row]:
    """The rows that fit into `room`, in their order; at least one."""
    kept = list(ranked)
    while len(kept) > 1 and sum(size(row) for _, row in kept) > room:
        kept.remove(max(kept, key=lambda each: each[0]))
    return [row for _, row in kept]
