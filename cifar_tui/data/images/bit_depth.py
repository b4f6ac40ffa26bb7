"""Values of more than eight bits: which are black and white, as the file declares or else guessed from them."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from cifar_tui.data.images.resize import STRIP_PIXELS

DEPTHS = (8, 10, 12, 14)
"""Bits of 16 that cameras and scanners have; values that need more than these are read as 16-bit."""
FULL = 65535

_MAX, _SIGNED_MIN, _SIGNED_MAX, _BITS, _FORMAT = 281, 340, 341, 258, 339
"""TIFF's tags of the largest, smallest and largest value, the bits of a value, and what kind of number it is."""
_COLOURS = re.compile(r"(RGB|RGBA|RGBX|LA);16([BLN])")
"""How Pillow unpacks colours of 16 bits: it keeps the upper eight."""
_DARK = 1 << (max(DEPTHS) - 8)
"""Upper eight bits below this are those of fewer bits than 16."""


@dataclass(frozen=True, slots=True)
class DeclaredRange:
    """The range of values that an opened file declares, before it is loaded.

    Attributes:
        high: The largest possible value; 0 where only the storage size is known.
        low: The smallest possible value.
        unsigned: Whether they are whole numbers of 32 bits that Pillow takes for signed ones.
        colours: How Pillow unpacks colours of 16 bits; empty where there are none.
    """

    high: float = 0
    low: float = 0
    unsigned: bool = False
    colours: str = ""

    @classmethod
    def by(cls, image: Image.Image, significant: int) -> DeclaredRange:
        """The range that `image` declares, or its number of significant bits where it is a PNG file."""
        tile = image.tile[0] if isinstance(image, ImageFile.ImageFile) and image.tile else None
        args: Any = tile.args if tile else ""
        colours = args if isinstance(args, str) else str(args[0]) if args else ""
        colours = colours if _COLOURS.fullmatch(colours) else ""
        if significant:
            return cls((1 << min(significant, 16)) - 1, colours=colours)
        if tile and image.format == "PPM" and tile.codec_name.startswith("ppm") and image.mode == "I":
            return cls(0 if args[-1] == FULL else FULL)
        if not isinstance(image, TiffImagePlugin.TiffImageFile):
            return cls(colours=colours)
        tags, bits = image.tag_v2, max(image.tag_v2.get(_BITS, (1,)))
        unsigned = image.mode == "I" and bits == 32 and 1 in tags.get(_FORMAT, (1,))
        low = _number(tags.get(_SIGNED_MIN)) or 0
        high = _number(tags.get(_SIGNED_MAX)) or _number(tags.get(_MAX)) or (0 if bits > 15 else (1 << bits) - 1)
        return cls(high if high not in (FULL, 2**31 - 1, 2**32 - 1) else 0, low, unsigned, colours)


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Values from `black` to `white`, which become 0 to 255.

    Attributes:
        note: How they were guessed; empty where the file declares them.
    """

    black: float = 0
    white: float = FULL
    note: str = ""

    @classmethod
    def of(cls, low: float, high: float, said: DeclaredRange, *, whole: bool) -> ValueRange:
        """The range for values from `low` to `high`, whole numbers or not."""
        if said.high and said.low <= low and high <= said.high > said.low:
            return cls(said.low, said.high)
        if whole and low >= 0 and high <= FULL:
            bits = next((bits for bits in DEPTHS if high < 1 << bits), 16)
            if bits == 16 or not high or said.high:
                return cls()
            return cls(0, (1 << bits) - 1, f"read as {bits}-bit by the largest value")
        if not whole and low >= 0 and high <= 1:
            return cls(0, 1, "scaled from 0–1")
        return cls(0 if whole and low >= 0 else low, high, "scaled from their own range")

    def to_bytes(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """These values as uint8."""
        if (self.black, self.white) == (0, FULL):
            return (values >> 8).astype(np.uint8)
        scaled = (values.astype(np.float64) - self.black) * (255 / ((self.white - self.black) or 1))
        return np.nan_to_num(scaled, nan=0, posinf=255, neginf=0).clip(0, 255).round().astype(np.uint8)


def is_high_depth(image: Image.Image) -> bool:
    """Whether a picture has one channel, whose values are not of eight bits."""
    return image.mode.startswith(("I", "F"))


def levels(image: Image.Image, said: DeclaredRange) -> ValueRange:
    """The values that are black and white in a loaded picture of one channel."""
    low, high = np.inf, -np.inf
    for box in _strips(image):
        array = values(image.crop(box), said)
        finite = array[np.isfinite(array)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        return ValueRange(0, 1, "without a number in it")
    return ValueRange.of(low, high, said, whole=image.mode != "F")


def values(image: Image.Image, said: DeclaredRange) -> NDArray[Any]:
    """The values of a picture, as numbers of their kind."""
    array = np.asarray(image)
    return array.view(np.uint32) if said.unsigned else array


def is_dark(image: Image.Image) -> bool:
    """Whether the upper eight bits of a picture's colours are those of fewer bits than 16."""
    return max(high for _, high in image.getextrema()[:3]) < _DARK  # type: ignore[misc]


def swap_bytes(image: ImageFile.ImageFile) -> None:
    """Have an opened picture of 16-bit colours unpacked to the lower eight bits."""

    def swapped(rawmode: str) -> str:
        names = _COLOURS.fullmatch(rawmode)
        assert names
        other = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}[names[2]]
        return f"{names[1]};16{other}"

    def of(args: Any) -> Any:
        return swapped(args) if isinstance(args, str) else (swapped(args[0]), *args[1:])

    image.tile = [tile._replace(args=of(tile.args)) for tile in image.tile]


def brighten(image: Image.Image, lower: Image.Image | None, said: DeclaredRange) -> str:
    """Scale the colours of a loaded picture by the bits that they have, in place.

    Args:
        image: Of the upper eight bits.
        lower: Of the lower ones, where they are known.
        said: What the file declares.

    Returns:
        How the range was guessed; empty where the file declares it.
    """

    def colours(box: tuple[int, int, int, int]) -> NDArray[Any]:
        upper = np.asarray(image.crop(box)).astype(np.uint16) << 8
        return upper | np.asarray(lower.crop(box)) if lower else upper

    high = max(int(colours(box)[..., :3].max()) for box in _strips(image))
    levels = ValueRange.of(0, high, said, whole=True)
    for box in _strips(image):
        strip = np.asarray(image.crop(box)).copy()
        strip[..., :3] = levels.to_bytes(colours(box)[..., :3])
        image.paste(Image.fromarray(strip), box)
    return levels.note


def _strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    # Of three colours of eight bytes each.
    rows = max(1, STRIP_PIXELS // 4 // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _number(value: object) -> float | None:
    """A tag's value, or the first of its values, where that is a number."""
    first = value[0] if isinstance(value, tuple) and value else value
    return float(first) if isinstance(first, int | float) and math.isfinite(first) else None
