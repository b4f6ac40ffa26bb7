"""A picture of a terminal's screen, as a person would see it; and the images that Kitty's graphics put there."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont

SIZE = 15
WIDTH, HEIGHT = 9, 18
"""Of a cell, in pixels."""
DARK, LIGHT = ("#d4d7dc", "#101216"), ("#24272c", "#ffffff")
"""Foreground and background, where the program sets none."""
ANSI_COLOURS = {
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


def screenshot(screen: pyte.Screen, *, dark: bool = True) -> Image.Image:
    """The screen in a monospace font; `dark` is what the terminal's own colours are."""
    foreground, background = DARK if dark else LIGHT
    image = Image.new("RGB", (screen.columns * WIDTH, screen.lines * HEIGHT), background)
    draw = ImageDraw.Draw(image)
    for y in range(screen.lines):
        cells = [screen.buffer[y][x] for x in range(screen.columns)]
        colours = []
        for x, cell in enumerate(cells):
            pair = colour_of(cell.fg, foreground), colour_of(cell.bg, background)
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


def colour_of(name: str, default: str) -> str:
    return default if name == "default" else ANSI_COLOURS.get(name, f"#{name}")


@lru_cache
def _font(bold: bool) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl  # It brings fonts; and it takes a while.

    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(fonts / ("DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf"), SIZE)


@lru_cache
def arms(line: str) -> frozenset[str]:
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
    elif 0x2500 <= code <= 0x257F and (directions := arms(cell.data)):
        x, y = left + WIDTH // 2, top + HEIGHT // 2
        ends = {"LEFT": (left, y), "RIGHT": (right, y), "UP": (x, top), "DOWN": (x, bottom)}
        for arm in directions:
            draw.line(((x, y), ends[arm]), fill=fore, width=3 if "HEAVY" in unicodedata.name(cell.data) else 1)
    elif cell.data.strip():
        draw.text((left, top + 1), cell.data, fill=fore, font=_font(cell.bold))
    if cell.underscore:
        draw.line((left, bottom - 1, right, bottom - 1), fill=fore)
    if cell.strikethrough:
        draw.line((left, top + HEIGHT // 2, right, top + HEIGHT // 2), fill=fore)


PLACEHOLDER = "\U0010eeee"


KITTY_ANSWERS = {b"\x1b[>0q": b"\x1bP>|kitty(0.41.1)\x1b\\"}
"""The question for a terminal's name, and its answer."""


_MESSAGE = re.compile(rb"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\")


@dataclass
class Kitty:
    """The images that it keeps, after all messages of `written`."""

    written: bytes
    images: dict[int, Image.Image] = field(default_factory=dict)
    placed: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Columns and lines of an image."""
    sent: int = 0
    """Images, also those that were deleted since."""

    def __post_init__(self) -> None:
        pieces = b""
        for head, data in _MESSAGE.findall(self.written):
            keys = dict(pair.split("=") for pair in head.decode().split(","))
            assert keys["q"] == "2", "its answers would be taken for keys"
            number = int(keys["i"])
            match keys.get("a", "t"):
                case "t":
                    assert keys["f"] == "100"
                    pieces += data
                    if keys["m"] == "0":
                        self.images[number] = Image.open(io.BytesIO(base64.b64decode(pieces, validate=True)))
                        self.images[number].load()
                        pieces, self.sent = b"", self.sent + 1
                case "p":
                    assert keys["U"] == "1", "only text stands for an image"
                    assert number in self.images
                    self.placed[number] = int(keys["c"]), int(keys["r"])
                case "d":
                    assert keys["d"] == "I", "with its data"
                    del self.images[number], self.placed[number]
                case other:
                    raise AssertionError(other)

    def shown(self, screen: pyte.Screen) -> dict[int, int]:
        """How many cells of the screen show a part of each image that is there."""
        named = {f"{number & 0xFFFFFF:06x}": number for number in self.images}
        cells = dict.fromkeys(self.images, 0)
        for y in range(screen.lines):
            for x in range(screen.columns):
                cell = screen.buffer[y][x]
                if cell.data.startswith(PLACEHOLDER) and cell.fg in named:
                    cells[named[cell.fg]] += 1
        return cells
