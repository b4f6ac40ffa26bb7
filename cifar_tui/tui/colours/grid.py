"""The 256 colours that most terminals have over SSH, which does not pass on that they have more.

Rich maps other colours to them by rounding each channel, which turns a bluish grey into navy. A colour of this grid is
written as it is, or as a grey that differs from it by less than one can see.
"""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet

LEVELS = (0, 95, 135, 175, 215, 255)
"""Of each channel of the cube of 216 colours."""
GREYS = tuple(range(8, 239, 10))


def rgb(colour: str) -> tuple[int, int, int]:
    """The channels of a `#rrggbb`."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def shown(colour: str) -> str:
    """What a terminal of 256 colours shows of this `#rrggbb`, by the way that Rich writes it."""
    return Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex


@lru_cache(512)
def nearest(colour: str) -> str:
    """The colour of the grid that looks most like this `#rrggbb`."""
    wanted = rgb(colour)
    return min(_grid(), key=lambda each: _distance(wanted, _grid()[each]))


def mixed(colour: str, ground: str, share: float) -> str:
    """So much of a colour on a ground."""
    parts = [round(share * a + (1 - share) * b) for a, b in zip(rgb(colour), rgb(ground), strict=True)]
    return f"#{bytes(parts).hex()}"


@lru_cache(1)
def _grid() -> dict[str, tuple[int, int, int]]:
    """Each colour, with the channels of what is shown of it."""
    cube = [ColorTriplet(red, green, blue) for red in LEVELS for green in LEVELS for blue in LEVELS]
    greys = [ColorTriplet(grey, grey, grey) for grey in GREYS]
    return {each.hex: rgb(shown(each.hex)) for each in (*cube, *greys)}


def _distance(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    """How different two colours look: the squared distance, weighted as eyes weight it (redmean)."""
    mean = (a[0] + b[0]) / 2
    red, green, blue = (x - y for x, y in zip(a, b, strict=True))
    return (2 + mean / 256) * red**2 + 4 * green**2 + (2 + (255 - mean) / 256) * blue**2
