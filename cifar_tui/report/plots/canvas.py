"""What the pictures share: their canvas, colours and font, and text that fits the room it has."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

from cifar_tui.formatting import printable
from cifar_tui.report.plots.fonts import drawable, families
from cifar_tui.system.text_width import characters

if TYPE_CHECKING:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

DPI = 150
# Okabe and Ito's palette, which colour-blind people can tell apart.
BLUE, VERMILLION = "#0072B2", "#D55E00"
INK, GREY, RULE = "#222222", "#666666", "#DDDDDD"

DRAWING = threading.Lock()
"""Held while a picture is drawn: matplotlib promises nothing about threads."""

_LONGEST_TEXT = 200
"""Characters that are measured at most; none of the pictures has room for more."""


def new_canvas(width: float, height: float) -> FigureCanvasAgg:
    """An empty white canvas, in inches of `DPI` pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return FigureCanvasAgg(Figure((width, height), dpi=DPI, facecolor="white"))


def png(canvas: FigureCanvasAgg) -> bytes:
    """The drawn canvas as a PNG file."""
    buffer = io.BytesIO()
    canvas.print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def text_style(size: float, color: str = INK, weight: str = "normal", text: str = "") -> dict[str, Any]:
    """Properties for `size` points and the characters of `text`; a dollar sign is a dollar sign, not mathematics."""
    return {"fontfamily": families(text), "fontsize": size, "color": color, "fontweight": weight, "parse_math": False}


def text_width(canvas: FigureCanvasAgg, text: str, size: float, weight: str = "normal") -> float:
    """The width of `text` on one line, in inches."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=families(text), size=size, weight=weight)
    renderer: Any = canvas.get_renderer()  # type: ignore[no-untyped-call]
    width, _, _ = renderer.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / DPI


def fitted(canvas: FigureCanvasAgg, text: str, size: float, room: float, weight: str = "normal") -> str:
    """`text` made printable, cut to `room` inches with an ellipsis where it is longer."""
    text = drawable(printable(text[:_LONGEST_TEXT]))
    if text_width(canvas, text, size, weight) <= room:
        return text
    parts = [part for part, _ in characters(text)]

    def cut(parts_kept: int) -> str:
        return "".join(parts[:parts_kept]).rstrip() + "…"

    low, high = 0, len(parts)
    while low < high:
        middle = (low + high + 1) // 2
        fits = text_width(canvas, cut(middle), size, weight) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return cut(low)
