"""The pictures of a comparison: validation curves of several runs, and their accuracies by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cifar_tui.analysis import ClassScore
from cifar_tui.state import RunState
from cifar_tui.store.plots.canvas import (
    BLUE,
    DRAWING,
    FONT,
    GREY,
    INK,
    RULE,
    VERMILLION,
    fitted,
    new_canvas,
    png,
    text_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette once more; what comes after it has other markers too.
COLOURS = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MOST_CLASSES = 40
"""Of more classes, those are shown in which the runs differ most."""
_MARKED_EPOCHS = 60
_LARGEST = 1e30


def draw_curves_of_runs(labels: Sequence[str], states: Sequence[RunState]) -> bytes:
    """Validation loss and accuracy of several runs against the training images seen, on 1,800 × 825 pixels.

    Training is faint behind, and each best epoch has a star.
    """
    with DRAWING:
        canvas = new_canvas(12, 5.5)
        figure = canvas.figure
        loss, accuracy = figure.add_axes((0.055, 0.25, 0.41, 0.65)), figure.add_axes((0.56, 0.25, 0.41, 0.65))
        _prepare(loss, "Loss", states)
        _prepare(accuracy, "Accuracy", states)
        for n, (label, state) in enumerate(zip(labels, states, strict=True)):
            style = _style(n)
            marker = style.pop("marker") if len(state.epochs) <= _MARKED_EPOCHS else "none"
            samples = [epoch.samples for epoch in state.epochs]
            for axes, name, scale in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
                train, val = (
                    [scale * _finite(getattr(epoch, f"{split}_{name}")) for epoch in state.epochs]
                    for split in ("train", "val")
                )
                faint: dict[str, Any] = style | {"linewidth": 1.1, "alpha": 0.6, "linestyle": (0, (1, 1.5))}
                axes.plot(samples, train, **faint, zorder=2)
                axes.plot(samples, val, marker=marker, markersize=4.5, linewidth=1.6, **style, zorder=3)
                if state.best:
                    best = scale * _finite(getattr(state.best, f"val_{name}"))
                    star: dict[str, Any] = {"marker": "*", "markersize": 14, "markeredgecolor": INK}
                    axes.plot([state.best.samples], [best], **style, **star, linestyle="none", zorder=4)
            name = fitted(canvas, label, 9.5, 2.5)
            accuracy.plot([], [], label=name, marker=marker, markersize=4.5, linewidth=1.6, **style)
        accuracy.plot([], [], color=GREY, linewidth=1.1, linestyle=(0, (1, 1.5)), label="training, of the same colour")
        handles, names = accuracy.get_legend_handles_labels()
        font = {"family": FONT, "size": 9.5}
        figure.legend(handles, names, loc="lower center", ncols=4, frameon=False, prop=font, labelcolor=INK)
        return png(canvas)


def draw_classes_of_runs(labels: Sequence[str], scores: Sequence[Sequence[ClassScore]]) -> bytes:
    """The accuracy of several runs on each class: a row for each, a mark for each run.

    Args:
        labels: What the runs are called.
        scores: Those of the same K classes, for each run.
    """
    shares = [[score.recall for score in run] for run in scores]
    shown = _most_different(shares)
    height = 1.25 + 0.32 * len(shown)
    with DRAWING:
        canvas = new_canvas(9, height)
        figure = canvas.figure
        names = [fitted(canvas, scores[0][k].name, 9.5, 1.9) for k in shown]
        axes = figure.add_axes((0.24, 0.62 / height, 0.72, (height - 1.17) / height))
        _prepare_classes(axes, names)
        rows = range(len(shown))
        for row, k in zip(rows, shown, strict=True):
            known = [100 * run[k] for run in shares if math.isfinite(run[k])]
            if known:
                axes.plot([min(known), max(known)], [row, row], color=RULE, linewidth=4, zorder=2)
        for n, (label, run) in enumerate(zip(labels, shares, strict=True)):
            name = fitted(canvas, label, 9.5, 2.0)
            values = [100 * run[k] for k in shown]
            axes.plot(values, list(rows), linestyle="none", markersize=7, label=name, zorder=3, **_style(n))
        font = {"family": FONT, "size": 9.5}
        handles, entries = axes.get_legend_handles_labels()
        figure.legend(handles, entries, loc="lower left", ncols=4, frameon=False, prop=font, labelcolor=INK)
        of = f"Accuracy by class, on the test images{'' if len(shown) == len(scores[0]) else f': {len(shown)} classes'}"
        figure.text(0.02, 1 - 0.33 / height, of, **text_style(12, weight="bold"))
        return png(canvas)


def _style(run: int) -> dict[str, Any]:
    """The colour and the marker of a run, by its number; seven times seven differ."""
    colours, markers = len(COLOURS), len(MARKERS)
    return {"color": COLOURS[run % colours], "marker": MARKERS[(run + run // colours) % markers]}


def _most_different(shares: Sequence[Sequence[float]]) -> list[int]:
    """The classes to show, in their order."""

    def spread(k: int) -> float:
        known = [run[k] for run in shares if math.isfinite(run[k])]
        return max(known) - min(known) if known else -1.0

    by_spread = sorted(range(len(shares[0])), key=lambda k: -spread(k))
    return sorted(by_spread[:MOST_CLASSES])


def _finite(value: float) -> float:
    return value if abs(value) <= _LARGEST else math.nan


def _prepare(axes: Axes, title: str, states: Sequence[RunState]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    _plain(axes)
    axes.set_title(title, loc="left", pad=9, **text_style(12))
    last = max([1, *(epoch.samples for state in states for epoch in state.epochs[-1:])])
    axes.set_xlim(0, last * 1.02)
    unit, suffix = (10**6, " M") if last >= 10**6 else (1000, " k") if last >= 10**4 else (1, "")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / unit:.4g}{suffix}" if x else "0"))
    axes.set_xlabel("training images seen", **text_style(10, GREY))
    if title == "Accuracy":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.4g} %" if -1e-9 <= y <= 100 + 1e-9 else ""))
    else:
        axes.set_ylabel("cross-entropy, in nats", **text_style(10, GREY))


def _prepare_classes(axes: Axes, names: Sequence[str]) -> None:
    from matplotlib.ticker import FuncFormatter

    _plain(axes)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names, **text_style(9.5))
    axes.set_xlim(-1, 101)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.4g} %"))


def _plain(axes: Axes) -> None:
    axes.set_facecolor("white")
    axes.grid(visible=True, color=RULE, linewidth=0.7, linestyle="-")
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GREY)
    axes.tick_params(labelsize=9.5, labelcolor=INK, labelfontfamily=FONT, color=GREY, length=3)
    axes.tick_params(axis="y", which="both", length=0)
