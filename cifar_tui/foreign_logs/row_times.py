"""The times of rows, of which a log may have either those since 1970, or since it began, or how long each row took."""

from __future__ import annotations

import time

import numpy as np

from cifar_tui.events import MAX_SECONDS
from cifar_tui.foreign_logs.formats.log_rows import Floats

ABSOLUTE = 1e8
"""From this number of seconds on, a time is one since 1970."""
MAX_ABSOLUTE = 1e11
"""Seconds since 1970: what is more is in milliseconds, or in smaller parts."""
RESTART = 0.5
"""A time below so much of the one before it is of a training that was resumed and counts again."""


class RowTimes:
    """Reads the times of rows, from the beginning of a log on."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._is_absolute: bool | None = None
        self._scale = 1.0
        self._zero = np.nan
        """The first time of those since 1970, or what earlier countings came to."""
        self._last = np.nan
        self._sum = 0.0
        """Of all times, if they are durations."""
        self._are_durations = False
        self._latest = -np.inf
        """The latest time with what earlier countings came to."""
        self._rows = self._records = self._restarts = 0
        """Rows with a time, those that are later than all before, and those at which the counting restarts."""
        self.t = 0.0
        """Seconds from the beginning of the log to the last row."""
        self.is_known = False
        """Whether the rows have times."""

    @property
    def arrival(self) -> float:
        """Seconds since the reading began: when a row was written that does not say it."""
        return time.monotonic() - self._began

    def seconds(self, times: Floats, *, bulk: bool) -> Floats:
        """Seconds since the log began of the next rows, (n,), which never fall.

        Args:
            times: As the log has them; NaN where it has none.
            bulk: Whether the rows are from before the reading began.
        """
        at = np.flatnonzero(np.isfinite(times))
        t = np.full(len(times), np.nan)
        if len(at):
            t[at] = self._read(times[at])
            self.is_known = True
        elif not self.is_known and not bulk:
            t[:] = self.arrival
        t = np.maximum.accumulate(np.clip(np.nan_to_num(t, nan=self.t), self.t, MAX_SECONDS))
        self.t = float(t[-1]) if len(t) else self.t
        return t

    def _read(self, times: Floats) -> Floats:
        if self._is_absolute is None:
            self._is_absolute = bool(times[0] >= ABSOLUTE)
            while times[0] / self._scale > MAX_ABSOLUTE:
                self._scale *= 1000
            self._zero = times[0] / self._scale if self._is_absolute else 0.0
        times = times / self._scale
        if self._is_absolute:
            return times - self._zero
        before = np.concatenate(([self._last], times[:-1]))
        restarts = times < before * RESTART
        counted = times + self._zero + np.cumsum(np.where(restarts, before, 0.0))
        latest = np.maximum.accumulate(np.concatenate(([self._latest], counted)))
        sums = self._sum + np.cumsum(np.maximum(times, 0.0))
        self._rows += len(times)
        self._records += int((counted >= latest[:-1]).sum())
        self._restarts += int(restarts.sum())
        self._latest, self._last, self._sum = float(latest[-1]), float(times[-1]), float(sums[-1])
        self._zero = float(counted[-1]) - self._last
        self._judge()
        return sums if self._are_durations else counted

    def _judge(self) -> None:
        """Judge whether the times are how long each row took: of times since a beginning, most are later than all."""
        if self._records * 3 <= self._rows + 1 or self._restarts * 4 > self._rows:
            self._are_durations = True
        elif self._records * 2 > self._rows + 2:
            self._are_durations = False
