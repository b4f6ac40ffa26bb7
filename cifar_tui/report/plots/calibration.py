"""`calibration.png`: a reliability diagram, accuracy against confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cifar_tui.analysis.calibration import BINS, Bin, Calibration
from cifar_tui.formatting import percent
from cifar_tui.report.plots.canvas import BLUE, DRAWING, GREY, INK, VERMILLION, new_canvas, png, style_axes, text_style
from cifar_tui.report.plots.fonts import FONT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes


def draw_calibration(calibration: Calibration) -> bytes:
    """A reliability diagram on 1,050 × 1,050 pixels, and below it how many images have which confidence."""
    bins = [each for each in calibration.bins if each.images]
    with DRAWING:
        canvas = new_canvas(7, 7)
        figure = canvas.figure
        figure.text(0.12, 0.955, "Confidence on the test images", **text_style(12, weight="bold"))
        words = (
            f"accuracy {percent(calibration.accuracy)}, mean confidence {percent(calibration.confidence)}, "
            f"expected calibration error {percent(calibration.error)}"
        )
        figure.text(0.12, 0.92, words, **text_style(9.5, GREY))
        upper, lower = figure.add_axes((0.12, 0.34, 0.84, 0.55)), figure.add_axes((0.12, 0.13, 0.84, 0.15))
        for axes in (upper, lower):
            _prepare(axes)
        upper.set_ylim(0, 1.02)
        upper.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), label="perfect calibration")
        _draw_bars(upper, bins, [each.accuracy for each in bins], label="accuracy of the bin")
        marker: dict[str, Any] = {"linestyle": "none", "marker": "D", "markersize": 5, "zorder": 4}
        confidences = [each.confidence for each in bins]
        upper.plot(confidences, confidences, color=VERMILLION, label="mean confidence of the bin", **marker)
        upper.set_ylabel("accuracy", **text_style(10, GREY))
        upper.legend(loc="upper left", frameon=False, prop={"family": FONT, "size": 9.5}, labelcolor=INK)
        _draw_bars(lower, bins, [each.images / calibration.images for each in bins])
        lower.set_ylim(0, None)
        lower.set_ylabel("share of images", **text_style(10, GREY))
        lower.set_xlabel("confidence: the probability of the predicted class", **text_style(10, GREY))
        return png(canvas)


def _prepare(axes: Axes) -> None:
    """Both axes from 0 to 100 %."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    axes.set_xlim(0, 1)
    style_axes(axes)
    axes.xaxis.set_major_locator(MultipleLocator(0.2))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g} %"))


def _draw_bars(axes: Axes, bins: Sequence[Bin], heights: Sequence[float], label: str = "") -> None:
    middles = [(each.low + each.high) / 2 for each in bins]
    axes.bar(middles, heights, width=0.92 / BINS, color=BLUE, alpha=0.75, zorder=2, label=label)
