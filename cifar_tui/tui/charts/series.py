"""The series of a run that are drawn: loss, accuracy, its learning rate, its metrics, and what its devices did."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cifar_tui.events import Epoch
from cifar_tui.formatting import UNKNOWN, byte_unit, four_digits, percent
from cifar_tui.state.curve import Point
from cifar_tui.state.run_state import RunState
from cifar_tui.state.usage import Quantity, quantity
from cifar_tui.tui.charts.axes import plain_unit

Role = Literal["batches", "checks", "rates"]
"""What the values of a curve are: noisy ones of batches or samples, evaluations, or a learning rate."""
LEARNING_RATE = "learning rate"
EVALUATED = ("validation/", "test/")
"""What the names of metrics begin with that were not measured in training."""
_FRACTION = re.compile(r"(.*[_/ -])?(accuracy|acc|top[-_]?\d+)$", re.IGNORECASE)
"""Names of metrics that are fractions, where their values are."""


@dataclass(frozen=True, slots=True)
class Series:
    """Which series of a run, of any run that has it.

    Attributes:
        kind: Where the state has it; `main` are loss and accuracy, of training and validation.
        name: Its name there.
    """

    kind: Literal["main", "lr", "metric", "device"]
    name: str

    @property
    def is_evaluated(self) -> bool:
        """Whether it has a value for each evaluation, rather than for each batch."""
        return self.kind == "metric" and self.name.startswith(EVALUATED)


LOSS, ACCURACY = Series("main", "loss"), Series("main", "accuracy")
MAIN = (LOSS, ACCURACY)


def main_series(state: RunState) -> list[Series]:
    """Those of loss and accuracy of which a run has any value, be it one that is no number."""
    return [each for each in MAIN if _training(state, each) or _validation(state, each)]


def all_series(state: RunState) -> list[Series]:
    """All others that a run has, in the order in which they came."""
    rate = [Series("lr", LEARNING_RATE)] if learning_rates(state) else []
    metrics = [Series("metric", name) for name, curve in state.metrics.items() if curve.points]
    return rate + metrics + [Series("device", name) for name, curve in state.history.items() if curve.points]


def device_series(state: RunState) -> list[Series]:
    """What the devices of a run did: its GPUs first."""
    found = [each for each in all_series(state) if each.kind == "device"]
    return sorted(found, key=lambda each: "gpu " not in each.name)


def curves(state: RunState, series: Series) -> list[tuple[Role, list[Point]]]:
    """The curves of a series with their points, of which some may not be finite; none that the run does not have."""
    found: list[tuple[Role, list[Point]]] = []
    match series.kind:
        case "main":
            found = [("batches", _training(state, series)), ("checks", _validation(state, series))]
        case "lr":
            found = [("rates", learning_rates(state))]
        case "metric":
            curve = state.metrics.get(series.name)
            found = [("checks" if series.is_evaluated else "batches", curve.points if curve else [])]
        case "device":
            curve = state.history.get(series.name)
            found = [("batches", curve.points if curve else [])]
    return [(role, points) for role, points in found if points]


def finite(points: Sequence[Point]) -> list[Point]:
    """The points that can be drawn."""
    return [point for point in points if math.isfinite(point.mean)]


def training(state: RunState, series: Series) -> list[Point]:
    """The finite values of the training batches, or the means over epochs where no batch was recorded."""
    return finite(_training(state, series))


def validation(state: RunState, series: Series) -> list[Point]:
    """The finite values of the validation after each complete epoch."""
    return finite(_validation(state, series))


def broken(state: RunState, series: Series, points: Sequence[Point]) -> list[Point]:
    """The points with a value that is no number, but for what other trainings have just not logged.

    After NaN, weights are NaN: where a number follows, it was no result, but a batch or an epoch without a value.
    """
    found = [point for point in points if point.broken]
    if not found or series.kind != "main" or _is_own(state):
        return found
    last = max((point.last for point in points if math.isfinite(point.mean)), default=0)
    sparse = any(math.isnan(point.broken) and point.last < last for point in found)
    return [point for point in found if math.isinf(point.broken)] if sparse else found


def _training(state: RunState, series: Series) -> list[Point]:
    curve = state.batch_loss if series == LOSS else state.batch_accuracy
    points = curve.points or _by_epochs(state, lambda e: e.train_loss if series == LOSS else e.train_accuracy)
    return points if _is_measured(state, points) else []


def _validation(state: RunState, series: Series) -> list[Point]:
    points = _by_epochs(state, lambda e: e.val_loss if series == LOSS else e.val_accuracy)
    return points if _is_measured(state, points) else []


def _is_measured(state: RunState, points: Sequence[Point]) -> bool:
    """Whether values that are no numbers were computed so: of other trainings, they are what nobody has logged."""
    return _is_own(state) or _any(points)


def _is_own(state: RunState) -> bool:
    return state.started is not None and not state.started.source


def _any(points: Sequence[Point]) -> bool:
    return any(math.isfinite(point.mean) for point in points)


def _by_epochs(state: RunState, value: Callable[[Epoch], float]) -> list[Point]:
    values = ((epoch, value(epoch)) for epoch in state.epochs)
    return [Point(e.samples, e.samples, e.t, y, y, y, 1, 0.0 if math.isfinite(y) else y) for e, y in values]


def learning_rates(state: RunState) -> list[Point]:
    """The learning rates that were recorded, by batches or else by epochs."""
    if state.batch_lr.points:
        return state.batch_lr.points
    return finite(_by_epochs(state, lambda e: e.lr))


def quantity_of(series: Series, points: Sequence[Point]) -> Quantity | None:
    """What its values are, as far as that is known; None for plain numbers."""
    if series.kind == "device":
        return quantity(series.name)
    if series == ACCURACY:
        return "fraction"
    within = all(point.low >= 0 and point.high <= 1 for point in points)
    return "fraction" if series.kind == "metric" and within and _FRACTION.match(series.name) else None


def in_words(value: float, what: Quantity | None) -> str:
    """A value with its unit; `NaN` and `inf` are values too."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    match what:
        case "fraction":
            return percent(value)
        case "bytes" | "bytes/s":
            size, name = byte_unit(value)
            return f"{value / size:.3g} {name}{'/s' if what == 'bytes/s' else ''}"
        case "°C" | "W":
            return f"{value:.0f} {what}"
        case "cores":
            return f"{value:.2f} cores"
        case None:
            return four_digits(value)


def axis_unit(most: float, what: Quantity | None) -> tuple[float, str]:
    """What the labels of the y axis count for values up to this one, and its name; empty for plain numbers."""
    if what in ("bytes", "bytes/s"):
        size, name = byte_unit(most)
        return size, f"{name}{'/s' if what == 'bytes/s' else ''}"
    if what == "fraction":
        return 0.01, "%"
    if what is not None:
        return 1.0, what
    unit = plain_unit(most)
    return unit, "" if unit == 1 else f"1e{round(math.log10(unit))}"


def latest(state: RunState, series: Series) -> float:
    """The last value of a series that is not of `main`; NaN where there is none."""
    match series.kind:
        case "lr":
            points = learning_rates(state)
            return state.batch_lr.latest if state.batch_lr.points else points[-1].mean if points else math.nan
        case "metric":
            curve = state.metrics.get(series.name)
        case _:
            curve = state.history.get(series.name)
    return curve.latest if curve is not None else math.nan


def last_values(state: RunState) -> Iterator[tuple[Series, str]]:
    """All series of a run but loss and accuracy, each with its last value in words."""
    for series in all_series(state):
        points = [point for _, points in curves(state, series) for point in points]
        known = finite(points)
        yield series, in_words(latest(state, series), quantity_of(series, known)) if points else UNKNOWN
