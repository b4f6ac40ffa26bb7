"""Small images in lines: two pixels in each half block, or characters by brightness, with their predicted classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from cifar_tui.formatting import percent
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, cut, cut_start, line, width_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLUMNS, ROWS = 32, 16
"""Of a picture whose pixels are those of the image: a column for each across, two pixels down in each line."""
SMALLER, SMALL, SMALLEST = 28, 20, 16
"""Columns of a picture, at least: above its words, where there would be only one; beside them; and where even one of
these does not fit."""
WORDS = 3
"""Lines of an image's classes."""
LEAST_WORDS, MOST_WORDS = 24, 40
"""Columns of these beside a picture."""
GAP = 2
"""Columns between two cards, and between a picture and its words."""
FIGURE = 9
"""Columns of a probability."""
RAMP, ASCII_RAMP = " ░▒▓█", " .:-=+*#%@"
"""From nothing to the most, where there is no colour."""
EXTREME = 0.02
"""The part of the pixels that may be darker, or brighter, than the ends of the ramp."""

Row = list[Part]
Drawing = Callable[["NDArray[np.uint8]", int, Look], list[Row]]
"""Makes lines of an image's pixels, in so many columns: `thumbnail`, or what takes its place."""


class Captioned(Protocol):
    """An image and its caption."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(3, 32, 32) uint8, RGB."""

    def words(self, width: int, look: Look) -> list[Row]:
        """`WORDS` lines of up to `width` columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """An image and the prediction for it.

    Attributes:
        pixels: (3, 32, 32) uint8, RGB.
        true: The name of its class; empty where that is not known.
        top: The likeliest classes and their probabilities, the likeliest first.
        right: Whether that one is the true one.
        file: The name of its file, where it is known by that.
    """

    pixels: NDArray[np.uint8]
    true: str
    top: tuple[tuple[str, float], ...]
    right: bool
    file: str = ""

    def words(self, width: int, look: Look) -> list[Row]:
        """The true class and the likeliest ones, below each other: `bird → plane  93.20 %`.

        A file has its name in place of the true class, and that class, where it is known, in brackets below.
        """
        arrow = " → "
        room = max(2, width - FIGURE - len(arrow))
        most = max(room // 2, room - cell_len(self.top[0][0]))
        if self.file:
            # Those of a camera differ at their ends.
            known = [cut_start(self.file, most, look), cut(f"({self.true})", most, look) if self.true else ""]
        else:
            known = [cut(self.true, most, look)]
        column = max(map(cell_len, known))
        known = [name + " " * (column - cell_len(name)) for name in [*known, *[""] * WORDS]]
        indent = column + len(arrow)
        verdict = Style() if not self.true else look.good if self.right else look.bad
        rows: list[Row] = []
        for number, (name, probability) in enumerate(self.top):
            shown = cut(name, max(1, width - FIGURE - indent), look)
            figure = percent(probability).rjust(width - indent - cell_len(shown))
            if number == 0:
                rows.append([known[0], (look.text(arrow), look.dim), (shown, verdict), (figure, look.strong)])
            else:
                rows.append([known[number] + " " * len(arrow), (shown + figure, look.dim)])
        rows += [[name] for name in known[len(rows) : WORDS]]
        return rows


@dataclass(frozen=True, slots=True)
class Layout:
    """How many cards there are on a page, and how each is drawn.

    Attributes:
        picture: Columns of the picture, an even number, or none; it has half as many lines.
        beside: Whether the words stand beside the picture instead of below it.
        width: Columns of a card.
        height: Its lines.
        across: Cards side by side.
        down: Cards below each other.
        spare: Lines between those.
    """

    picture: int
    beside: bool
    width: int
    height: int
    across: int
    down: int
    spare: int

    @property
    def cards(self) -> int:
        """Of a page."""
        return self.across * self.down

    @staticmethod
    def of(width: int, height: int) -> Layout:
        """What fits into `height` lines of `width` columns; at least one card, if only the beginning of its words.

        As many whole pictures as fit, as large as they then can be.
        """
        if width >= COLUMNS and height >= ROWS + WORDS:
            across, down = (width + GAP) // (COLUMNS + GAP), height // (ROWS + WORDS)
            if across == 1 and width >= 2 * SMALLER + GAP:
                across = 2
            card = (width + GAP) // across - GAP
            # With a line between them, where there is one to spare.
            lines = max((height + 1) // down - 1, min(height // down, ROWS + WORDS))
            picture = min(card, 2 * (lines - WORDS), 2 * COLUMNS) // 2 * 2
            return Layout._filled(picture, False, card, picture // 2 + WORDS, (across, down), height)
        across = max(1, (width + GAP) // (min(SMALL, 2 * height) + LEAST_WORDS + 2 * GAP))
        card = (width + GAP) // across - GAP
        picture = min(COLUMNS, 2 * height, card - GAP - LEAST_WORDS) // 2 * 2
        if picture >= SMALLEST:
            down = height // (picture // 2)
            card = min(card, picture + GAP + MOST_WORDS)
            return Layout._filled(picture, True, card, picture // 2, (across, down), height)
        card = min(width, MOST_WORDS)
        across, down = max(1, (width + GAP) // (card + GAP)), max(1, height // WORDS)
        return Layout._filled(0, False, card, WORDS, (across, down), height)

    @staticmethod
    def _filled(picture: int, beside: bool, card: int, lines: int, cards: tuple[int, int], height: int) -> Layout:
        across, down = cards
        return Layout(picture, beside, card, lines, across, down, spare=int(down * (lines + 1) - 1 <= height))


def page(
    cards: Sequence[Captioned], layout: Layout, size: tuple[int, int], look: Look, drawing: Drawing | None = None
) -> list[Strip]:
    """As many of `cards` as there is room for, from left to right and from top to bottom.

    Args:
        cards: The first ones are shown.
        layout: Where they are drawn.
        size: Columns and lines.
        look: How to draw.
        drawing: What draws the pictures, where that is not `thumbnail`.
    """
    width, height = size
    rows: list[Row] = []
    for first in range(0, min(len(cards), layout.cards), layout.across):
        if rows:
            rows += [[]] * layout.spare
        drawn = [_card(card, layout, look, drawing or thumbnail) for card in cards[first : first + layout.across]]
        rows += [_joined(parts, layout.width) for parts in zip(*drawn, strict=True)]
    return [line(row, width) for row in rows[:height]]


def _joined(parts: Sequence[Row], width: int) -> Row:
    row: Row = []
    for number, part in enumerate(parts):
        row += [" " * (number * (width + GAP) - width_of(row)), *part]
    return row


def _card(card: Captioned, layout: Layout, look: Look, drawing: Drawing) -> list[Row]:
    """An image with its words, in the lines of the layout."""
    picture = drawing(card.pixels, layout.picture, look) if layout.picture else []
    if not layout.beside:
        return [*picture, *card.words(layout.picture or layout.width, look)]
    said = card.words(layout.width - layout.picture - GAP, look)
    above = (len(picture) - len(said)) // 2
    for row, told in zip(picture[above:], said, strict=False):
        row += [" " * GAP, *told]
    return picture


def thumbnail(pixels: NDArray[np.uint8], columns: int, look: Look) -> list[Row]:
    """An image as lines of parts.

    Args:
        pixels: (3, 32, 32) uint8, RGB.
        columns: An even number; lines are half as many.
        look: How to draw.
    """
    if columns != COLUMNS:
        pixels = _scaled(pixels, columns)
    return _coloured(pixels) if look.colour and not look.ascii else _shaded(pixels, look)


def _scaled(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image with so many pixels across and down: smoothed, unless each becomes a whole number of pixels."""
    import numpy as np
    from PIL.Image import Resampling, fromarray

    way = Resampling.NEAREST if side % COLUMNS == 0 else Resampling.BICUBIC
    image = fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).resize((side, side), way)
    return np.asarray(image).transpose(2, 0, 1)


def _coloured(pixels: NDArray[np.uint8]) -> list[Row]:
    """The upper of two pixels is a half block's colour, the lower one its background's."""
    rows = [list(map(tuple, row)) for row in pixels.transpose(1, 2, 0).tolist()]
    drawn: list[Row] = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        cells = groupby(zip(upper, lower, strict=True))
        drawn.append([("▀" * len(list(same)), _style(*pair)) for pair, same in cells])
    return drawn


@lru_cache(16384)
def _style(upper: tuple[int, int, int], lower: tuple[int, int, int]) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))


def _shaded(pixels: NDArray[np.uint8], look: Look) -> list[Row]:
    """The brighter, the more ink, or on a light background the less; stretched to the whole ramp."""
    red, green, blue = pixels.astype("float32")
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    cells = (luma[::2] + luma[1::2]) / 2
    ordered = sorted(cells.ravel().tolist())
    low, high = (ordered[round(part * (len(ordered) - 1))] for part in (EXTREME, 1 - EXTREME))
    ramp = ASCII_RAMP if look.ascii else RAMP
    if not look.dark:
        ramp = ramp[::-1]
    shares = ((cells - low) / max(high - low, 1.0)).clip(0, 1).tolist()
    return [["".join(ramp[min(int(share * len(ramp)), len(ramp) - 1)] for share in row)] for row in shares]
