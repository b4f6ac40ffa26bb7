"""A picture of a terminal's screen, as a person would see it."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont

SIZE = 15
WIDTH, HEIGHT = 9, 18
"""Of a cell, in pixels."""
DARK, LIGHT = ("#d4d7dc", "#101216"), ("#24272c", "#ffffff")
"""Foreground and background, where the program sets none."""
ANSI = {
    "black": "#2e3436",
    "red": "#cc0000",
    "green": "#4e9a06",
    "brown": "#c4a000",
    "blue": "#3465a4",
    "magenta": "#75507b",
    "cyan": "#06989a",
    "white": "#d3d7cf",
    "brightblack": "#555753",
    "brightred": "#ef2929",
    "brightgreen": "#8ae234",
    "brightbrown": "#fce94f",
    "brightblue": "#729fcf",
    "brightmagenta": "#ad7fa8",
    "bfightmagenta": "#ad7fa8",  # as pyte spells the background
    "brightcyan": "#34e2e2",
    "brightwhite": "#eeeeec",
}
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of a braille character's dots, from its lowest bit."""


def picture(screen: pyte.Screen, *, dark: bool = True) -> Image.Image:
    """The screen in a monospace font; `dark` is what the terminal's own colours are."""
    foreground, background = DARK if dark else LIGHT
    image = Image.new("RGB", (screen.columns * WIDTH, screen.lines * HEIGHT), background)
    draw = ImageDraw.Draw(image)
    for y in range(screen.lines):
        cells = [screen.buffer[y][x] for x in range(screen.columns)]
        colours = []
        for x, cell in enumerate(cells):
            pair = _colour(cell.fg, foreground), _colour(cell.bg, background)
            colours.append(pair[::-1] if cell.reverse else pair)
            _fill(draw, x, y, colours[-1][1])
        # After all backgrounds: a wide character reaches into the cell on its right.
        for x, (cell, (fore, _)) in enumerate(zip(cells, colours, strict=True)):
            if cell.data.strip() or cell.underscore or cell.strikethrough:
                _draw_cell(draw, x * WIDTH, y * HEIGHT, cell, fore)
    if not screen.cursor.hidden:
        x, y = screen.cursor.x * WIDTH, screen.cursor.y * HEIGHT
        draw.rectangle((x, y, x + WIDTH - 1, y + HEIGHT - 1), outline=foreground)
    return image


def _fill(draw: ImageDraw.ImageDraw, x: int, y: int, colour: str) -> None:
    draw.rectangle((x * WIDTH, y * HEIGHT, (x + 1) * WIDTH - 1, (y + 1) * HEIGHT - 1), fill=colour)


def _colour(name: str, default: str) -> str:
    return default if name == "default" else ANSI.get(name, f"#{name}")


@lru_cache
def _font(bold: bool) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl  # It brings fonts; and it takes a while.

    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(fonts / ("DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf"), SIZE)


@lru_cache
def _arms(line: str) -> frozenset[str]:
    """The directions in which a box drawing character has a line, by its name; none for those of another kind."""
    name = unicodedata.name(line).replace("HORIZONTAL", "LEFT RIGHT").replace("VERTICAL", "UP DOWN")
    words = set(name.split())
    return frozenset() if words & {"DOUBLE", "DASH", "DIAGONAL"} else frozenset(words & {"LEFT", "RIGHT", "UP", "DOWN"})


def _draw_cell(draw: ImageDraw.ImageDraw, left: int, top: int, cell: pyte.screens.Char, fore: str) -> None:
    """One character."""
    right, bottom = left + WIDTH - 1, top + HEIGHT - 1
    code = ord(cell.data[:1] or " ")
    if 0x2800 <= code <= 0x28FF:
        for bit, (column, row) in enumerate(DOTS):
            if code >> bit & 1:
                x, y = left + 1 + column * 5, top + 1 + row * 9 // 2
                draw.rectangle((x, y, x + 2, y + 2), fill=fore)
    elif 0x2581 <= code <= 0x2588:
        draw.rectangle((left, bottom + 1 - HEIGHT * (code - 0x2580) // 8, right, bottom), fill=fore)
    elif 0x2589 <= code <= 0x258F:
        draw.rectangle((left, top, left - 1 + max(1, WIDTH * (0x2590 - code) // 8), bottom), fill=fore)
    elif code == 0x2580:
        draw.rectangle((left, top, right, top + HEIGHT // 2 - 1), fill=fore)
    elif code == 0x2590:
        draw.rectangle((left + WIDTH // 2, top, right, bottom), fill=fore)
    elif 0x2500 <= code <= 0x257F and (arms := _arms(cell.data)):
        x, y = left + WIDTH // 2, top + HEIGHT // 2
        ends = {"LEFT": (left, y), "RIGHT": (right, y), "UP": (x, top), "DOWN": (x, bottom)}
        for arm in arms:
            draw.line(((x, y), ends[arm]), fill=fore, width=3 if "HEAVY" in unicodedata.name(cell.data) else 1)
    elif cell.data.strip():
        draw.text((left, top + 1), cell.data, fill=fore, font=_font(cell.bold))
    if cell.underscore:
        draw.line((left, bottom - 1, right, bottom - 1), fill=fore)
    if cell.strikethrough:
        draw.line((left, top + HEIGHT // 2, right, top + HEIGHT // 2), fill=fore)
