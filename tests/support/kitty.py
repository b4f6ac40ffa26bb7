"""What a terminal with Kitty's graphics makes of what is written to it: images, and what stands for them."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field

import pyte
from PIL import Image

PLACEHOLDER = "\U0010eeee"
NAME = {b"\x1b[>0q": b"\x1bP>|kitty(0.41.1)\x1b\\"}
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
