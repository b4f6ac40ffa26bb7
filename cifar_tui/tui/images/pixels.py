"""Small images in real pixels: each is sent to the terminal once, which draws it in the place of characters.

By Kitty's graphics protocol with Unicode placeholders: characters whose marks denote a part of an image and whose
colour denotes the image. Whatever covers or clears them does the same to the image.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.style import Style

from cifar_tui.tui.images.thumbnails import Row, thumbnail
from cifar_tui.tui.theme import Look

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CELL = 10
"""Pixels that are sent for a column, and twice as many for a line: textual-image's default."""
Drawn = tuple[bytes, int]
"""An image's pixels, and its width in columns."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An image in the terminal's memory, and the lines of placeholders that show it."""

    number: int
    lines: list[tuple[str, Style]]


class Pixels:
    """Draws images as `thumbnail` does, but in pixels where possible.

    The terminal keeps the images of two pages: the shown one and the one before it.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        """Draw on a terminal that supports placeholders.

        Args:
            write: Writes to the terminal, before whatever the caller draws from then on.
        """
        self._write = write
        self._failed = False
        self._before: dict[Drawn, Placed] = {}
        self._shown: dict[Drawn, Placed] = {}

    def turn(self) -> None:
        """Start a page: another one, or the same with changes."""
        self._delete(placed for drawn, placed in self._before.items() if drawn not in self._shown)
        self._before, self._shown = self._shown, {}

    def close(self) -> None:
        """Delete all images from the terminal."""
        self._delete({**self._before, **self._shown}.values())
        self._before, self._shown = {}, {}

    def draw(self, pixels: NDArray[np.uint8], columns: int, look: Look) -> list[Row]:
        """An image in lines.

        Args:
            pixels: (3, 32, 32) uint8, RGB.
            columns: An even number; lines are half as many.
            look: How to draw.
        """
        if not self._failed and look.colour and not look.ascii:
            drawn = pixels.tobytes(), columns
            try:
                placed = self._shown.get(drawn) or self._before.get(drawn) or self._place(pixels, columns)
                self._shown[drawn] = placed
                return [[part] for part in placed.lines]
            except Exception:  # noqa: BLE001  (half blocks are better than an error of the library)
                self._failed = True
        return thumbnail(pixels, columns, look)

    def _place(self, pixels: NDArray[np.uint8], columns: int) -> Placed:
        from PIL.Image import Resampling, fromarray
        from rich.console import Console

        from cifar_tui.tui.images.textual_image_compat import CollectedImage

        side = columns * CELL
        scaled = fromarray(pixels.transpose(1, 2, 0)).resize((side, side), Resampling.NEAREST)
        image = CollectedImage(scaled, columns, columns // 2)
        segments = list(Console(file=io.StringIO(), width=columns, height=columns).render(image))
        assert image.terminal_image_id is not None
        self._write(image.messages)
        lines = [(text.rstrip("\n"), style) for text, style, _ in segments if style is not None]
        return Placed(image.terminal_image_id, lines)

    def _delete(self, those: Iterable[Placed]) -> None:
        # The library's own `cleanup` does not remove images from the screen.
        self._write("".join(f"\x1b_Ga=d,d=I,i={placed.number},q=2\x1b\\" for placed in those))
