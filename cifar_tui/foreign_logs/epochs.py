"""Epochs of a log whose figures come in several rows: gathered, and handed on when they are complete."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from cifar_tui.events import Epoch
from cifar_tui.foreign_logs.names import Role

VALIDATION: frozenset[Role] = frozenset({"val-loss", "val-accuracy"})
MAX_GATHERED = 50_000


@dataclass(slots=True)
class Totals:
    """The sums and counts of the training's losses and accuracies up to some row."""

    loss: float = 0.0
    losses: int = 0
    accuracy: float = 0.0
    accuracies: int = 0


@dataclass(slots=True)
class Gathered:
    """What is known of an epoch.

    Attributes:
        number: By the log; None where it does not say.
        samples: The step at its end.
        totals: Of the training up to there.
    """

    number: int | None
    samples: int
    t: float
    lr: float
    totals: Totals
    figures: dict[Role, float] = field(default_factory=dict)

    @property
    def is_validated(self) -> bool:
        """Whether something of its validation is known."""
        return not VALIDATION.isdisjoint(self.figures)


class EpochGatherer:
    """Makes the events of epochs, numbered upwards from 1: where one is validated more than once, each time is one."""

    def __init__(self) -> None:
        self.last = 0
        """The number of the last one."""
        self.merged = False
        """Whether an epoch was validated more than once."""
        self._gathered: dict[int, Gathered] = {}
        self._ends: list[int] = []
        """The samples at the end of each that was handed on."""
        self._bests: list[tuple[int, int, float]] = []
        """The samples at the end of each that was the best one so far, its number, and its validation accuracy."""
        self._end_t = 0.0
        self._totals = Totals()

    @property
    def best(self) -> tuple[int, float] | None:
        """The number of the best one, and its validation accuracy."""
        return self._bests[-1][1:] if self._bests else None

    @property
    def count(self) -> int:
        """How many were handed on."""
        return len(self._ends)

    def add(self, key: int, new: Gathered, figures: Mapping[Role, float]) -> Iterator[Epoch]:
        """Add figures to an epoch; the event of an earlier one with the same key, which has them already."""
        known = self._gathered.get(key)
        if known is not None and not known.figures.keys().isdisjoint(figures):
            yield self._event(self._gathered.pop(key))
            known = None
        if known is None:
            known = self._gathered[key] = new
        known.figures.update(figures)
        known.samples, known.t = max(known.samples, new.samples), max(known.t, new.t)

    def complete(self, expected: Collection[Role], *, in_order: bool, drained: bool, ended: bool) -> Iterator[Epoch]:
        """The events of those that nothing more is expected of.

        Args:
            expected: The figures that the log has.
            in_order: Whether whatever is known of an epoch comes before the next one's.
            drained: Whether all that was written is read.
            ended: Whether nothing more will come at all.
        """
        keys = list(self._gathered)
        for place, key in enumerate(keys):
            each = self._gathered[key]
            later = place < len(keys) - 1
            done = (
                ended
                or (each.figures.keys() >= set(expected) and (in_order or each.is_validated or drained))
                or (each.is_validated and (later or drained))
                or (later and (in_order or drained or len(self._gathered) > MAX_GATHERED))
            )
            if done:
                yield self._event(self._gathered.pop(key))

    def go_back(self, samples: int) -> int:
        """Forget the epochs that end behind these samples: the training continues there; how many are left."""
        self._gathered.clear()
        del self._ends[bisect_right(self._ends, samples) :]
        while self._bests and self._bests[-1][0] > samples:
            self._bests.pop()
        self.last = len(self._ends)
        return self.last

    def continue_from(self, totals: Totals) -> None:
        """Count the training's means from here on."""
        self._totals = totals

    def _event(self, each: Gathered) -> Epoch:
        number = max(each.number or 0, self.last + 1)
        self.merged |= each.number is not None and number > each.number
        figures, before, totals = each.figures, self._totals, each.totals
        accuracy = figures.get("val-accuracy", math.nan)
        samples = max(each.samples, self._ends[-1] if self._ends else 0)
        best = accuracy > (self.best[1] if self.best else -math.inf)
        if best:
            self._bests.append((samples, number, accuracy))
        seconds = each.t - self._end_t
        trained = samples - (self._ends[-1] if self._ends else 0)
        self.last = number
        self._ends.append(samples)
        self._end_t, self._totals = each.t, totals
        return Epoch(
            t=each.t,
            epoch=number,
            samples=samples,
            train_loss=figures.get("train-loss", _mean(totals.loss - before.loss, totals.losses - before.losses)),
            train_accuracy=figures.get(
                "train-accuracy", _mean(totals.accuracy - before.accuracy, totals.accuracies - before.accuracies)
            ),
            val_loss=figures.get("val-loss", math.nan),
            val_accuracy=accuracy,
            lr=each.lr,
            seconds=seconds if seconds > 0 else math.nan,
            images_per_second=trained / seconds if seconds > 0 and trained else math.nan,
            best=best,
        )


def _mean(total: float, count: int) -> float:
    return total / count if count > 0 else math.nan
