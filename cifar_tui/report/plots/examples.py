"""`predictions.png`: test images with their true and their predicted class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifar_tui.report.plots.canvas import (
    BLUE,
    DPI,
    DRAWING,
    GREY,
    RULE,
    VERMILLION,
    fitted,
    new_canvas,
    png,
    text_style,
)

if TYPE_CHECKING:
    import numpy as np

SHOWN = 16
"""The most images in the picture."""
_COLUMNS = 4
# In pixels: an image's side on the picture, and the room around it.
_ZOOM = 7
_TILE, _GAP, _CAPTION, _HEADER, _MARGIN = 32 * _ZOOM, 44, 84, 100, 40


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Some test images with their true and predicted classes.

    Attributes:
        images: (n, 32, 32, 3) uint8, RGB.
        true: (n,) integers, the true classes.
        predicted: (n,) integers, the predicted classes.
    """

    images: np.ndarray[Any, np.dtype[np.uint8]]
    true: np.ndarray[Any, np.dtype[np.integer[Any]]]
    predicted: np.ndarray[Any, np.dtype[np.integer[Any]]]


def draw_examples(examples: Examples, classes: Sequence[str]) -> bytes:
    """The first 16 images, seven times enlarged, four in a row, with the predicted and the true class under each.

    A wrong prediction has a frame and a name in another colour, and a cross for a check mark.
    """
    shown = min(len(examples.images), SHOWN)
    width = 2 * _MARGIN + _COLUMNS * _TILE + (_COLUMNS - 1) * _GAP
    height = _HEADER + math.ceil(shown / _COLUMNS) * (_TILE + _CAPTION)
    right = int((examples.true[:shown] == examples.predicted[:shown]).sum())
    with DRAWING:
        from matplotlib.patches import Rectangle
        from matplotlib.transforms import IdentityTransform

        canvas = new_canvas(width / DPI, height / DPI)
        figure, pixels = canvas.figure, IdentityTransform()

        def write(x: float, y: float, text: str, room: float, size: float, color: str, weight: str = "normal") -> None:
            text = fitted(canvas, text, size, room / DPI, weight)
            figure.text(x, height - y, text, transform=pixels, **text_style(size, color, weight, text))

        write(_MARGIN, 44, f"Test images: {right} of these {shown} are right", width, 12, "#222222", "bold")
        write(_MARGIN, 74, "✓ right, ✗ wrong: the predicted class; below it the true one", width, 9.5, GREY)
        for n in range(shown):
            true, predicted = int(examples.true[n]), int(examples.predicted[n])
            x = _MARGIN + n % _COLUMNS * (_TILE + _GAP)
            y = _HEADER + n // _COLUMNS * (_TILE + _CAPTION)
            # Enlarged a whole number of times, pixel by pixel: nothing is resampled.
            enlarged = examples.images[n].repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)
            figure.figimage(enlarged, x, height - y - _TILE, origin="upper")
            mark, color, frame, edge = ("✓", BLUE, 2, RULE) if true == predicted else ("✗", VERMILLION, 6, VERMILLION)
            corner, side = (x - frame / 2, height - y - _TILE - frame / 2), _TILE + frame
            border = Rectangle(
                corner, side, side, transform=pixels, edgecolor=edge, facecolor="none", linewidth=frame * 72 / DPI
            )
            figure.add_artist(border)
            room = _TILE + _GAP - 10
            write(x, y + _TILE + 28, f"{mark} {classes[predicted]}", room, 9.5, color, "bold")
            write(x, y + _TILE + 54, f"true: {classes[true]}", room, 9.5, "#222222")
        return png(canvas)
