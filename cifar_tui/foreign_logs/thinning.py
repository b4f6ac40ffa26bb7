"""Which rows of a long log are shown: as many as a chart can draw, spikes among them."""

from __future__ import annotations

import numpy as np

from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints


def evenly(rows: Ints, most: int) -> Ints:
    """At most about `most` of these rows, evenly chosen, the last one among them."""
    if len(rows) <= most:
        return rows
    stride = -(-len(rows) // max(most, 1))
    return rows[::-1][::stride][::-1]


def with_extremes(values: Floats, most: int) -> Ints:
    """The places of at most about `most` of these values: of neighbours, the least, the greatest and the first NaN."""
    if len(values) <= most:
        return np.arange(len(values))
    missing = np.isnan(values)
    nans = np.flatnonzero(missing)
    bounds = np.linspace(0, len(values), max(most // (3 if len(nans) else 2), 1) + 1).astype(np.int64)
    lows, highs = np.where(missing, np.inf, values), np.where(missing, -np.inf, values)
    places = [
        low + int(place)
        for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        for place in (np.argmin(lows[low:high]), np.argmax(highs[low:high]))
    ]
    _, firsts = np.unique(np.searchsorted(bounds, nans, side="right"), return_index=True)
    return np.unique([*places, *nans[firsts].tolist(), len(values) - 1])
