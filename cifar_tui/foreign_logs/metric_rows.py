"""The numbers of a log that are neither the training's nor an epoch's: from its rows to events."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from cifar_tui.events import MAX_VALUES, Metric, Split
from cifar_tui.foreign_logs.formats.log_rows import Rows
from cifar_tui.foreign_logs.names import split_of
from cifar_tui.foreign_logs.places import Places
from cifar_tui.foreign_logs.thinning import evenly

MAX_METRIC_VALUES = 100_000
"""Of all metrics together, in a log that is read at once; beyond it, each has fewer."""
MIN_METRIC_VALUES = 20


def metrics(rows: Rows, places: Places, names: Collection[str], most: int) -> Iterator[tuple[int, Metric]]:
    """The values of these columns, each with its row; at most about `most` of each column."""
    others = [name for name in rows.names if name in names]
    most = min(most, max(MIN_METRIC_VALUES, MAX_METRIC_VALUES // max(len(others), 1)))
    found: dict[tuple[int, Split], dict[str, float]] = {}
    for name in others:
        split, short = split_of(name)
        chosen = evenly(rows.present(name), most)
        for row, value in zip(chosen.tolist(), rows.numbers(name, chosen).tolist(), strict=True):
            if not math.isnan(value):
                found.setdefault((row, split), {})[short] = value
    for (row, split), values in found.items():
        for part in _parts(values):
            yield row, Metric(t=float(places.t[row]), samples=int(places.steps[row]), values=part, split=split)


def _parts(values: Mapping[str, float]) -> Iterator[dict[str, float]]:
    names = list(values)
    for start in range(0, len(names), MAX_VALUES):
        yield {name: values[name] for name in names[start : start + MAX_VALUES]}
