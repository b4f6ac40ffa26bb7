"""Axes: limits that fit what is shown and hold still while a run trains, and ticks at round numbers."""

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
COLUMNS_PER_TICK, ROWS_PER_TICK, MOST_ROW_TICKS = 7, 3, 8
"""The least columns and rows from one tick to the next, and the most ticks of a y axis."""
LABEL_LENGTH, X_LABEL_LENGTH, LABELS_APART = 5, 8, 3
TAIL = 0.05
"""The part of a curve's points at either end that does not set the scale, where it is far from the others."""
FAR = 0.4
"""How far that is, in parts of what the other points span."""
TOGETHER = 3.0
"""How far it is from the middle half of all points of several curves, in parts of what that spans."""
STEADY = 0.02
"""The least part of a value that its axis spans, so that a constant one is not drawn as noise."""
KEPT = 0.45
"""The least part of an axis that its values span, before a shorter one is made."""
LARGEST, SMALLEST = 1e300, 1e-300
"""Beyond these, numbers are drawn as these and as 0: an axis computes with them."""
TINY = 1e-12
"""The lowest end of a logarithmic axis."""
FINEST = 1e-9
"""The least part of its values that an axis can be zoomed to."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the x axis that is wanted.

    Attributes:
        low: Its start; negative: so much before the last point; None for the start of the axis.
        high: Its end; None for the end of the axis, which grows with a run.
    """

    low: float | None = None
    high: float | None = None


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

    def value(self, position: float) -> float:
        """The value at a position."""
        if not self.log:
            return self.low + position * (self.high - self.low)
        start = math.log(self.low)
        return math.exp(min(start + position * (math.log(self.high) - start), 690.0))

    def around(self, value: float, factor: float) -> tuple[float, float]:
        """The limits of an axis so many times as long on which this value has the same position."""
        at = self.position(value)
        low, high = self.value(at * (1 - factor)), self.value(at + (1 - at) * factor)
        if not high - low > FINEST * max(abs(low), abs(high)) or not math.isfinite(high - low):
            return self.low, self.high
        return low, high

    def holds(self, low: float, high: float) -> bool:
        """Whether values between these are well drawn on it: all of them, and not in a small part of it."""
        bottom, top = self.position(low), self.position(high)
        return bottom >= -1e-9 and top <= 1 + 1e-9 and top - bottom >= KEPT


def x_axis(
    kind: XAxis,
    reached: float,
    planned: float,
    window: Window = Window(),
    *,
    growing: bool,
    width: int,
    log_from: float = 0.0,
) -> Axis:
    """The x axis of one or several runs.

    Args:
        kind: Its unit: epochs, images seen, or seconds.
        reached: How far they are.
        planned: How far they will go; infinite where that is unknown.
        window: The part that is wanted.
        growing: Whether one is training: the axis then extends beyond it, and changes in steps.
        width: Of the chart, in columns.
        log_from: The start of a logarithmic axis; 0 for a linear one.
    """
    reached = max(reached, 0.0)
    if reached == 0.0:
        start, end = 0.0, (min(planned, 1.0) if kind == "epochs" else planned if math.isfinite(planned) else 10.0)
    else:
        start, end = 0.0, min(_grown(reached, kind), max(planned, reached)) if growing else reached
    last = -window.low if window.low is not None and window.low < 0 else 0.0
    if 0 < last < reached:
        grid = _nice(last / 5)
        low = math.floor((reached - last) / grid) * grid if growing else reached - last
        high = math.ceil(reached / grid) * grid if growing else reached
    else:
        low = start if window.low is None or last else window.low
        high = end if window.high is None else window.high
    if not high - low > FINEST * max(abs(low), abs(high)):
        high = low + max(0.1 * max(end - start, 1.0), 10 * FINEST * abs(low))
    if log_from > 0:
        low = min(max(low, log_from), high / 2)
        return Axis(low, high, _log_x_ticks(kind, low, high, width), log=True)
    return Axis(low, high, _fitting_ticks(kind, low, high, width))


def _fitting_ticks(kind: XAxis, low: float, high: float, width: int) -> tuple[Tick, ...]:
    """As many round places as have room for their labels."""
    found: list[Tick] = []
    for number in range(max(1, width // COLUMNS_PER_TICK), 0, -1):
        least = (high - low) / number
        if kind == "time":
            found = list(_time_ticks(low, high, least))
        else:
            found = list(_labelled(_between(low, high, _nice(least)), *_thousands(high), X_LABEL_LENGTH))
        longest = max((len(text) for _, text in found), default=0)
        if len(found) < 2 or (found[1][0] - found[0][0]) / (high - low) * width >= longest + LABELS_APART:
            break
    return tuple(found)


def time_unit(axis: Axis) -> tuple[float, str]:
    """The unit of a time axis's labels, in seconds, and its name."""
    if axis.high <= 120:
        return 1.0, "s"
    if axis.high <= 7200:
        return 60.0, "min"
    return (3600.0, "h") if axis.high - axis.low <= 48 * 3600 else (86400.0, "d")


def accuracy_axis(low: float, high: float, rows: int) -> Axis:
    """The axis of fractions between these, labelled in percent: the part of it that they use."""
    if high - low < STEADY:
        middle = min(max((low + high) / 2, STEADY / 2), 1 - STEADY / 2)
        low, high = middle - STEADY / 2, middle + STEADY / 2
    axis = number_axis(low, high, rows, 0.01)
    return Axis(max(axis.low, 0.0), min(axis.high, 1.0), axis.ticks)


def number_axis(low: float, high: float, rows: int, unit: float = 1.0, *, log: bool = False) -> Axis:
    """The axis of any values between these finite ones, in a logarithmic scale where some are positive.

    Args:
        low: The least value.
        high: The greatest one.
        rows: Of the chart.
        unit: What the labels count, a `plain_unit` or another.
        log: Whether a logarithmic scale is wanted.
    """
    low, high = (_in_unit(value, unit) for value in (low, high))
    axis = _log_axis(low, high, rows) if log and high > 0 else _number_axis(low, high, rows)
    return Axis(axis.low * unit, axis.high * unit, tuple((x * unit, text) for x, text in axis.ticks), axis.log)


def exact_axis(low: float, high: float, rows: int, unit: float = 1.0, *, log: bool = False) -> Axis:
    """An axis with these limits and no others; `low` is less than `high`, and positive in a logarithmic scale."""
    low, high = (_in_unit(value, unit) for value in (low, high))
    if not low < high:
        high = low + max(abs(low), 1.0)
    if log and low > 0:
        ticks = [(n, text) for n, text in _log_ticks(low, high, _row_ticks(rows)) if low <= n <= high]
        return Axis(low * unit, high * unit, tuple((x * unit, text) for x, text in ticks), log=True)
    values = _between(low, high, _nice((high - low) / _row_ticks(rows)))
    named = zip(values, _decimals(values), strict=True)
    return Axis(low * unit, high * unit, tuple((x * unit, text) for x, text in named))


def plain_unit(most: float) -> float:
    """The power of a thousand in which values of this size have labels that are short and differ; 1 for usual ones."""
    most = min(abs(most), LARGEST)
    return 1.0 if most < SMALLEST or 0.01 <= most < 1e4 else 10.0 ** (3 * math.floor(math.log10(most) / 3))


def usual_limits(curves: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """The least and the greatest of any finite values, without the few of each curve that are far from its others.

    Such are spikes, and the steep beginning of a long run; among several curves, that of a short one too, of which the
    last value is always among them. None where there is no value.
    """
    known = [sorted(curve) for curve in curves if curve]
    if not known:
        return None
    low, high = min(ordered[0] for ordered in known), max(ordered[-1] for ordered in known)
    lows = [ordered[int(TAIL * len(ordered))] for ordered in known]
    highs = [ordered[len(ordered) - 1 - int(TAIL * len(ordered))] for ordered in known]
    if len(known) > 1:
        usual = middle([value for ordered in known for value in ordered])
        room = TOGETHER * (usual[-1] - usual[0])
        for number, (curve, ordered) in enumerate(zip(filter(None, curves), known, strict=True)):
            shown = [value for value in ordered if usual[0] - room <= value <= usual[-1] + room]
            shown.append(curve[-1])
            lows[number], highs[number] = max(lows[number], min(shown)), min(highs[number], max(shown))
    usual_low, usual_high = min(lows), max(highs)
    span = max(usual_high - usual_low, STEADY * max(abs(usual_low), abs(usual_high)))
    return (
        usual_low - TAIL * span if usual_low - low > FAR * span else low,
        usual_high + TAIL * span if high - usual_high > FAR * span else high,
    )


def middle(curve: Sequence[float]) -> list[float]:
    """The middle half of its values, in order."""
    ordered = sorted(curve)
    return ordered[len(ordered) // 4 : len(ordered) - len(ordered) // 4]


def _in_unit(value: float, unit: float) -> float:
    return 0.0 if abs(value) < SMALLEST else min(max(value, -LARGEST), LARGEST) / unit


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
    return min(max(3 if rows >= 2 * ROWS_PER_TICK else 2, rows // ROWS_PER_TICK), MOST_ROW_TICKS)


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


def _labelled(ticks: Sequence[float], unit: float = 1.0, sign: str = "", length: int = LABEL_LENGTH) -> Iterator[Tick]:
    """Evenly spaced ticks, with as many decimals as tell them apart."""
    step = abs(ticks[1] - ticks[0]) / unit if len(ticks) > 1 else abs(ticks[0]) / unit if ticks else 1.0
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    for tick in ticks:
        text = _short(tick / unit, decimals, length)
        yield tick, f"{text}{sign}" if tick else text


def _short(number: float, decimals: int, length: int = LABEL_LENGTH) -> str:
    """The number in at most so many characters: without its leading zero, or else as a power of ten."""
    text = f"{number:.{decimals}f}"
    if len(text) > length and text.startswith("0."):
        text = text[1:]
    if len(text) <= length:
        return text
    digits, _, power = f"{number:.0e}".partition("e")
    return f"{digits}e{int(power)}"


def _time_ticks(low: float, high: float, least: float) -> Iterator[Tick]:
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


def _log_x_ticks(kind: XAxis, low: float, high: float, width: int) -> tuple[Tick, ...]:
    """Round numbers: powers of ten, and others where these have room; evenly spaced ones where there are hardly any."""
    axis = Axis(low, high, log=True)
    unit, sign = (time_unit(axis)[0], "") if kind == "time" else _thousands(high)
    numbers = [_nice_below(low / unit)]
    while numbers[-1] <= high / unit:
        numbers.append(_nice(numbers[-1] * 1.5))
    places = [(n * unit, f"{_plain(n)}{sign}") for n in numbers if low <= n * unit <= high]
    chosen: list[Tick] = []
    for place, text in sorted(places, key=lambda each: not each[1].strip("0.kM").startswith("1")):
        if all(abs(axis.position(place) - axis.position(x)) * width >= COLUMNS_PER_TICK for x, _ in chosen):
            chosen.append((place, text))
    return tuple(sorted(chosen)) if len(chosen) > 1 else _fitting_ticks(kind, low, high, width)


def _log_axis(low: float, high: float, rows: int) -> Axis:
    high = max(high, TINY)
    low = max(low, TINY) if low > 0 else high / 10
    bottom = _nice_below(low)
    return Axis(bottom, max(_nice(high), _nice(1.5 * bottom)), tuple(_log_ticks(low, high, _row_ticks(rows))), log=True)


def _log_ticks(low: float, high: float, most: int) -> list[Tick]:
    """Round numbers from below the lower to above the higher value, evenly spaced in a logarithmic scale."""
    bottom = _nice_below(low)
    top = max(_nice(high), _nice(1.5 * bottom))
    numbers = [bottom]
    while numbers[-1] < top * (1 - 1e-9):
        numbers.append(_nice(numbers[-1] * 1.5))
    if len(numbers) > most:
        decades = [n for n in numbers if math.isclose(n, 10.0 ** round(math.log10(n)))]
        numbers = decades if len(decades) >= most else numbers
        numbers = numbers[:: math.ceil(len(numbers) / most)]
    return [(n, _plain(n)) for n in numbers]


def _plain(number: float) -> str:
    """A round number with as many decimals as it has."""
    return _short(number, max(0, -math.floor(math.log10(number) + 1e-9)))


def _nice_below(most: float) -> float:
    power = 10.0 ** math.floor(math.log10(most))
    return power * max(n for n in NICE if n * power <= most * (1 + 1e-9) or n == 1.0)
