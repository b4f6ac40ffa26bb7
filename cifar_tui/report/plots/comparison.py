"""The pictures of a comparison: validation curves of several runs, and their accuracies by class."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cifar_tui.analysis.class_scores import ClassScore
from cifar_tui.events import Epoch
from cifar_tui.report.plots.canvas import (
    BLUE,
    DRAWING,
    GREY,
    INK,
    LARGEST,
    LOG_RATIO,
    RULE,
    VERMILLION,
    finite,
    fitted,
    new_canvas,
    png,
    set_accuracy_ticks,
    set_samples_axis,
    style_axes,
    text_style,
)
from cifar_tui.report.plots.fonts import families, find
from cifar_tui.state.run_state import RunState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette once more; what comes after it has other markers too.
COLOURS = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MOST_CLASSES = 40
"""Of more classes, those are shown in which the runs differ most."""
FAINT: dict[str, Any] = {"linewidth": 1.1, "linestyle": (0, (1, 1.5))}
STAR: dict[str, Any] = {"marker": "*", "markersize": 14, "markeredgecolor": INK, "linestyle": "none"}
_MARKED_EPOCHS = 60
# The legend's columns, and the height of its rows in inches.
_LEGEND_COLUMNS, _LEGEND_ROW = 4, 0.25


def draw_curves_of_runs(labels: Sequence[str], states: Sequence[RunState]) -> bytes:
    """Validation loss and accuracy of several runs against the training images seen, 1,800 pixels wide.

    Training is faint behind, and each best epoch has a star.
    """
    below = 0.85 + _LEGEND_ROW * math.ceil((len(labels) + 2) / _LEGEND_COLUMNS)
    height = below + 4.4
    with DRAWING:
        canvas = new_canvas(12, height)
        figure = canvas.figure
        loss, accuracy = (figure.add_axes((x, below / height, 0.41, 3.75 / height)) for x in (0.055, 0.56))
        _prepare(loss, "Loss", states)
        _prepare(accuracy, "Accuracy", states)
        metrics: list[tuple[Axes, int, Callable[[Epoch], float], Callable[[Epoch], float]]] = [
            (loss, 1, lambda epoch: epoch.train_loss, lambda epoch: epoch.val_loss),
            (accuracy, 100, lambda epoch: epoch.train_accuracy, lambda epoch: epoch.val_accuracy),
        ]
        named: list[tuple[str, Any]] = []
        for n, (label, state) in enumerate(zip(labels, states, strict=True)):
            marker = _marker(n) if len(state.epochs) <= _MARKED_EPOCHS else "none"
            line: dict[str, Any] = {"color": _colour(n), "marker": marker, "markersize": 4.5, "linewidth": 1.6}
            samples = [epoch.samples for epoch in state.epochs]
            # A line of one point would not be seen.
            dot = "." if len(samples) == 1 else "none"
            for axes, scale, train, val in metrics:
                trained, validated = ([scale * finite(of(epoch)) for epoch in state.epochs] for of in (train, val))
                axes.plot(samples, trained, color=_colour(n), marker=dot, alpha=0.6, zorder=2, **FAINT)
                axes.plot(samples, validated, zorder=3, **line)
                if best_epoch := state.best or state.best_by_loss:
                    best = scale * finite(val(best_epoch))
                    axes.plot([best_epoch.samples], [best], color=_colour(n), zorder=4, **STAR)
            named.append((fitted(canvas, label, 9.5, 2.2), accuracy.plot([], [], **line)[0]))
        named.append(("in training, of the same colour", accuracy.plot([], [], color=GREY, **FAINT)[0]))
        named.append(("best epoch", accuracy.plot([], [], color="white", **STAR)[0]))
        _set_loss_scale(loss, states)
        _add_legend(figure, named)
        return png(canvas)


def draw_classes_of_runs(labels: Sequence[str], scores: Sequence[Sequence[ClassScore]]) -> bytes:
    """The accuracy of several runs on each class: a row for each, a mark for each run.

    Args:
        labels: What the runs are called.
        scores: Those of the same K classes, for each run.
    """
    shares = [[score.recall for score in run] for run in scores]
    shown = _most_different(shares)
    below = 0.42 + _LEGEND_ROW * math.ceil(len(labels) / _LEGEND_COLUMNS)
    height = below + 0.6 + 0.32 * len(shown)
    with DRAWING:
        canvas = new_canvas(9, height)
        figure = canvas.figure
        find([scores[0][k].name for k in shown])
        names = [fitted(canvas, scores[0][k].name, 9.5, 1.9) for k in shown]
        axes = figure.add_axes((0.24, below / height, 0.72, 0.32 * len(shown) / height))
        _prepare_classes(axes, names)
        rows = range(len(shown))
        for row, k in zip(rows, shown, strict=True):
            known = [100 * run[k] for run in shares if math.isfinite(run[k])]
            if known:
                axes.plot([min(known), max(known)], [row, row], color=RULE, linewidth=4, zorder=2)
        named: list[tuple[str, Any]] = []
        for n, (label, run) in enumerate(zip(labels, shares, strict=True)):
            mark: dict[str, Any] = {"color": _colour(n), "marker": _marker(n), "markersize": 7, "linestyle": "none"}
            (points,) = axes.plot([100 * run[k] for k in shown], list(rows), zorder=3, **mark)
            named.append((fitted(canvas, label, 9.5, 1.7), points))
        _add_legend(figure, named)
        of = f"Accuracy by class, on the test images{'' if len(shown) == len(scores[0]) else f': {len(shown)} classes'}"
        figure.text(0.02, 1 - 0.33 / height, of, **text_style(12, weight="bold"))
        return png(canvas)


def _colour(run: int) -> str:
    return COLOURS[run % len(COLOURS)]


def _marker(run: int) -> str:
    """Of seven runs, each has its own; the next seven have others in the same colours."""
    return MARKERS[(run + run // len(COLOURS)) % len(MARKERS)]


def _add_legend(figure: Figure, named: Sequence[tuple[str, Any]]) -> None:
    """The legend, at the bottom; a name is plain text, whatever it begins with or holds."""
    names, handles = zip(*named, strict=True)
    font = {"family": families("".join(names)), "size": 9.5}
    legend = figure.legend(
        handles, names, loc="lower center", ncols=_LEGEND_COLUMNS, frameon=False, prop=font, labelcolor=INK
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _most_different(shares: Sequence[Sequence[float]]) -> list[int]:
    """The classes to show, in their order."""

    def spread(k: int) -> float:
        known = [run[k] for run in shares if math.isfinite(run[k])]
        return max(known) - min(known) if known else -1.0

    by_spread = sorted(range(len(shares[0])), key=lambda k: -spread(k))
    return sorted(by_spread[:MOST_CLASSES])


def _prepare(axes: Axes, title: str, states: Sequence[RunState]) -> None:
    style_axes(axes)
    axes.set_title(title, loc="left", pad=9, **text_style(12))
    last = max([1, *(epoch.samples for state in states for epoch in state.epochs[-1:])])
    set_samples_axis(axes, last, "training images seen")
    if title == "Accuracy":
        set_accuracy_ticks(axes)
    else:
        axes.set_ylabel("cross-entropy, in nats", **text_style(10, GREY))


def _set_loss_scale(axes: Axes, states: Sequence[RunState]) -> None:
    losses = [loss for state in states for epoch in state.epochs for loss in (epoch.train_loss, epoch.val_loss)]
    known = [loss for loss in losses if 0 < loss <= LARGEST]
    if known and max(known) / min(known) > LOG_RATIO:
        axes.set_yscale("log")


def _prepare_classes(axes: Axes, names: Sequence[str]) -> None:
    from matplotlib.ticker import FuncFormatter

    style_axes(axes)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names, **text_style(9.5, text="".join(names)))
    axes.set_xlim(-1, 101)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.4g} %"))
