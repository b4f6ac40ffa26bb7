"""What the pictures share: canvas, colours, axes, and text that is cut to fit."""

from __future__ import annotations

import io
import math
import threading
from typing import TYPE_CHECKING, Any

from cifar_tui.formatting import printable
from cifar_tui.report.plots.fonts import FONT, drawable, families
from cifar_tui.system.text_width import characters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

DPI = 150
# Okabe and Ito's palette, which colour-blind people can tell apart.
BLUE, VERMILLION = "#0072B2", "#D55E00"
INK, GREY, RULE = "#222222", "#666666", "#DDDDDD"

DRAWING = threading.Lock()
"""Held while a picture is drawn: matplotlib promises nothing about threads."""

LARGEST = 1e30
"""Values beyond are left out like infinities: an axis cannot show them without overflowing."""
LOG_RATIO = 100
"""Losses that span more than this are drawn on a logarithmic axis."""

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


def finite(value: float) -> float:
    """The value where an axis can show it, else NaN, which leaves a gap."""
    return value if abs(value) <= LARGEST else math.nan


def style_axes(axes: Axes) -> None:
    """A light grid on white, and a line at the bottom alone."""
    axes.set_facecolor("white")
    axes.grid(visible=True, color=RULE, linewidth=0.7, linestyle="-")
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GREY)
    axes.tick_params(labelsize=9.5, labelcolor=INK, labelfontfamily=FONT, color=GREY, length=3)
    axes.tick_params(axis="y", which="both", length=0)


def set_samples_axis(axes: Axes, last: int, label: str) -> None:
    """An x axis of training images from 0 to `last`, in thousands or millions where they are many."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(0, last * 1.02)
    unit, suffix = (10**6, " M") if last >= 10**6 else (1000, " k") if last >= 10**4 else (1, "")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / unit:.4g}{suffix}" if x else "0"))
    axes.set_xlabel(label, **text_style(10, GREY))


def set_accuracy_ticks(axes: Axes) -> None:
    """Percentages on the y axis, none beyond 0 and 100."""
    from matplotlib.ticker import FuncFormatter

    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.4g} %" if -1e-9 <= y <= 100 + 1e-9 else ""))
