"""Markdown (GitHub's flavour) in which text stays text: names, paths and messages come from outside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from cifar_tui.formatting import printable

_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~&$@]|:(?=//|[a-z])|(?<=www)\.", re.IGNORECASE)


def escape(text: str) -> str:
    """`text` on one line, to stand within a paragraph, a list item or a table cell, and be shown as it is.

    Control characters are made visible; what could be markup, mathematics or a link gets a backslash.
    """
    return _SPECIAL.sub(r"\\\g<0>", printable(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """A table of escaped cells; `align` has an `l` or an `r` for each column."""
    rule = [{"l": "---", "r": "---:"}[side] for side in align]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def picture(name: str, title: str, files: AbstractSet[str]) -> list[str]:
    """A picture with its title for those who cannot see it, where it is among the files that are there."""
    return [f"![{title}]({name})"] if name in files else []
