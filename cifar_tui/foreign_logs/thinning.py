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
    """The places of at most about `most` of these values: of neighbours, the least and the greatest one."""
    if len(values) <= most:
        return np.arange(len(values))
    bounds = np.linspace(0, len(values), max(most // 2, 1) + 1).astype(np.int64)
    filled = np.nan_to_num(values, nan=0.0)
    places = [
        low + int(find(filled[low:high]))
        for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        for find in (np.argmin, np.argmax)
    ]
    return np.unique([*places, len(values) - 1])
