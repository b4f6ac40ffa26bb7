"""`curves.png`: the learning curves against the training images seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from cifar_tui.events import Epoch
from cifar_tui.formatting import count, percent
from cifar_tui.report.plots.canvas import (
    BLUE,
    DRAWING,
    GREY,
    INK,
    LARGEST,
    LOG_RATIO,
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
from cifar_tui.report.plots.fonts import FONT
from cifar_tui.state.curve import Curve, Point
from cifar_tui.state.run_state import RunState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKED_EPOCHS = 60
"""Up to this many epochs, each has a marker."""


def draw_curves(state: RunState) -> bytes:
    """Loss and accuracy, training and validation, in two panels on 1,800 × 750 pixels.

    The loss within the epochs is faint behind; the best epoch and the places where training was resumed are marked.
    Values that are not finite leave gaps. Past `state.CURVE_POINTS` epochs, neighbours
    are drawn as their mean, with a band between their extremes.
    """
    with DRAWING:
        canvas = new_canvas(12, 5)
        figure = canvas.figure
        if state.started:
            data = f" on {state.started.data}" if state.started.data else ""
            title = f"{state.started.model}{data}  ·  {state.started.id}"
            title = fitted(canvas, title, 12, 10.9, "bold")
            figure.text(0.055, 0.935, title, **text_style(12, weight="bold", text=title))
        loss, accuracy = figure.add_axes((0.055, 0.2, 0.41, 0.64)), figure.add_axes((0.56, 0.2, 0.41, 0.64))
        _prepare(loss, "Loss", state)
        _prepare(accuracy, "Accuracy", state)

        _draw(loss, state.batch_loss.points, 1, color=BLUE, alpha=0.35, linewidth=0.8, label="training, by batches")
        style: dict[str, Any] = {"linewidth": 1.8, "zorder": 3}
        if len(state.epochs) > _MARKED_EPOCHS:
            style["linewidth"] = 1.2
        else:
            style["markersize"] = 4 if len(state.epochs) > 20 else 6
        style |= {"label": "training", "color": BLUE, "marker": "o" if "markersize" in style else "none"}
        _draw(loss, _epoch_points(state, lambda epoch: epoch.train_loss), 1, **style)
        _draw(accuracy, _epoch_points(state, lambda epoch: epoch.train_accuracy), 100, **style)
        style |= {"label": "validation", "color": VERMILLION, "marker": "s" if "markersize" in style else "none"}
        _draw(loss, _epoch_points(state, lambda epoch: epoch.val_loss), 1, **style)
        _draw(accuracy, _epoch_points(state, lambda epoch: epoch.val_accuracy), 100, **style)
        _set_loss_axis(loss, state)
        _set_accuracy_axis(accuracy, state)
        _mark_best(loss, accuracy, state)
        for axes in (loss, accuracy):
            for n, resumed in enumerate(state.resumptions):
                label = "" if n else "resumed"
                axes.axvline(resumed.samples, color=GREY, linewidth=1.2, linestyle=(0, (1, 2)), zorder=1, label=label)
        handles, labels = loss.get_legend_handles_labels()
        font = {"family": FONT, "size": 9.5}
        figure.legend(handles, labels, loc="lower center", ncols=5, frameon=False, prop=font, labelcolor=INK)
        return png(canvas)


def _prepare(axes: Axes, title: str, state: RunState) -> None:
    """The panel's title, grid and x axis."""
    axes.set_title(title, loc="left", pad=9, **text_style(12))
    style_axes(axes)
    last = max(1, state.samples, *(epoch.samples for epoch in state.epochs[-1:]))
    each = state.started.train_samples if state.started else None
    per_epoch = f" ({count(each)} in each epoch)" if each else ""
    what = "steps" if state.started and state.started.unit == "steps" else "training images seen"
    set_samples_axis(axes, last, f"{what}{per_epoch}")


def _epoch_points(state: RunState, value: Callable[[Epoch], float]) -> list[Point]:
    curve = Curve()
    for epoch in state.epochs:
        curve.append(epoch.samples, epoch.t, value(epoch))
    return curve.points


def _draw(axes: Axes, points: list[Point], scale: float, **style: Any) -> None:
    """A line through the means, and a band between the extremes where points stand for several values."""
    x = [(p.first + p.last) / 2 for p in points]
    axes.plot(x, [scale * finite(p.mean) for p in points], solid_joinstyle="round", **style)
    if any(p.count > 1 for p in points):
        low, high = ([scale * finite(getattr(p, side)) for p in points] for side in ("low", "high"))
        axes.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)


def _set_loss_axis(axes: Axes, state: RunState) -> None:
    """Limits that hold every epoch and most of the batches: one wild first batch must not flatten the rest."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    values = _all_finite(loss for e in state.epochs for loss in (e.train_loss, e.val_loss))
    batches = _all_finite(p.mean for p in state.batch_loss.points)
    values += sorted(batches)[len(batches) // 50 : max(1, len(batches) * 49 // 50)]
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.4g}"))
    label = "loss" if state.started and state.started.source else "mean cross-entropy"
    if values:
        low, high = min(values), max(values)
        if 0 < low * LOG_RATIO < high:
            axes.set_yscale("log")
            axes.set_ylim(low / 1.2, high * 1.2)
            axes.yaxis.set_major_locator(LogLocator(numticks=8))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.4g}"))
            axes.yaxis.set_minor_locator(NullLocator())
            label += ", logarithmic"
        else:
            axes.set_ylim(_limits(low, high, least_room=1e-9))
    axes.set_ylabel(label, **text_style(10, GREY))


def _set_accuracy_axis(axes: Axes, state: RunState) -> None:
    values = _all_finite(100 * share for e in state.epochs for share in (e.train_accuracy, e.val_accuracy))
    low, high = (min(values), max(values)) if values else (0.0, 100.0)
    # At least four points high: two close values are not to look far apart.
    axes.set_ylim(_limits(low, high, least_room=2 - (high - low) / 2))
    set_accuracy_ticks(axes)


def _limits(low: float, high: float, least_room: float) -> tuple[float, float]:
    """The limits of an axis that shows `low` to `high` with some room, and can tell its two ends apart."""
    room = max(0.06 * (high - low), least_room, 1e-3 * abs(low), 1e-3 * abs(high))
    return low - room, high + room


def _all_finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if abs(value) <= LARGEST]


def _mark_best(loss: Axes, accuracy: Axes, state: RunState) -> None:
    """A star on the validation curves at the best epoch, and its figures above the panels."""
    best = state.best or state.best_by_loss
    if best is None:
        return
    marks = [(loss, finite(best.val_loss), f"{best.val_loss:.4f}")]
    if math.isfinite(best.val_accuracy):
        marks.append((accuracy, 100 * best.val_accuracy, percent(best.val_accuracy)))
    elif state.best is not None:
        return
    for axes, value, figure in marks:
        axes.axvline(best.samples, color=VERMILLION, linewidth=0.8, alpha=0.5, zorder=1)
        star: dict[str, Any] = {
            "marker": "*",
            "markersize": 14,
            "markeredgecolor": INK,
            "linestyle": "none",
            "zorder": 4,
        }
        axes.plot([best.samples], [value], color=VERMILLION, label="best epoch", clip_on=False, **star)
        caption = f"best epoch ({count(best.epoch)}): validation {figure}"
        axes.set_title(caption, loc="right", pad=9, **text_style(10, VERMILLION))
