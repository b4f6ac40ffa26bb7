"""What the terminal shows, cell by cell: of a new picture, only the cells that differ are written.

Textual writes whole regions, each piece of a line with all of its colours. Over a slow line that is most of the cost of
a live chart, of which a redraw changes a few cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes
from rich.color import Color, ColorSystem
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

Piece = tuple[int, int, Strip]
"""A line, a column, and what is to be shown from there on."""

GAP = 4
"""Bytes: moving the cursor costs as much as writing so many that have not changed."""
BAND = 10
"""Lines that are written together."""
ATTRIBUTES = (
    ("bold", "1", "22"),
    ("dim", "2", "22"),
    ("italic", "3", "23"),
    ("underline", "4", "24"),
    ("blink", "5", "25"),
    ("blink2", "6", "25"),
    ("reverse", "7", "27"),
    ("conceal", "8", "28"),
    ("strike", "9", "29"),
    ("underline2", "21", "24"),
    ("overline", "53", "55"),
)
"""Of a style: its name, and the parameters of the terminal's sequence that sets and clears it."""
CLEARED_BY = {number: cleared for _, number, cleared in ATTRIBUTES}
SEEN_ON_BLANKS = {"4", "7", "9", "21", "53"}
"""The attributes that show where there is no character."""
PLACEHOLDER = "\U0010eeee"
"""With marks, a part of an image, a column wide: by Kitty's graphics protocol."""


class Ink(NamedTuple):
    """How a character is drawn, in parameters of the terminal's sequences; empty for the terminal's own way."""

    background: str = ""
    foreground: str = ""
    attributes: tuple[str, ...] = ()


class Run(NamedTuple):
    """Characters side by side in one ink."""

    ink: Ink
    y: int
    x: int
    text: str
    columns: int | None
    """None where terminals differ in how wide they are."""


class TerminalCells:
    """The cells of a terminal: as they were last written, each of them unknown until then, and as they are to be."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._shown: list[_Line] = []
        self._changed: dict[int, _Line] = {}
        """The lines of which something is to be shown that is not written yet."""

    def forget(self) -> None:
        """The terminal may show anything."""
        self._shown = [_Line.unknown(self._size.width) for _ in range(self._size.height)]
        self._changed = {}

    def put(self, size: Size, pieces: Iterable[Piece], colors: ColorSystem) -> None:
        """Have pieces of a picture be shown, by what `changes` returns.

        Args:
            size: The terminal's. Where it is another than before, nothing of what is shown is known.
            pieces: What is to be shown, and where.
            colors: The colours that the terminal has.
        """
        if size != self._size:
            self._size = size
            self.forget()
        for y, x, strip in pieces:
            if 0 <= y < size.height:
                if y not in self._changed:
                    self._changed[y] = self._shown[y].copy()
                self._changed[y].put(x, strip, colors)

    def changes(self) -> str:
        """What is to be written now; empty where all of it is shown already."""
        anywhere: list[Run] = []
        in_order: list[Run] = []
        changed, self._changed = self._changed, {}
        for y, line in changed.items():
            before, self._shown[y] = self._shown[y], line
            if line.texts == before.texts and line.inks == before.inks:
                continue
            if all(text is None or _is_simple(text) for text in {*before.texts, *line.texts}):
                anywhere += line.differing_runs(before, y)
            else:
                in_order += line.all_runs(y)
        # By colours, because a change of colours is longer than a move of the cursor; but over a slow line, a whole
        # screen is to come from top to bottom.
        by_colors = [*sorted(anywhere), *in_order]
        return _sequence(sorted(by_colors, key=lambda run: run.y // BAND))


class _Line:
    """The characters of a line by their columns, and their inks.

    The second column of a wide character has an empty text; None is not known.
    """

    __slots__ = ("inks", "texts")

    def __init__(self, texts: list[str | None], inks: list[Ink]) -> None:
        self.texts, self.inks = texts, inks

    @classmethod
    def unknown(cls, width: int) -> _Line:
        return cls([None] * width, [Ink()] * width)

    def copy(self) -> _Line:
        return _Line(self.texts.copy(), self.inks.copy())

    def put(self, x: int, strip: Strip, colors: ColorSystem) -> None:
        """Show this from column `x` on, as far as there is room."""
        for text, style, control in strip:
            if control:
                continue
            characters = _characters(text)[: len(self.texts) - x]
            ink = ink_of(style, colors)
            blank = _on_blanks(ink)
            end = x + len(characters)
            self.texts[x:end] = characters
            self.inks[x:end] = [blank if character == " " else ink for character in characters]
            x = end

    def differing_runs(self, before: _Line, y: int) -> Iterator[Run]:
        """What another line lacks to show this one; each character of both is one column wide."""
        now, inks = self.texts, self.inks
        was, were = before.texts, before.inks
        differing = [x for x in range(len(now)) if now[x] != was[x] or inks[x] != were[x]]
        start = end = 0
        ink: Ink | None = None
        blank = True
        for x in differing:
            joined, all_blank = ink, blank
            for at in range(end, x + 1):
                if joined is None or now[at] is None:
                    joined = None
                    break
                joined = _joined(joined, inks[at], blanks=all_blank, blank=now[at] == " ")
                all_blank &= now[at] == " "
            if ink is not None and (joined is None or len("".join(filter(None, now[end:x])).encode()) > GAP):
                yield Run(ink, y, start, "".join(filter(None, now[start:end])), end - start)
                ink = None
            if ink is None:
                start, joined, all_blank = x, inks[x], now[x] == " "
            ink, blank, end = joined, all_blank, x + 1
        if ink is not None:
            yield Run(ink, y, start, "".join(filter(None, now[start:end])), end - start)

    def all_runs(self, y: int) -> Iterator[Run]:
        """All that is known of the line, from left to right.

        A character that takes two columns, or whose width terminals do not agree on, changes others beside it.
        """
        known = ((x, text, ink) for x, (text, ink) in enumerate(zip(self.texts, self.inks, strict=True)) if text)
        for (simple, ink), cells in groupby(known, lambda cell: (_is_simple(cell[1]), cell[2])):
            run: list[tuple[int, str, Ink]] = []
            for cell in cells:
                if run and (not simple or cell[0] != run[-1][0] + 1):
                    yield _run(ink, y, run, simple=simple)
                    run = []
                run.append(cell)
            yield _run(ink, y, run, simple=simple)


def _run(ink: Ink, y: int, cells: list[tuple[int, str, Ink]], *, simple: bool) -> Run:
    return Run(ink, y, cells[0][0], "".join(text for _, text, _ in cells), len(cells) if simple else None)


@lru_cache(4096)
def ink_of(style: Style | None, colors: ColorSystem) -> Ink:
    """How a terminal with these colours draws characters of a style."""
    if style is None:
        return Ink()

    def parameters(color: Color | None, *, foreground: bool) -> str:
        return "" if color is None else ";".join(color.downgrade(colors).get_ansi_codes(foreground))

    return Ink(
        parameters(style.bgcolor, foreground=False),
        parameters(style.color, foreground=True),
        tuple(number for name, number, _ in ATTRIBUTES if getattr(style, name)),
    )


@lru_cache(4096)
def _on_blanks(ink: Ink) -> Ink:
    """What of an ink is seen where there is no character."""
    return ink if SEEN_ON_BLANKS.intersection(ink.attributes) else Ink(ink.background)


def _joined(one: Ink, other: Ink, *, blanks: bool, blank: bool) -> Ink | None:
    """The ink that draws characters of the one and a further one of the other, as far as these are blanks."""
    if one == other or (blank and other == _on_blanks(one)):
        return one
    return other if blanks and one == _on_blanks(other) else None


@lru_cache(4096)
def _characters(text: str) -> tuple[str, ...]:
    """The characters by columns, each with its marks."""
    if text.isascii() and text.isprintable():
        return tuple(text)
    characters: list[str] = []
    for start, end, width in split_graphemes(text)[0]:
        if width:
            characters += [text[start:end], *[""] * (width - 1)]
        elif characters:
            characters[-1] += text[start:end]
    return tuple(characters)


@lru_cache(4096)
def _is_simple(text: str) -> bool:
    """Whether every terminal draws this in one column."""
    return (len(text) == 1 and text < "\u2e80" and cell_len(text) == 1) or text.startswith(PLACEHOLDER)


def _sequence(runs: Iterable[Run]) -> str:
    """What draws these, and leaves the terminal with its own colours."""
    written: list[str] = []
    line, column = -1, -1
    ink = Ink()
    for run in runs:
        if run.y != line or column < 0 or run.x < column:
            written.append(f"\x1b[{run.y + 1};{run.x + 1}H" if run.x else f"\x1b[{run.y + 1}H")
        elif run.x > column:
            written.append(f"\x1b[{run.x - column}C" if run.x > column + 1 else "\x1b[C")
        written += [change_of_ink(ink, run.ink), run.text]
        line, ink = run.y, run.ink
        column = -1 if run.columns is None else run.x + run.columns
    if ink != Ink():
        written.append("\x1b[m")
    return "".join(written)


def change_of_ink(before: Ink, after: Ink) -> str:
    """The sequence that changes from one ink to another."""
    if before == after:
        return ""
    parameters: list[str] = []
    if before.attributes != after.attributes:
        lost = [number for number in before.attributes if number not in after.attributes]
        parameters += [*dict.fromkeys(CLEARED_BY[number] for number in lost), *after.attributes]
    if before.foreground != after.foreground:
        parameters.append(after.foreground or "39")
    if before.background != after.background:
        parameters.append(after.background or "49")
    return f"\x1b[{';'.join(parameters)}m"
