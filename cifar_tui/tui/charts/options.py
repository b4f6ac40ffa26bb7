"""How curves are shown: the same in the charts of a run and in those of a comparison, and what of it is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from cifar_tui.tui.charts.axes import FINEST, Axis, Window, XAxis
from cifar_tui.tui.charts.series import Series

Overlay = Literal["both", "marked", "selected"]
"""Which runs are drawn: the selected one with those that are marked, these alone, or it alone."""
SMOOTHING = (0.0, 0.6, 0.9, 0.97, 0.99)
"""The levels: the weight of the moving average so far, batch by batch."""
ZOOM = 0.5
"""What is left of an axis after a step of zooming in."""
PAN = 0.2
"""The part of an axis that a step moves it by."""
LEAST, MOST = 1e-30, 1e30
"""The sizes of limits that may be typed."""
_LIMITS = re.compile(r"([xy])=(-?[\d.eE+-]*):(-?[\d.eE+-]*)")
LIMITS_HELP = "x=10:50 y=0.2:0.5, either end may be left out; `x=-10:` is the last ten; in the charts, 0 resets"

Limits = dict[str, tuple[float | None, float | None]]
"""By the name of the axis."""


@dataclass(frozen=True, slots=True)
class ChartSettings:
    """What is kept for the next time, in plain values."""

    x_axis: str = "epochs"
    log: bool = False
    log_x: bool = False
    smoothing: int = 2
    outliers: bool = False


@dataclass(slots=True)
class ChartOptions:
    """How curves are shown, in all charts alike."""

    x_axis: XAxis = "epochs"
    log: bool = False
    """Whether the y axis is logarithmic, where that makes sense."""
    log_x: bool = False
    level: int = 2
    """Of `SMOOTHING`."""
    outliers: bool = False
    """Whether the y axis has room for all values, not for the usual ones alone."""
    overlay: Overlay = "both"
    window: Window = Window()  # noqa: RUF009  (it is frozen)
    """The part of the x axis that is shown."""
    y_limits: dict[Series, tuple[float | None, float | None]] = field(default_factory=dict)
    """Of charts whose y axis does not fit itself."""

    @property
    def weight(self) -> float:
        """The weight of smoothing."""
        return SMOOTHING[self.level]

    @property
    def snapshot(self) -> tuple[object, ...]:
        """Equal as long as curves are shown in the same way."""
        limits = tuple(self.y_limits.items())
        return self.x_axis, self.log, self.log_x, self.level, self.outliers, self.overlay, self.window, limits

    @property
    def settings(self) -> ChartSettings:
        """What is to be kept."""
        return ChartSettings(self.x_axis, self.log, self.log_x, self.level, self.outliers)

    def apply(self, settings: ChartSettings) -> None:
        """Show curves as it was kept; values that are not known change nothing."""
        self.x_axis = next((each for each in get_args(XAxis) if each == settings.x_axis), self.x_axis)
        self.log, self.log_x, self.outliers = settings.log, settings.log_x, settings.outliers
        self.level = min(max(settings.smoothing, 0), len(SMOOTHING) - 1)

    def cycle_x_axis(self) -> None:
        """Go to the next of epochs, samples and time, all of it."""
        kinds = get_args(XAxis)
        self.x_axis = kinds[(kinds.index(self.x_axis) + 1) % len(kinds)]
        self.window = Window()

    def toggle_log(self) -> None:
        """Switch between a linear and a logarithmic y axis."""
        self.log = not self.log

    def toggle_log_x(self) -> None:
        """Switch between a linear and a logarithmic x axis."""
        self.log_x = not self.log_x

    def toggle_outliers(self) -> None:
        """Have the y axis show all values, or the usual ones."""
        self.outliers = not self.outliers

    def cycle_overlay(self) -> None:
        """Draw the selected run with the marked ones, these alone, or it alone."""
        kinds = get_args(Overlay)
        self.overlay = kinds[(kinds.index(self.overlay) + 1) % len(kinds)]

    def smooth(self, step: int) -> None:
        """Smooth by so many levels more, or less."""
        self.level = min(max(self.level + step, 0), len(SMOOTHING) - 1)

    def zoom_x(self, axis: Axis, whole: Axis, factor: float, anchor: float | None) -> None:
        """Show less of the x axis, or more.

        Args:
            axis: What is shown.
            whole: What there is.
            factor: The shown part becomes so many times as long.
            anchor: The place that stays where it is; None for the end, which a run under way then goes on to move.
        """
        if anchor is None and not axis.log:
            span = max(factor * (axis.high - axis.low), 1000 * FINEST * abs(axis.high))
            self.window = Window() if span >= whole.high - whole.low else Window(low=-span)
            return
        low, high = axis.around(axis.high if anchor is None else anchor, factor)
        self.window = _within(low, high, whole)

    def pan_x(self, axis: Axis, whole: Axis, part: float) -> None:
        """Move the x axis by a part of what is shown, at most to its ends."""
        part = min(max(part, axis.position(whole.low)), axis.position(whole.high) - 1)
        if part:
            self.window = _within(axis.value(part), axis.value(1 + part), whole)

    def zoom_y(self, series: Series, axis: Axis, factor: float, anchor: float | None) -> None:
        """Show less of a chart's y axis, or more; about its middle, or so that a value stays where it is."""
        self.y_limits[series] = axis.around(axis.value(0.5) if anchor is None else anchor, factor)

    def pan_y(self, series: Series, axis: Axis, part: float) -> None:
        """Move a chart's y axis by a part of what is shown."""
        if part:
            self.y_limits[series] = axis.value(part), axis.value(1 + part)

    def reset(self) -> None:
        """Show all of both axes, in a linear scale, without outliers."""
        self.window, self.log, self.log_x, self.outliers = Window(), False, False, False
        self.y_limits.clear()


def _within(low: float, high: float, whole: Axis) -> Window:
    """These limits as far as there is anything; open where they reach an end."""
    low, high = (float(f"{end:.10g}") for end in (low, high))  # As they are shown.
    return Window(low if low > whole.low else None, high if high < whole.high else None)


def parse_limits(text: str) -> Limits:
    """The limits of axes as they are typed: `x=10:50 y=0.2:0.5`, `x=-10:`, `y=:1`.

    Raises:
        ValueError: They cannot be read; in words for who typed them.
    """
    found: Limits = {}
    for word in text.replace(",", " ").split():
        match = _LIMITS.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is no limit: {LIMITS_HELP}")
        name, *ends = match.groups()
        try:
            low, high = (float(end) if end else None for end in ends)
        except ValueError:
            raise ValueError(f"{word!r} has no numbers: {LIMITS_HELP}") from None
        if any(end is not None and not (end == 0 or LEAST <= abs(end) <= MOST) for end in (low, high)):
            raise ValueError(f"{word!r} is out of range")
        if low is not None and high is not None and not (low < high or (name == "x" and low < 0)):
            raise ValueError(f"{word!r}: the first must be less than the second")
        found[name] = low, high
    return found
