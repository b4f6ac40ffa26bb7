"""Where the rows of a log are in the training: their steps, epochs and times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints, Rows
from cifar_tui.foreign_logs.names import Roles
from cifar_tui.foreign_logs.row_times import RowTimes

MAX_STEP = 2.0**53
MAX_EPOCH = 10**9


@dataclass(frozen=True, slots=True)
class Places:
    """Of some rows, (n,): steps, epochs from 1, NaN where they are not known, and seconds since the log began."""

    steps: Floats
    epochs: Floats
    t: Floats

    def part(self, begin: int, end: int) -> Places:
        """Those of the rows from one to another."""
        return Places(self.steps[begin:end], self.epochs[begin:end], self.t[begin:end])


def values_at(rows: Rows, name: str | None, wanted: Ints) -> Floats:
    """A column in these rows, NaN where it has nothing; all of them for None."""
    found = np.full(len(wanted), np.nan)
    if name is not None and name in rows.names and len(wanted):
        present = rows.present(name)
        if len(present) == len(wanted) and np.array_equal(present, wanted):
            return rows.numbers(name, wanted)
        if len(present):
            at = np.minimum(np.searchsorted(present, wanted), len(present) - 1)
            there = present[at] == wanted
            found[there] = rows.numbers(name, wanted[there])
    return found


def values_before(rows: Rows, name: str | None, wanted: Ints, first: float) -> Floats:
    """A column at these rows or at the last before them that has something; `first` where none has."""
    found = np.full(len(wanted), first)
    if name is not None and name in rows.names and len(wanted):
        present = rows.present(name)
        at = np.searchsorted(present, wanted, side="right") - 1
        found[at >= 0] = rows.numbers(name, present[at[at >= 0]])
    return found


def filled(values: Floats, first: float) -> Floats:
    """Values with each NaN replaced by the last number before it, or by `first`."""
    at = np.where(np.isnan(values), -1, np.arange(len(values)))
    np.maximum.accumulate(at, out=at)
    return np.where(at < 0, first, values[np.maximum(at, 0)])


def rows_with(rows: Rows, names: Iterable[str | None]) -> Ints:
    """The rows that have something in any of these columns."""
    there = np.zeros(len(rows), bool)
    for name in names:
        if name is not None and name in rows.names:
            there[rows.present(name)] = True
    return np.flatnonzero(there)


class Locator:
    """Finds the places of rows, from the beginning of a log on."""

    def __init__(self) -> None:
        self.times = RowTimes()
        self._rows = 0
        self._step = 0.0
        self._epoch = self._epoch_offset = np.nan
        self._fractional = False

    def locate(self, rows: Rows, roles: Roles, *, bulk: bool) -> Places:
        """The places of the next rows; `bulk` where they are from before the reading began."""
        every = np.arange(len(rows))
        steps: Floats
        if rows.steps is not None:
            steps = rows.steps
        elif roles["step"] is not None:
            steps = filled(values_at(rows, roles["step"], every), self._step)
        else:
            steps = (self._rows + 1 + every).astype(np.float64)
        steps = np.clip(np.nan_to_num(steps, nan=0.0), 0, MAX_STEP)
        self._rows += len(rows)
        self._step = float(steps[-1]) if len(steps) else self._step
        times = rows.times if rows.times is not None else values_at(rows, roles["time"], every)
        return Places(steps, self._epochs(rows, roles, every), self.times.seconds(times, bulk=bulk))

    def _epochs(self, rows: Rows, roles: Roles, every: Ints) -> Floats:
        if roles["epoch"] is None:
            return np.full(len(every), np.nan)
        raw = filled(values_at(rows, roles["epoch"], every), self._epoch)
        raw[~np.isfinite(raw)] = np.nan
        known = raw[~np.isnan(raw)]
        if not len(known):
            return raw
        if np.isnan(self._epoch_offset):
            # Lightning and Keras count from 0, Ultralytics from 1.
            self._epoch_offset = 1.0 if known[0] == 0 else 0.0
        if not self._fractional and bool((known % 1 != 0).any()):
            # Hugging Face has parts of an epoch, which is the first one up to 1.
            self._fractional, self._epoch_offset = True, 0.0
        self._epoch = float(known[-1])
        return np.clip(np.ceil(raw - 1e-6) + self._epoch_offset, 1, MAX_EPOCH)
