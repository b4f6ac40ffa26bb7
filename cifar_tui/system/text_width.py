"""Text by the columns that it takes on a terminal: measured and cut between characters as a person sees them."""

from __future__ import annotations

import io
import textwrap
import unicodedata

from rich.cells import cell_len, split_graphemes
from rich.console import Console
from rich.text import Text

LONGEST = 8
"""Characters a column: marks take none, and there could be any number of them."""
_VIRAMA = 9
"""The combining class of the signs that join the letter after them to the one before."""
_CONSOLE = Console(file=io.StringIO())
"""Text is wrapped for one, whatever its width."""
_AFTER = "ำຳ"
"""Vowels that belong to the letter before them, although they have a column of their own."""


def characters(text: str) -> list[tuple[str, int]]:
    """The parts of a text that are not to be torn apart, each with its columns: a letter with its marks, an emoji."""
    parts: list[tuple[str, int]] = []
    for start, end, columns in split_graphemes(text)[0]:
        part = text[start:end]
        if parts and _belongs(part, parts[-1][0]):
            before, more = parts.pop()
            part, columns = before + part, more + columns
        parts.append((part, columns))
    return parts


def cut(text: str, width: int, mark: str = "…") -> str:
    """The text in no more than so many columns, with a mark where it was longer."""
    if cell_len(text) <= width and len(text) <= LONGEST * max(width, 0):
        return text
    return _kept(characters(text[: LONGEST * width]), width - cell_len(mark)) + mark if width > 0 else ""


def cut_before(text: str, width: int, mark: str = "…") -> str:
    """Likewise, but the end is kept."""
    if cell_len(text) <= width and len(text) <= LONGEST * max(width, 0):
        return text
    return mark + end(text, width - 1) if width > 0 else ""


def cut_middle(text: str, width: int, mark: str = "…") -> str:
    """Likewise, but both ends are kept, more of the last one."""
    if cell_len(text) <= width and len(text) <= LONGEST * max(width, 0):
        return text
    first = cut(text, width // 3 + 1, mark) if width > 2 else mark[: max(width, 0)]
    return first + end(text, width - cell_len(first))


def end(text: str, width: int) -> str:
    """As much of the end of a text as there is room for in so many columns."""
    kept, room = "", width
    tail = text[-LONGEST * max(width, 1) :]
    # What is left of a text may begin with marks of a letter that is not there.
    parts = characters(tail)[0 if tail == text else 1 :]
    for part, columns in reversed(parts):
        room -= columns
        if room < 0:
            break
        kept = part + kept
    return kept


def padded(text: str, width: int, *, right: bool = False) -> str:
    """The text with spaces behind it, or before it, to so many columns; no shorter than it is."""
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of no more than so many columns: between words, and within those that fit into no line."""
    if cell_len(text) == len(text):
        return textwrap.wrap(text, max(width, 1))  # It knows hyphens, and counts characters.
    return [line.plain.rstrip() for line in Text(text).wrap(_CONSOLE, max(width, 2))]


def _kept(parts: list[tuple[str, int]], room: int) -> str:
    kept = ""
    for part, columns in parts:
        room -= columns
        if room < 0:
            break
        kept += part
    return kept.rstrip()


def _belongs(part: str, before: str) -> bool:
    if part[0] in _AFTER:
        return True
    if unicodedata.combining(before[-1]) == _VIRAMA:
        return unicodedata.category(part[0]) == "Lo"
    return _is_regional(part) and _is_regional(before)


def _is_regional(part: str) -> bool:
    """Whether it is one half of a flag."""
    return len(part) == 1 and "🇦" <= part <= "🇿"
