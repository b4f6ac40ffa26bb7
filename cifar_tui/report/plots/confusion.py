"""`confusion_matrix.png`: the confusion matrix on the test images as an annotated heatmap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cifar_tui.analysis.class_scores import largest_confusions
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Evaluated
from cifar_tui.formatting import count, percent
from cifar_tui.report.plots import fonts
from cifar_tui.report.plots.canvas import DRAWING, GREY, fitted, new_canvas, png, text_style, text_width

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

_SMALLEST = 5.0
"""Points; smaller text cannot be read."""
_MOST_COUNTS = 2500
"""Cells with a count at most; more would take seconds to draw."""
_MOST_NAMED = 160
"""Classes whose names can be read beside each other; of more, so many are drawn that their counts can be read too."""
_FEWER = 50


def draw_confusion_matrix(test: Evaluated, classes: Sequence[str]) -> bytes:
    """Counts with the true classes down and the predicted ones across, each cell's colour its share of the row.

    The picture grows with the number of classes, to a matrix of 14 inches. Counts that would be too small to read are
    left out. Of more classes than can be named, those with the largest confusions are drawn, and the picture says so.

    Args:
        test: The evaluation, with (K, K) counts.
        classes: The K class names.
    """
    import numpy as np

    matrix = test.confusion
    drawn = range(len(classes)) if len(classes) <= _MOST_NAMED else _most_confused_classes(matrix, _FEWER)
    counts = np.array([[matrix.count(i, j) for j in drawn] for i in drawn], dtype=np.int64)
    images = np.array(matrix.true)[list(drawn)]
    shares = counts / np.maximum(images[:, np.newaxis], 1)
    k = len(drawn)
    side = min(max(0.6 * k, 3.6), 14.0)
    cell = side / k
    size = min(10.0, max(_SMALLEST, 0.8 * 72 * cell))
    with DRAWING:
        from matplotlib import colormaps
        from matplotlib.colors import PowerNorm

        # Names are measured before anything is placed, so that the margins hold them; all lengths in inches.
        ruler = new_canvas(1, 1)
        fonts.find(classes)
        names = [fitted(ruler, classes[i], size, 2.0) for i in drawn]
        style = text_style(size, text="".join(names))
        longest = max(text_width(ruler, name, size) for name in names)
        upright = longest > 0.92 * cell
        left, bottom = 0.6 + longest, 0.52 + (longest if upright else size / 72)
        width, height = left + side + 1.1, bottom + side + 0.85

        canvas = new_canvas(width, height)
        figure = canvas.figure
        axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
        # The square root tells one confusion in a hundred from none.
        norm, colours = PowerNorm(0.5, 0.0, 1.0), colormaps["Blues"]
        edges = np.arange(k + 1) - 0.5
        # Not as an image: enlarging one takes 150 MB.
        mesh = axes.pcolormesh(edges, edges, shares, cmap=colours, norm=norm, antialiased=False, snap=True)
        axes.set_ylim(k - 0.5, -0.5)
        axes.set_xticks(range(k), names, **style, rotation=90 if upright else 0)
        axes.set_yticks(range(k), names, **style)
        axes.tick_params(length=0, pad=5)
        for spine in axes.spines.values():
            spine.set_visible(False)
        _write_counts(axes, counts, shares, 72 * cell)
        figure.text((left + side / 2) / width, 0.15 / height, "predicted class", ha="center", **text_style(11))
        middle = (bottom + side / 2) / height
        figure.text(0.15 / width, middle, "true class", va="center", rotation=90, **text_style(11))
        figure.text(
            left / width, 1 - 0.38 / height, "Confusion matrix on the test images", **text_style(12, weight="bold")
        )
        right = f"{count(sum(matrix.right))} of {count(matrix.images)} right ({percent(test.accuracy)})"
        if k < len(classes):
            right += f"; shown: the {k} of {count(len(classes))} classes with the largest confusions"
        figure.text(left / width, 1 - 0.66 / height, right, **text_style(10, GREY))
        bar = min(side, 6.0)
        place = ((left + side + 0.18) / width, (bottom + side - bar) / height, 0.15 / width, bar / height)
        _add_scale(figure, mesh, place)
        return png(canvas)


def _most_confused_classes(matrix: ConfusionMatrix, most: int) -> list[int]:
    """Those of the largest confusions, in their order; where there are too few confusions, the first classes too."""
    chosen: dict[int, None] = {}
    for row, column, _ in largest_confusions(matrix, most * most):
        if len(chosen.keys() | {row, column}) <= most:
            chosen |= {row: None, column: None}
    chosen |= dict.fromkeys(range(most))
    return sorted([*chosen][:most])


def _write_counts(axes: Axes, counts: np.ndarray[Any, Any], shares: np.ndarray[Any, Any], cell: float) -> None:
    """The count in each cell of `cell` points, all in one size that fits; nothing where that is too small."""
    digits = max(len(count(int(counts.max()))), 2)
    size = min(11.0, 0.6 * cell, 0.85 * cell / (0.64 * digits))
    if size < _SMALLEST or counts.size > _MOST_COUNTS:
        return
    for (row, column), number in zip(_cells(counts), counts.flat, strict=True):
        # A bare zero in a large matrix only hides the others.
        if number or len(counts) <= 20:
            color = "white" if shares[row, column] > 0.36 else "#333333" if number else "#AAAAAA"
            style = text_style(size, color) | {"ha": "center", "va": "center_baseline"}
            axes.text(column, row, count(int(number)), **style)


def _cells(counts: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    return [(row, column) for row in range(len(counts)) for column in range(len(counts))]


def _add_scale(figure: Figure, mesh: QuadMesh, place: tuple[float, float, float, float]) -> None:
    """The colour scale, at `place`: left, bottom, width and height in parts of the figure."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    bar = figure.colorbar(mesh, cax=figure.add_axes(place), ticks=[0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1])
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f} %"))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.tick_params(labelsize=9, labelcolor=GREY, labelfontfamily=fonts.FONT, length=0)
    bar.ax.set_ylabel("share of the true class", labelpad=6, **text_style(10, GREY))
