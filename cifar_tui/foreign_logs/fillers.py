"""NaN as a filler: what some scripts write into the columns of a row that are not measured there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cifar_tui.foreign_logs.formats.log_rows import Rows
from cifar_tui.foreign_logs.names import Role, Roles
from cifar_tui.foreign_logs.places import rows_with

Mask = NDArray[np.bool_]
GROUPS: tuple[tuple[Role, Role], ...] = (
    ("loss", "accuracy"),
    ("train-loss", "train-accuracy"),
    ("val-loss", "val-accuracy"),
)
"""Losses and accuracies that are measured together: of a diverged training, the accuracy is still a number."""


def fillers(rows: Rows, roles: Roles) -> dict[Role, Mask]:
    """For each role, the rows, (n,), in which NaN is a filler; none at all where this is empty.

    It is where all of a group is NaN, its accuracy too, and another has a number; without an accuracy, where all of
    another are numbers. Event files have no fillers: each of their values is written by itself.
    """
    columns = [[name for role in group if (name := roles[role]) in rows.names and name is not None] for group in GROUPS]
    with_some = np.zeros((len(GROUPS), len(rows)), bool)
    for number, names in enumerate(columns):
        with_some[number, rows_with(rows, names)] = True
    shared = with_some.sum(axis=0) > 1
    if rows.steps is not None or not shared.any():
        return {}
    numbers, nans = (np.zeros_like(with_some) for _ in range(2))
    for number, names in enumerate(columns):
        _mark(rows, names, shared, numbers[number], nans[number])
    beside_some, beside_whole = numbers.any(axis=0), (numbers & ~nans).any(axis=0)
    found: dict[Role, Mask] = {}
    for number, (loss, accuracy) in enumerate(GROUPS):
        beside = beside_some if roles[accuracy] in rows.names else beside_whole
        found[loss] = found[accuracy] = nans[number] & ~numbers[number] & beside
    return found


def _mark(rows: Rows, names: Sequence[str], shared: Mask, numbers: Mask, nans: Mask) -> None:
    """Mark the shared rows in which one of these columns has a number, and those in which one has NaN."""
    for name in names:
        places = rows.present(name)
        places = places[shared[places]]
        missing = np.isnan(rows.numbers(name, places))
        numbers[places[~missing]] = True
        nans[places[missing]] = True
