"""The base of all panels: a widget of lines, of which only the cells that changed are written; and parts of lines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len, split_graphemes
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cifar_tui.formatting import printable
from cifar_tui.system import text_width
from cifar_tui.system.text_width import wrapped
from cifar_tui.tui.theme import Look

GAP = 8
"""Cells: moving the cursor costs about as much as writing so many that have not changed."""
Part = str | tuple[str, Style]
"""Text of a line, in a style or in the terminal's own."""
Row = list[Part]
"""A line before it has its width."""


def line(parts: Iterable[Part] | str, width: int) -> Strip:
    """One line of exactly `width` columns, cut or filled with spaces."""
    pieces: Iterable[Part] = [parts] if isinstance(parts, str) else parts
    segments = [Segment(piece) if isinstance(piece, str) else Segment(*piece) for piece in pieces]
    return Strip(segments).adjust_cell_length(max(width, 0))


def paragraph(text: str, width: int, look: Look) -> list[Strip]:
    """A sentence in the place of a picture, in as many lines as it takes."""
    return [line([(row, look.dim)], width) for row in wrapped(look.text(printable(text)), width)]


def width_of(parts: Sequence[Part]) -> int:
    """The columns that these parts take."""
    return sum(cell_len(part if isinstance(part, str) else part[0]) for part in parts)


def cut(text: str, width: int, look: Look) -> str:
    """The text in no more than so many columns, with a mark where it was longer."""
    return text_width.cut(look.text(text), width, look.text("…"))


def cut_start(text: str, width: int, look: Look) -> str:
    """As `cut`, but the end of the text is kept."""
    return text_width.cut_before(look.text(text), width, look.text("…"))


def cut_middle(text: str, width: int, look: Look) -> str:
    """As `cut`, but both ends of the text are kept: two names may differ in either."""
    return text_width.cut_middle(look.text(text), width, look.text("…"))


def drawable(part: Part, look: Look) -> Part:
    """The part in characters that the terminal draws."""
    return look.text(part) if isinstance(part, str) else (look.text(part[0]), part[1])


def fitting(parts: Sequence[Part], width: int, look: Look) -> Row:
    """As many of these as fit side by side, the first ones before the others, with dots between them."""
    row: Row = []
    for part in parts:
        shown = drawable(part, look)
        more: Row = [(look.text(" · "), look.dim), shown] if row else [shown]
        if not row or width_of([*row, *more]) <= width:
            row += more
    return row


class Panel(Widget):
    """Lines of text. `lines` makes the picture; this writes what changed of it.

    Textual rewrites every cell of a widget that is refreshed. Over a slow line that is most of the cost of a live
    chart, of which a redraw changes a few cells: here, new lines are compared with those on the screen.
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.look = Look()
        self._lines: list[Strip] = []

    @abstractmethod
    def lines(self, width: int, height: int) -> list[Strip]:
        """The picture: up to `height` lines of exactly `width` columns."""

    def draw(self) -> None:
        """Make the picture again and write what differs from the one on the screen."""
        width, height = self.size
        if not self.display or width <= 0 or height <= 0:
            return
        lines = self.lines(width, height)[:height]
        lines += [Strip.blank(width)] * (height - len(lines))
        if len(lines) != len(self._lines) or any(strip.cell_length != width for strip in self._lines[:1]):
            self._lines = lines
            self.refresh()
            return
        changed = [
            region
            for y, (old, new) in enumerate(zip(self._lines, lines, strict=True))
            for region in _changed(old, new, y)
        ]
        self._lines = lines
        if changed:
            self.refresh(*changed)

    def watch_has_focus(self, focused: bool) -> None:
        """Draw what shows whether keys act in it."""
        super().watch_has_focus(focused)
        self.draw()

    def on_resize(self) -> None:
        """Draw in the new size."""
        self.draw()

    def on_show(self) -> None:
        """Draw what changed while it was hidden."""
        self.draw()

    def render_line(self, y: int) -> Strip:
        """The line of the picture, in the panel's own colours where it sets none."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        return self._lines[y].apply_style(self.rich_style)


def _changed(old: Strip, new: Strip, y: int) -> Iterator[Region]:
    """The cells in which two lines of one width differ, in few regions with little between them."""
    if old == new:
        return
    before, after = _cells(old), _cells(new)
    differ = [x for x, (a, b) in enumerate(zip(before, after, strict=False)) if a != b]
    while differ:
        first = last = differ.pop(0)
        while differ and differ[0] - last <= GAP:
            last = differ.pop(0)
        yield Region(first, y, last - first + 1, 1)


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """Each column's character, with its marks, and style; the second column of a wide character has none of its own."""
    cells: list[tuple[str, Style | None]] = []
    for text, style, _ in strip:
        if text.isascii():
            cells += [(character, style) for character in text]
            continue
        for start, end, width in split_graphemes(text)[0]:
            if width:
                cells += [(text[start:end], style), *[("", style)] * (width - 1)]
            elif cells:
                cells[-1] = cells[-1][0] + text[start:end], cells[-1][1]
    return cells
