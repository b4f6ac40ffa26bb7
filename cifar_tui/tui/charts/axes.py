"""Axes that hold still during training: limits that grow in steps, ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

XAxis = Literal["epochs", "samples", "time"]
Tick = tuple[float, str]
"""Its value and its label."""

GROWTH = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
"""The limits of a growing axis, times powers of ten: it changes seldom, and is never much too long."""
NICE = (1.0, 2.0, 5.0, 10.0)
NICE_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
ACCURACY_LOW = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
ACCURACY_HIGH = (0.1, 0.2, 0.5, 1.0)
COLUMNS_PER_TICK, ROWS_PER_TICK, MOST_ROW_TICKS = 11, 3, 8
LABEL_LENGTH = 5
FLAT, LEAST_STEP = 0.1, 1e-4
"""The least part of a loss that its axis spans, so that a constant one is not drawn as noise; the least step."""
SPIKE = 2.5
"""From how many times the usual values on, a few values of a loss do not set the scale."""
USUAL = 0.98
"""The part of a curve's points that are usual."""
TINY = 1e-12
"""The lowest end of a logarithmic axis."""
STEADY = 0.02
"""The least part of any other value that its axis spans, likewise."""
LARGEST, SMALLEST = 1e300, 1e-300
"""Beyond these, numbers are drawn as these and as 0: an axis computes with them."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Limits, and ticks within them."""

    low: float
    high: float
    ticks: tuple[Tick, ...] = ()
    log: bool = False

    def position(self, value: float) -> float:
        """The position of a value: 0 at the start of the axis, 1 at its end. Never NaN."""
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        if value <= 0:
            return -1.0
        start = math.log(self.low)  # Of quotients, those of tiny values would be 0.
        return (math.log(value) - start) / (math.log(self.high) - start)


def x_axis(kind: XAxis, reached: float, planned: float, part: float, *, growing: bool, width: int) -> Axis:
    """The x axis of a run.

    Args:
        kind: Its unit: epochs, images seen, or seconds.
        reached: How far the run is.
        planned: How far it will go; infinite where that is unknown.
        part: How much of it is shown, from its end: 1 is all.
        growing: Whether it is training: the axis then extends beyond it, and changes in steps.
        width: Of the chart, in columns.
    """
    reached = max(reached, 0.0)
    if reached == 0.0:
        low, high = 0.0, (min(planned, 1.0) if kind == "epochs" else planned if math.isfinite(planned) else 10.0)
    elif part < 1:
        grid = _nice(reached * part / 5)
        low = math.floor(reached * (1 - part) / grid) * grid if growing else reached * (1 - part)
        high = math.ceil(reached / grid) * grid if growing else reached
    else:
        low, high = 0.0, min(_grown(reached, kind), max(planned, reached)) if growing else reached
    if kind == "time":
        return Axis(low, high, tuple(_time_ticks(low, high, width)))
    ticks = _between(low, high, _nice((high - low) / max(1, width // COLUMNS_PER_TICK)))
    return Axis(low, high, tuple(_labelled(ticks, *_thousands(high))))


def time_unit(axis: Axis) -> tuple[float, str]:
    """The unit of a time axis's labels, in seconds, and its name."""
    if axis.high <= 120:
        return 1.0, "s"
    if axis.high <= 7200:
        return 60.0, "min"
    return (3600.0, "h") if axis.high - axis.low <= 48 * 3600 else (86400.0, "d")


def loss_axis(low: float, high: float, rows: int, *, log: bool) -> Axis:
    """The axis of a loss between these values, of which a logarithmic one ignores those that are not positive."""
    if log:
        return _log_axis(low, high, rows)
    high = high if high > 0 else 1.0
    low = min(low, (1 - FLAT) * high) if 3 * low > high else min(low, 0.0)
    step = max(_nice((high - low) / _row_ticks(rows)), LEAST_STEP)
    bottom = math.floor(low / step + 1e-9) * step
    top = max(math.ceil(high / step - 1e-9) * step, bottom + step)
    return Axis(bottom, top, tuple(_labelled(_between(bottom, top, step), *_thousands(top))))


def accuracy_axis(low: float, high: float, rows: int) -> Axis:
    """The axis of an accuracy between these fractions, labelled in percent: all of it, or the range in use."""
    top = min((t for t in ACCURACY_HIGH if t >= high), default=1.0)
    bottom = max((b for b in ACCURACY_LOW if b <= low), default=0.0) if top == 1.0 else 0.0
    step = _nice((top - bottom) / _row_ticks(rows))
    return Axis(bottom, top, tuple(_labelled(_between(bottom, top, step), 0.01)))


def number_axis(low: float, high: float, rows: int, unit: float = 1.0, *, log: bool = False) -> Axis:
    """The axis of any values between these finite ones, in a logarithmic scale where some are positive.

    Args:
        low: The least value.
        high: The greatest one.
        rows: Of the chart.
        unit: What the labels count, a `plain_unit` or another.
        log: Whether a logarithmic scale is wanted.
    """
    low, high = (0.0 if abs(v) < SMALLEST else min(max(v, -LARGEST), LARGEST) / unit for v in (low, high))
    axis = _log_axis(low, high, rows) if log and high > 0 else _number_axis(low, high, rows)
    return Axis(axis.low * unit, axis.high * unit, tuple((x * unit, text) for x, text in axis.ticks), axis.log)


def plain_unit(most: float) -> float:
    """The power of a thousand in which values of this size have labels that are short and differ; 1 for usual ones."""
    most = min(abs(most), LARGEST)
    return 1.0 if most < SMALLEST or 0.01 <= most < 1e4 else 10.0 ** (3 * math.floor(math.log10(most) / 3))


def usual_limits(curves: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """The least and the greatest of any finite values without a few spikes; None where there is no value."""
    known = [sorted(curve) for curve in curves if curve]
    if not known:
        return None
    first = [curve[0] for curve in curves if curve]
    low, high = min(ordered[0] for ordered in known), max(ordered[-1] for ordered in known)
    usual_low = min(*(ordered[len(ordered) - 1 - int(USUAL * (len(ordered) - 1))] for ordered in known), *first)
    usual_high = max(*(ordered[int(USUAL * (len(ordered) - 1))] for ordered in known), *first)
    span = usual_high - usual_low
    if high - usual_high > (SPIKE - 1) * max(span, abs(usual_high)):
        high = usual_high + 0.1 * span
    if usual_low - low > (SPIKE - 1) * max(span, abs(usual_low)):
        low = usual_low - 0.1 * span
    return low, high


def usual_range(curves: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """The least value and the greatest one without a few spikes; None where there is no value.

    The first value of a curve is no spike: a loss falls steeply at first.
    """
    known = [sorted(curve) for curve in curves if curve]
    if not known:
        return None
    top = max(ordered[-1] for ordered in known)
    usual = max(ordered[int(USUAL * (len(ordered) - 1))] for ordered in known)
    usual = max(usual, *(curve[0] for curve in curves if curve))
    return min(ordered[0] for ordered in known), top if top <= SPIKE * usual else 1.1 * usual


def _number_axis(low: float, high: float, rows: int) -> Axis:
    size = max(abs(low), abs(high))
    if high - low < STEADY * size:
        middle = (low + high) / 2
        low, high = middle - STEADY * size / 2, middle + STEADY * size / 2
    elif size == 0:
        high = 1.0
    if 0 < 3 * low <= high:
        low = 0.0
    elif 0 > 3 * high >= low:
        high = 0.0
    step = _nice((high - low) / _row_ticks(rows))
    bottom = math.floor(low / step + 1e-9) * step
    top = max(math.ceil(high / step - 1e-9) * step, bottom + step)
    ticks = _between(bottom, top, step)
    while len(ticks) > 2 and any(len(text) > LABEL_LENGTH for text in _decimals(ticks)):
        step = _nice(1.5 * step)
        ticks = _between(bottom, top, step)
    return Axis(bottom, top, tuple(zip(ticks, _decimals(ticks), strict=True)))


def _decimals(ticks: Sequence[float]) -> list[str]:
    """Evenly spaced ticks as they are, without a leading zero where that makes them fit."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else max(map(abs, ticks), default=1.0)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    texts = [f"{tick:.{decimals}f}" for tick in ticks]
    if any(len(text) > LABEL_LENGTH for text in texts):
        texts = [text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text for text in texts]
    return texts


def _thousands(high: float) -> tuple[float, str]:
    return (1e6, "M") if high >= 2e6 else (1e3, "k") if high >= 1e4 else (1.0, "")


def _row_ticks(rows: int) -> int:
    return min(max(2, rows // ROWS_PER_TICK), MOST_ROW_TICKS)


def _nice(least: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    if not least > 0 or not math.isfinite(least):
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return power * next((n for n in NICE if n * power >= least * (1 - 1e-9)), 10.0)


def _grown(reached: float, kind: XAxis) -> float:
    unit = 1.0 if kind != "time" or reached < 60 else 60.0 if reached < 3600 else 3600.0
    power = 10.0 ** math.floor(math.log10(reached / unit))
    return unit * power * next((g for g in GROWTH if g * power * unit >= reached), 10.0)


def _between(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, min(last, first + 1000) + 1)]


def _labelled(ticks: Sequence[float], unit: float = 1.0, sign: str = "") -> Iterator[Tick]:
    """Evenly spaced ticks, with as many decimals as tell them apart."""
    step = abs(ticks[1] - ticks[0]) / unit if len(ticks) > 1 else abs(ticks[0]) / unit if ticks else 1.0
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    for tick in ticks:
        text = _short(tick / unit, decimals)
        yield tick, f"{text}{sign}" if tick else text


def _short(number: float, decimals: int) -> str:
    """The number in at most five characters: without its leading zero, or else as a power of ten."""
    text = f"{number:.{decimals}f}"
    if len(text) > LABEL_LENGTH and text.startswith("0."):
        text = text[1:]
    if len(text) <= LABEL_LENGTH:
        return text
    digits, _, power = f"{number:.0e}".partition("e")
    return f"{digits}e{int(power)}"


def _time_ticks(low: float, high: float, width: int) -> Iterator[Tick]:
    least = (high - low) / max(1, width // COLUMNS_PER_TICK)
    days = math.ceil(least / 86400) * 86400.0
    step = _nice(least) if least < 1 else next((float(s) for s in NICE_SECONDS if s >= least), days)
    unit = time_unit(Axis(low, high))[0]
    for tick in _between(low, high, step):
        yield tick, _clock(tick, unit) if step < unit and unit > 1 else f"{round(tick / unit, 3):g}"


def _clock(seconds: float, unit: float) -> str:
    """Minutes and seconds, hours and minutes, or days and hours: `3:05`."""
    smaller = {60.0: 1, 3600.0: 60, 86400.0: 3600}[unit]
    whole, rest = divmod(round(seconds / smaller), round(unit / smaller))
    return f"{whole}:{rest:02}"


def _log_axis(low: float, high: float, rows: int) -> Axis:
    high = max(high, TINY)
    bottom = _nice_below(max(low, TINY) if low > 0 else high / 10)
    top = max(_nice(high), 2 * bottom)
    numbers = [bottom]
    while numbers[-1] < top * (1 - 1e-9):
        numbers.append(_nice(numbers[-1] * 1.5))
    top = numbers[-1]
    most = _row_ticks(rows)
    if len(numbers) > most:
        decades = [n for n in numbers if math.isclose(n, 10.0 ** round(math.log10(n)))]
        numbers = decades if len(decades) >= most else numbers
        numbers = numbers[:: math.ceil(len(numbers) / most)]
    return Axis(
        bottom, top, tuple((n, _short(n, max(0, -math.floor(math.log10(n) + 1e-9)))) for n in numbers), log=True
    )


def _nice_below(most: float) -> float:
    power = 10.0 ** math.floor(math.log10(most))
    return power * max(n for n in NICE if n * power <= most * (1 + 1e-9) or n == 1.0)
