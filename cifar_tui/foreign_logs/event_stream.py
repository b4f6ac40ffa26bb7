"""From the rows of a log to the events of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import MAX_VALUES, AnyEvent, Batch, Evaluated, Metric, Note, Resumed, RunStarted, Split
from cifar_tui.foreign_logs.epochs import EpochGatherer, Gathered, Totals
from cifar_tui.foreign_logs.formats.log_reader import Plan
from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints, Rows, RowsPart
from cifar_tui.foreign_logs.meaning import Meaning
from cifar_tui.foreign_logs.names import Role, split_of
from cifar_tui.foreign_logs.places import MAX_STEP, Locator, Places, rows_with, values_at, values_before
from cifar_tui.foreign_logs.thinning import evenly, with_extremes

MAX_METRIC_VALUES = 100_000
"""Of all metrics together, in a log that is read at once; beyond it, each has fewer."""
MAX_EPOCH_ROWS = 20_000
MAX_RETURNS = 20
"""How often a piece of a log may go back to an earlier step: a training does when it is resumed."""
NO_MATRIX = ConfusionMatrix.of(())
Placed = tuple[int, AnyEvent]
"""An event and the row that it is of."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The rows of the training among some, (n,), with their losses and accuracies, NaN where they have none."""

    rows: Ints
    losses: Floats
    accuracies: Floats
    loss_sums: Floats
    accuracy_sums: Floats

    @classmethod
    def of(cls, rows: Rows, meaning: Meaning) -> Trained:
        """Those of a log by the step."""
        names = meaning.roles["loss"], meaning.roles["accuracy"]
        places = rows_with(rows, names)
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


NOTHING_TRAINED = Trained(*(np.empty(0, kind) for kind in (np.int64, float, float, float, float)))


class EventStream:
    """Makes events of a log's rows, from its beginning on."""

    def __init__(self, run_id: str, source: str, meaning: Meaning) -> None:
        """Make none yet.

        Args:
            run_id: Of the run.
            source: What has written the log.
            meaning: What its names stand for; it is told of rows before this is.
        """
        self._id, self._source, self._meaning = run_id, source, meaning
        self._locator = Locator()
        self._epochs = EpochGatherer()
        self._totals = Totals()
        self._lr = math.nan
        self._batch: tuple[float, float] = (0.0, 0.0)
        """The step and the time of the last batch."""
        self._epoch_start = 0.0
        """The step at which the current epoch has begun."""
        self._epoch = 0.0
        self._end = 0
        """The last step of any row."""
        self._shift = 0.0
        self._step_zero = 0
        self.bulk = True
        """Whether the next rows are from before the reading began."""
        self._test: Evaluated | None = None
        self._merged_told = False

    @property
    def t(self) -> float:
        """The time of the last row; of a log that has none, since the reading began."""
        return self._locator.t if self._locator.has_clock else max(self._locator.t, self._locator.arrival)

    @property
    def last_t(self) -> float:
        """The time of the last row; of a log that has none, when it was read."""
        return self._locator.t

    @property
    def epochs(self) -> EpochGatherer:
        """Its epochs so far."""
        return self._epochs

    @property
    def test(self) -> Evaluated | None:
        """Its last test."""
        return self._test

    def start(self, plan: Plan) -> list[AnyEvent]:
        """The first event."""
        by_epoch = 1 if self._meaning.by_step is False else None
        started = RunStarted.elsewhere(
            t=0.0,
            id=self._id,
            model=self._id.rpartition("/")[2],
            source=self._source,
            unit="steps",
            epochs=plan.epochs,
            batches=plan.batches,
            train_samples=plan.batches or by_epoch,
        )
        return [started]

    def events(self, rows: Rows, *, most: int, share: float) -> list[AnyEvent]:
        """The events of the next rows.

        Args:
            rows: The next ones.
            most: Batches, and values of each metric, in all that there is to read.
            share: The part of that which these rows are.
        """
        places = self._locator.locate(rows, self._meaning.roles, bulk=self.bulk)
        most = max(20, math.ceil(most * share)) if self.bulk else most
        returns = self._returns(rows, places) if self._meaning.by_step else []
        if not returns:
            return self._part(rows, places, most, share)
        found = self._part(RowsPart(rows, 0, returns[0]), places.part(0, returns[0]), most, share)
        for begin, end in pairwise([*returns, len(rows)]):
            found.append(self._resumed(places, begin))
            found += self._part(RowsPart(rows, begin, end), places.part(begin, end), most, share)
        return found

    def _part(self, rows: Rows, places: Places, most: int, share: float) -> list[AnyEvent]:
        """The events of rows in which the training does not go back."""
        trained = Trained.of(rows, self._meaning) if self._meaning.by_step else NOTHING_TRAINED
        placed = [
            *self._batches(rows, trained, places, most),
            *self._epoch_events(rows, trained, places, share),
            *self._tests(rows, places),
            *self._metrics(rows, places, most),
        ]
        self._totals = trained.totals(len(trained.rows), self._totals)
        return [event for _, event in sorted(placed, key=lambda each: each[0])]

    def drained(self) -> list[AnyEvent]:
        """The events that wait for nothing that is written soon, when all that was written is read."""
        self.bulk = False
        roles = self._meaning.epoch_roles
        return list(self._epochs.complete(roles, in_order=False, drained=True, ended=False))

    def ending(self) -> list[AnyEvent]:
        """The events of what is left when nothing more comes."""
        return list(self._epochs.complete((), in_order=False, drained=True, ended=True))

    def continuing(self) -> Resumed:
        """The event with which a run continues that seemed to have ended."""
        after = max(self._epochs.last, self._epochs.count) + 1
        return Resumed(t=self.t, epoch=after, batch=0, samples=self._end)

    # The training, step by step

    def _returns(self, rows: Rows, places: Places) -> list[int]:
        """The rows at which the training resumes from an earlier step; steps that restart in each epoch add up."""
        trained = rows_with(rows, (self._meaning.roles["loss"], self._meaning.roles["accuracy"]))
        counted = places.steps[trained]
        before = np.concatenate(([self._batch[0] - self._shift], counted))[:-1]
        drops = np.flatnonzero(counted < before)
        epochs = np.concatenate(([self._epoch], places.epochs[trained]))
        in_next = epochs[drops + 1] > epochs[drops]
        anew = drops[in_next]
        jumps = np.zeros(len(rows))
        jumps[trained[anew]] = before[anew] - counted[anew] + (counted[anew] == 0)
        shifts = self._shift + np.cumsum(jumps)
        places.steps[:] = np.minimum(places.steps + shifts, MAX_STEP)
        self._shift = float(shifts[-1])
        returns: list[int] = trained[drops[~in_next]].tolist()
        return returns[:MAX_RETURNS]

    def _resumed(self, places: Places, row: int) -> Resumed:
        step, t = float(places.steps[row]), float(places.t[row])
        self._batch = step, t
        return Resumed(t=t, epoch=self._epochs.go_back(int(step)) + 1, batch=1, samples=int(step))

    def _batches(self, rows: Rows, trained: Trained, places: Places, most: int) -> Iterator[Placed]:
        if not len(trained.rows):
            return
        losses, accuracies = trained.losses, trained.accuracies
        chosen = with_extremes(losses if np.isfinite(losses).any() else accuracies, most)
        lrs = values_before(rows, self._meaning.roles["lr"], trained.rows[chosen], self._lr)
        self._lr = float(lrs[-1])
        last_step, last_t = self._batch
        for place, lr in zip(chosen.tolist(), lrs.tolist(), strict=True):
            row = int(trained.rows[place])
            step, t, epoch = max(float(places.steps[row]), last_step), float(places.t[row]), float(places.epochs[row])
            if epoch > self._epoch:
                self._epoch, self._epoch_start = epoch, last_step
            speed = (step - last_step) / (t - last_t) if t > last_t and step > last_step else math.nan
            last_step, last_t = step, t
            yield (
                row,
                Batch(
                    t=t,
                    epoch=int(epoch) if epoch == epoch else self._epochs.last + 1,
                    batch=max(0, int(step - self._epoch_start)),
                    batches=0,
                    samples=int(step),
                    loss=float(losses[place]),
                    accuracy=float(accuracies[place]),
                    lr=lr,
                    images_per_second=speed,
                ),
            )
        self._batch = last_step, last_t
        self._end = max(self._end, int(places.steps[trained.rows].max()))

    # The epochs, and the test

    def _epoch_events(self, rows: Rows, trained: Trained, places: Places, share: float) -> Iterator[Placed]:
        roles, sequential = self._meaning.epoch_roles, rows.steps is None
        found = rows_with(rows, roles.values())
        main = next((roles[role] for role in ("val-accuracy", "val-loss", "train-loss") if role in roles), None)
        chosen = found[with_extremes(values_at(rows, main, found), max(200, math.ceil(MAX_EPOCH_ROWS * share)))]
        columns = {
            role: self._fractions(role, name, values_at(rows, name, chosen)).tolist() for role, name in roles.items()
        }
        lrs = values_before(rows, self._meaning.roles["lr"], chosen, self._lr)
        for place, row in enumerate(chosen.tolist()):
            figures = {role: value[place] for role, value in columns.items() if not math.isnan(value[place])}
            if not figures:
                continue
            key, new = self._gathered(row, trained, places, float(lrs[place]))
            for event in self._epochs.add(key, new, figures):
                yield row, event
            if sequential:
                for event in self._epochs.complete(roles, in_order=True, drained=False, ended=False):
                    yield row, event
        if not self._meaning.by_step and len(lrs):
            self._lr = float(lrs[-1])
        for event in self._epochs.complete(roles, in_order=sequential, drained=False, ended=False):
            yield len(rows), event
        if self._epochs.merged and not self._merged_told:
            self._merged_told = True
            text = "an epoch is validated more than once: each validation is shown as an epoch"
            yield len(rows), Note(t=self.t, level="info", message=text)

    def _fractions(self, role: Role, name: str, values: Floats) -> Floats:
        return self._meaning.fractions(name, values) if role.endswith("accuracy") else values

    def _gathered(self, row: int, trained: Trained, places: Places, lr: float) -> tuple[int, Gathered]:
        """What is known of the epoch that a row belongs to, and what tells it apart from others."""
        batches = int(np.searchsorted(trained.rows, row, side="right"))
        step, epoch = places.steps[row], places.epochs[row]
        number = int(epoch) if not math.isnan(epoch) else None
        samples = step
        if self._meaning.by_step is False:
            samples = number = number or int(step)
        elif batches or self._totals.losses:
            trained_to = places.steps[trained.rows[batches - 1]] if batches else self._batch[0]
            if step < trained_to:
                # Scripts often write validations by their epochs, beside a training by its batches.
                number, samples = number or self._counted(step), trained_to
        elif number is None and self._meaning.roles["loss"] is None:
            number = self._counted(step)
            samples = number
        key = number if number is not None else int(step)
        self._end = max(self._end, int(samples))
        return key, Gathered(number, int(samples), float(places.t[row]), lr, trained.totals(batches, self._totals))

    def _counted(self, step: float) -> int:
        """The number of an epoch from 1 of a log that counts them from 0 or from 1 as steps."""
        if step == 0:
            self._step_zero = 1
        return int(step) + self._step_zero

    def _tests(self, rows: Rows, places: Places) -> Iterator[Placed]:
        names = [self._meaning.roles["test-loss"], self._meaning.roles["test-accuracy"]]
        tested = rows_with(rows, names)[-1:]
        for row in tested.tolist():
            loss, accuracy = (values_at(rows, name, tested) for name in names)
            self._test = Evaluated(
                t=float(places.t[row]),
                split="test",
                epoch=max(self._epochs.last, 1),
                loss=float(loss[0]),
                accuracy=float(self._meaning.fractions(names[1], accuracy)[0]),
                confusion=NO_MATRIX,
                seconds=math.nan,
            )
            yield row, self._test

    # All the rest

    def _metrics(self, rows: Rows, places: Places, most: int) -> Iterator[Placed]:
        others = [name for name in rows.names if name in self._meaning.others]
        most = min(most, max(20, MAX_METRIC_VALUES // max(len(others), 1)))
        found: dict[tuple[int, Split], dict[str, float]] = {}
        for name in others:
            split, short = split_of(name)
            chosen = evenly(rows.present(name), most)
            for row, value in zip(chosen.tolist(), rows.numbers(name, chosen).tolist(), strict=True):
                if not math.isnan(value):
                    found.setdefault((row, split), {})[short] = value
        for (row, split), values in found.items():
            step = int(places.steps[row])
            self._end = max(self._end, step)
            for part in _parts(values):
                yield row, Metric(t=float(places.t[row]), samples=step, values=part, split=split)


def _parts(values: Mapping[str, float]) -> Iterator[dict[str, float]]:
    names = list(values)
    for start in range(0, len(names), MAX_VALUES):
        yield {name: values[name] for name in names[start : start + MAX_VALUES]}
