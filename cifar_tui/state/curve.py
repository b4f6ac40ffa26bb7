"""A series of any length in bounded memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from cifar_tui.system.untrusted.codec import Between

CURVE_POINTS = 2048
"""The most points of a live curve: four for each column of a very wide chart."""


@dataclass(slots=True)
class Point:
    """Neighbouring values of a curve, merged: their mean, and their extremes so that spikes stay visible.

    `first` and `last` are in samples seen; the extremes and the mean are over the finite values, NaN where none is.
    `broken` is the last value that is not finite, 0 where all are.
    """

    in_order: ClassVar[bool] = True
    """For the codec."""
    first: int
    last: int
    t: float
    mean: float
    low: float
    high: float
    count: int
    broken: float = 0.0


@dataclass(slots=True)
class Curve:
    """A bounded series over samples seen: beyond `most` points, neighbours are merged in pairs."""

    points: list[Point] = field(default_factory=list)
    latest: float = math.nan
    """Its last value; where that was dropped, the mean of the last point."""
    values_per_point: Annotated[int, Between(1)] = 1
    most: Annotated[int, Between(2, CURVE_POINTS)] = CURVE_POINTS

    @property
    def end(self) -> int:
        """The samples of its last value; 0 where there is none."""
        return self.points[-1].last if self.points else 0

    def append(self, samples: int, t: float, value: float) -> None:
        """Add the value at `samples`, which is not below those of earlier ones."""
        self.latest = value
        point = Point(samples, samples, t, value, value, value, 1, 0.0 if math.isfinite(value) else value)
        if self.points and self.points[-1].count < self.values_per_point:
            self.points[-1] = _merge(self.points[-1], point)
            return
        self.points.append(point)
        if len(self.points) > self.most:
            pairs = zip(self.points[::2], self.points[1::2], strict=False)
            rest = self.points[len(self.points) // 2 * 2 :]
            self.points = [_merge(a, b) for a, b in pairs] + rest
            self.values_per_point *= 2

    def truncate(self, samples: int) -> None:
        """Drop the points that reach beyond `samples`."""
        while self.points and self.points[-1].last > samples:
            self.points.pop()
            self.latest = self.points[-1].mean if self.points else math.nan


def _merge(a: Point, b: Point) -> Point:
    finite = [p for p in (a, b) if math.isfinite(p.mean)]
    weight = sum(p.count for p in finite)
    return Point(
        first=a.first,
        last=b.last,
        t=b.t,
        mean=sum(p.mean * p.count for p in finite) / weight if weight else math.nan,
        low=min((p.low for p in finite), default=math.nan),
        high=max((p.high for p in finite), default=math.nan),
        count=a.count + b.count,
        broken=b.broken or a.broken,
    )
