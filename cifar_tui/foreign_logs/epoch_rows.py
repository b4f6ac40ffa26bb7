"""The epochs of a log: from the rows that have what belongs to one to events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cifar_tui.events import Epoch
from cifar_tui.foreign_logs.epochs import EpochGatherer, Gathered, Totals
from cifar_tui.foreign_logs.fillers import Mask
from cifar_tui.foreign_logs.formats.log_rows import Rows
from cifar_tui.foreign_logs.meaning import Meaning
from cifar_tui.foreign_logs.names import Role
from cifar_tui.foreign_logs.places import Places, rows_with, values_at, values_before
from cifar_tui.foreign_logs.thinning import with_extremes
from cifar_tui.foreign_logs.training_rows import MAX_RETURNS, Trained

MAX_EPOCH_ROWS = 20_000
MIN_EPOCH_ROWS = 200
"""Of each piece, however small a part of the log it is."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the rows before some come to.

    Attributes:
        step: The last one of the training; None where nothing was trained.
        lr: The last learning rate.
        totals: Of the training.
    """

    step: float | None
    lr: float
    totals: Totals


class EpochRows:
    """Makes the epochs of a log."""

    def __init__(self, meaning: Meaning) -> None:
        """Make none yet."""
        self._meaning = meaning
        self.gatherer = EpochGatherer()
        self._step_zero = 0
        self._last = 0.0
        """The last epoch by the log."""

    def returns(self, places: Places) -> list[int]:
        """The rows of a log by epochs at which the training resumes from an earlier one."""
        before = np.concatenate(([self._last], places.epochs))[:-1]
        if len(places.epochs):
            self._last = float(places.epochs[-1])
        returns: list[int] = np.flatnonzero(places.epochs < before)[:MAX_RETURNS].tolist()
        return returns

    def epochs(
        self, rows: Rows, trained: Trained, filler: Mapping[Role, Mask], places: Places, before: Before, share: float
    ) -> Iterator[tuple[int, Epoch]]:
        """The epochs that are complete with these rows, each with the row that completes it.

        Args:
            rows: Those in which the training does not go back.
            trained: What they have of the training.
            filler: Where NaN is nothing in them.
            places: Where they are in the training.
            before: What the rows before them come to.
            share: The part of all there is to read which these rows are.
        """
        roles, sequential = self._meaning.epoch_roles, rows.steps is None
        found = rows_with(rows, roles.values())
        main = next((roles[role] for role in ("val-accuracy", "val-loss", "train-loss") if role in roles), None)
        most = max(MIN_EPOCH_ROWS, math.ceil(MAX_EPOCH_ROWS * share))
        chosen = found[with_extremes(values_at(rows, main, found), most)]
        columns, measured = {}, {}
        for role, name in roles.items():
            if name in rows.names:
                values = values_at(rows, name, chosen)
                columns[role] = self._meaning.fractions(name, values) if role.endswith("accuracy") else values
                measured[role] = np.isin(chosen, rows.present(name))
                if role in filler:
                    measured[role] &= ~filler[role][chosen]
        lrs = values_before(rows, self._meaning.roles["lr"], chosen, before.lr)
        for place, row in enumerate(chosen.tolist()):
            figures = {role: float(columns[role][place]) for role, there in measured.items() if there[place]}
            if not figures:
                continue
            key, new = self._gathered(row, trained, places, before, float(lrs[place]))
            for event in self.gatherer.add(key, new, figures):
                yield row, event
            if sequential:
                for event in self.gatherer.complete(roles, in_order=True, drained=False, ended=False):
                    yield row, event
        for event in self.gatherer.complete(roles, in_order=sequential, drained=False, ended=False):
            yield len(rows), event

    def _gathered(self, row: int, trained: Trained, places: Places, before: Before, lr: float) -> tuple[int, Gathered]:
        """What is known of the epoch that a row belongs to, and what tells it apart from others."""
        batches = int(np.searchsorted(trained.rows, row, side="right"))
        step, epoch = places.steps[row], places.epochs[row]
        number = int(epoch) if not math.isnan(epoch) else None
        trained_to = places.steps[trained.rows[batches - 1]] if batches else before.step
        samples = step
        if self._meaning.by_step is False:
            samples = number = number or int(step)
        elif trained_to is not None:
            if step < trained_to:
                # Scripts often write validations by their epochs, beside a training by its batches.
                number, samples = number or self._counted(step), trained_to
        elif number is None and self._meaning.roles["loss"] is None:
            number = self._counted(step)
            samples = number
        key = number if number is not None else int(step)
        totals = trained.totals(batches, before.totals)
        return key, Gathered(number, int(samples), float(places.t[row]), lr, totals)

    def _counted(self, step: float) -> int:
        """The number of an epoch from 1 of a log that counts them from 0 or from 1 as steps."""
        if step == 0:
            self._step_zero = 1
        return int(step) + self._step_zero
