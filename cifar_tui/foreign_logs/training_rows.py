"""The training, step by step: from the rows of a log that have its losses to events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cifar_tui.events import Batch
from cifar_tui.foreign_logs.epochs import Totals
from cifar_tui.foreign_logs.fillers import Mask
from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints, Rows
from cifar_tui.foreign_logs.meaning import Meaning
from cifar_tui.foreign_logs.names import Role
from cifar_tui.foreign_logs.places import MAX_STEP, Places, rows_with, values_at, values_before
from cifar_tui.foreign_logs.thinning import with_extremes

MAX_RETURNS = 20
"""How often a piece of a log may go back to an earlier step: a training does when it is resumed."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The rows of the training among some, (n,), with their losses and accuracies, NaN where they have none."""

    rows: Ints
    losses: Floats
    accuracies: Floats
    loss_sums: Floats
    accuracy_sums: Floats

    @classmethod
    def of(cls, rows: Rows, meaning: Meaning, filler: Mapping[Role, Mask]) -> Trained:
        """Those of a log by the step; none of a log by epochs."""
        names = (meaning.roles["loss"], meaning.roles["accuracy"]) if meaning.by_step else (None, None)
        places = rows_with(rows, names)
        if "loss" in filler:
            places = places[~filler["loss"][places]]
        losses = values_at(rows, names[0], places)
        accuracies = meaning.fractions(names[1], values_at(rows, names[1], places))
        return cls(places, losses, accuracies, _finite_sums(losses), _finite_sums(accuracies))

    def totals(self, count: int, before: Totals) -> Totals:
        """The totals after the first `count` of these rows, `before` being those before them."""
        losses, accuracies = (int(np.isfinite(v[:count]).sum()) for v in (self.losses, self.accuracies))
        return Totals(
            before.loss + (float(self.loss_sums[count - 1]) if count else 0.0),
            before.losses + losses,
            before.accuracy + (float(self.accuracy_sums[count - 1]) if count else 0.0),
            before.accuracies + accuracies,
        )


def _finite_sums(values: Floats) -> Floats:
    return np.cumsum(np.where(np.isfinite(values), values, 0.0))


class TrainingRows:
    """Makes the batches of a log by the step."""

    def __init__(self, meaning: Meaning) -> None:
        """Make none yet."""
        self._meaning = meaning
        self.step: float | None = None
        """The last one; None before the first."""
        self._t = 0.0
        self._epoch, self._epoch_start = 0.0, 0.0
        """The current epoch, and the step at which it has begun."""
        self._shift = 0.0
        """What is added to the steps of a log that restart in each epoch."""
        self._is_behind = False
        """Whether the last row was one of an earlier step than those before it."""

    def returns(self, rows: Rows, places: Places) -> list[int]:
        """The rows at which the training resumes from an earlier step; steps that restart in each epoch add up."""
        trained = rows_with(rows, (self._meaning.roles["loss"], self._meaning.roles["accuracy"]))
        counted = places.steps[trained]
        before = np.concatenate((((self.step or 0.0) - self._shift,), counted))[:-1]
        drops = np.flatnonzero(counted < before)
        epochs = np.concatenate(([self._epoch], places.epochs[trained]))
        in_next = epochs[drops + 1] > epochs[drops]
        # One row may be out of order; where the next one is not beyond the drop either, the training has gone back.
        after = np.append(counted, np.inf)[drops + 1]
        is_return = ~in_next & ((after <= before[drops]) | ((drops == 0) & self._is_behind))
        if len(trained):
            self._is_behind = len(drops) > 0 and drops[-1] == len(counted) - 1
        restarts = drops[in_next]
        jumps = np.zeros(len(rows))
        jumps[trained[restarts]] = before[restarts] - counted[restarts] + (counted[restarts] == 0)
        shifts = self._shift + np.cumsum(jumps)
        places.steps[:] = np.minimum(places.steps + shifts, MAX_STEP)
        self._shift = float(shifts[-1])
        returns: list[int] = trained[drops[is_return]].tolist()
        return returns[:MAX_RETURNS]

    def go_back(self, step: float, t: float) -> None:
        """Continue from an earlier step."""
        self.step, self._t, self._is_behind = step, t, False

    def batches(
        self, rows: Rows, trained: Trained, places: Places, *, lr: float, epoch: int, most: int
    ) -> Iterator[tuple[int, Batch]]:
        """The batches of some rows, each with its row.

        Args:
            rows: Those in which the training does not go back.
            trained: What they have of the training.
            places: Where they are in it.
            lr: The last learning rate before them.
            epoch: The current one of a log that does not say it.
            most: As many as that are made about.
        """
        losses, accuracies = trained.losses, trained.accuracies
        chosen = with_extremes(losses if np.isfinite(losses).any() else accuracies, most)
        lrs = values_before(rows, self._meaning.roles["lr"], trained.rows[chosen], lr)
        for place, its_lr in zip(chosen.tolist(), lrs.tolist(), strict=True):
            row = int(trained.rows[place])
            last_step, last_t = self.step or 0.0, self._t
            step, t, its_epoch = max(float(places.steps[row]), last_step), float(places.t[row]), places.epochs[row]
            if its_epoch > self._epoch:
                self._epoch, self._epoch_start = float(its_epoch), last_step
            self.step, self._t = step, t
            batch = Batch(
                t=t,
                epoch=epoch if math.isnan(its_epoch) else int(its_epoch),
                batch=max(0, int(step - self._epoch_start)),
                batches=0,
                samples=int(step),
                loss=float(losses[place]),
                accuracy=float(accuracies[place]),
                lr=its_lr,
                images_per_second=(step - last_step) / (t - last_t) if t > last_t and step > last_step else math.nan,
            )
            yield row, batch
