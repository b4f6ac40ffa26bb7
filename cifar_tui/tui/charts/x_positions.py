"""Where on the x axis the points of a run lie, in epochs, samples seen or seconds, and where the cursor goes there."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from cifar_tui.events import Epoch
from cifar_tui.formatting import count, duration
from cifar_tui.state.curve import Point
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.charts.axes import Axis, XAxis
from cifar_tui.tui.charts.series import Series

MOST_CLOCKS = 16
FEW_CHECKS = 3
"""The least visible evaluations that are gone through; of fewer, batches are what there is to read."""
CHECKS_PER_COLUMN = 3
"""The most evaluations in a column that are gone through one by one: a key that is held would take too long."""
SAME = 1e-6
"""Places that lie nearer to each other, in parts of the axis, are the same."""


def version(state: RunState) -> tuple[object, ...]:
    """Equal as long as the curves are the same."""
    return id(state), state.t, state.samples, len(state.epochs), len(state.resumptions), state.finished


def samples_per_epoch(state: RunState) -> float | None:
    """The samples of an epoch: as planned, or else as those had that are over; None where nobody counts epochs."""
    if state.started is not None and state.started.train_samples:
        return state.started.train_samples
    last = state.epochs[-1] if state.epochs else None
    return last.samples / last.epoch if last is not None and last.samples > 0 and last.epoch > 0 else None


def samples_per_unit(kind: XAxis, state: RunState) -> float:
    """How many samples a unit of the x axis stands for, where it is not one of time; 1 where nobody counts epochs."""
    return (samples_per_epoch(state) or 1) if kind == "epochs" else 1


def x_name(kind: XAxis, state: RunState) -> str:
    """What the x axis counts: epochs, and samples where nobody counts those, or what `samples` are, or time."""
    if kind == "time" or (kind == "epochs" and samples_per_epoch(state)):
        return kind
    return "steps" if state.started is not None and state.started.unit == "steps" else "samples"


@dataclass(frozen=True, slots=True)
class Clock:
    """When a run had seen how many samples, in proportion between what was recorded.

    Attributes:
        times: Seconds, ascending, from 0.
        samples: Ascending likewise.
    """

    times: tuple[float, ...]
    samples: tuple[float, ...]

    @staticmethod
    def of(state: RunState) -> Clock:
        """Read it from a run."""
        key = version(state)
        if key not in _CLOCKS:
            if len(_CLOCKS) >= MOST_CLOCKS:
                _CLOCKS.clear()
            _CLOCKS[key] = _read_clock(state)
        return _CLOCKS[key]

    def samples_at(self, t: float) -> float:
        """The samples that were seen at this time."""
        return _between(self.times, self.samples, t)

    def time_at(self, samples: float) -> float:
        """The time at which so many samples were seen."""
        return _between(self.samples, self.times, samples)


_CLOCKS: dict[tuple[object, ...], Clock] = {}
"""Those of the last states that were asked for, by their version."""


def _read_clock(state: RunState) -> Clock:
    curves = [state.batch_loss, *state.metrics.values()]
    recorded = max(curves, key=lambda curve: len(curve.points)).points
    times, samples = [0.0], [0.0]
    for t, seen in sorted([*((p.t, p.last) for p in recorded), *((e.t, e.samples) for e in state.epochs)]):
        if t > times[-1]:
            times.append(t)
            samples.append(max(samples[-1], seen))
    return Clock(tuple(times), tuple(samples))


def _between(froms: Sequence[float], to: Sequence[float], value: float) -> float:
    place = bisect_right(froms, value) - 1
    if place < 0 or place == len(froms) - 1:
        return to[max(place, 0)]
    share = (value - froms[place]) / (froms[place + 1] - froms[place])
    return to[place] + share * (to[place + 1] - to[place])


def positions(state: RunState, series: Series, points: Sequence[Point], kind: XAxis) -> list[float]:
    """The positions of a series' points on the x axis, ascending."""
    if kind == "time":
        return [point.t for point in points]
    unit = samples_per_unit(kind, state)
    if series.kind == "device":
        clock = Clock.of(state)
        return [clock.samples_at(point.t) / unit for point in points]
    return [point.last / unit for point in points]


def extent(state: RunState, kind: XAxis) -> tuple[float, float]:
    """How far a run that has started is on the x axis, and how far it will go; infinite where that is unknown."""
    assert state.started is not None
    if kind == "time":
        curves = (state.batch_loss, *state.metrics.values(), *state.history.values())
        ends = [curve.points[-1].t for curve in curves if curve.points] + [epoch.t for epoch in state.epochs[-1:]]
        return max(ends, default=0.0), math.inf
    unit = samples_per_unit(kind, state)
    if kind == "epochs" and samples_per_epoch(state):
        return state.samples / unit, float(state.started.epochs or math.inf)
    return state.samples / unit, (state.planned_samples or math.inf) / unit


def resumed(state: RunState, kind: XAxis) -> list[float]:
    """Where on the x axis a run was resumed, after a pause or a stop."""
    if kind == "time":
        return [event.t for event in state.resumptions]
    unit = samples_per_unit(kind, state)
    return [event.samples / unit for event in state.resumptions]


def best_epoch_end(state: RunState, kind: XAxis) -> float | None:
    """Where on the x axis the best epoch ends."""
    best = state.best or state.best_by_loss
    if best is None:
        return None
    return best.t if kind == "time" else best.samples / samples_per_unit(kind, state)


def epoch_at(state: RunState, kind: XAxis, x: float) -> Epoch | None:
    """The epoch that ends at a place on the x axis; None where none does."""
    samples = in_other_unit(state, x, kind, "samples")
    at = nearest([epoch.samples for epoch in state.epochs], samples)
    return state.epochs[at] if at is not None and abs(state.epochs[at].samples - samples) < 0.5 else None


def in_other_unit(state: RunState, x: float, kind: XAxis, other: XAxis) -> float:
    """A place on one x axis as one on another."""
    clock = Clock.of(state)
    samples = clock.samples_at(x) if kind == "time" else x * samples_per_unit(kind, state)
    return clock.time_at(samples) if other == "time" else samples / samples_per_unit(other, state)


def place_words(state: RunState, kind: XAxis, x: float) -> list[str]:
    """A place in words, first what the x axis counts: `epoch 3.20`, `epoch 5`, `160,000 images`, `5.5 s`."""
    samples = in_other_unit(state, x, kind, "samples")
    words: dict[str, str] = {}
    if per_epoch := samples_per_epoch(state):
        words["epochs"] = f"epoch {samples / per_epoch:.2f}".removesuffix(".00")
    words["samples"] = f"{count(round(samples))} {state.started.unit if state.started else 'images'}"
    words["time"] = duration(x if kind == "time" else in_other_unit(state, x, kind, "time"))
    first = words.pop(kind, None)
    return [*([first] if first else []), *words.values()]


def nearest(xs: Sequence[float], x: float) -> int | None:
    """The index of the value nearest to `x`, the first of equals; None where there is none."""
    if not xs:
        return None
    place = bisect_left(xs, x)
    candidates = range(max(place - 1, 0), min(place + 1, len(xs)))
    return min(candidates, key=lambda i: abs(xs[i] - x))


def stepped(
    cursor: float | None, delta: int, stops: Sequence[float], checks: Sequence[float], axis: Axis, columns: int
) -> float:
    """The place of the cursor after so many steps.

    Args:
        cursor: Its place now; None where there is no cursor: it appears at the last place.
        delta: The steps, negative ones to the left.
        stops: The visible places with a value, ascending, at least one.
        checks: Those of them with an evaluation: the ends of epochs.
        axis: The x axis.
        columns: Of the chart.
    """
    if len(checks) >= FEW_CHECKS:
        stops = checks if checks[-1] >= stops[-1] else [*checks, stops[-1]]
    if cursor is None:
        return stops[-1]
    if FEW_CHECKS <= len(checks) <= CHECKS_PER_COLUMN * columns:
        same = SAME * (axis.high - axis.low)
        at = bisect_left(stops, cursor - same) if delta < 0 else bisect_right(stops, cursor + same) - 1
        return stops[min(max(at + delta, 0), len(stops) - 1)]
    at = nearest(stops, cursor) or 0
    column = min(int(axis.position(stops[at]) * columns), columns - 1) + delta
    if delta > 0:
        reached = max(bisect_left(stops, axis.value(column / columns)), at + 1)
    else:
        reached = min(bisect_left(stops, axis.value((column + 1) / columns)) - 1, at - 1)
    return stops[min(max(reached, 0), len(stops) - 1)]
