"""From the rows of a log to the events of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import AnyEvent, Batch, Epoch, Evaluated, Metric, Note, Resumed, RunStarted
from cifar_tui.foreign_logs.epoch_rows import Before, EpochRows
from cifar_tui.foreign_logs.epochs import EpochGatherer, Totals
from cifar_tui.foreign_logs.fillers import fillers
from cifar_tui.foreign_logs.formats.log_reader import LogPlan
from cifar_tui.foreign_logs.formats.log_rows import Rows, RowsPart
from cifar_tui.foreign_logs.meaning import Meaning
from cifar_tui.foreign_logs.metric_rows import metrics
from cifar_tui.foreign_logs.places import Locator, Places, rows_with, values_at, values_before
from cifar_tui.foreign_logs.training_rows import Trained, TrainingRows

NO_MATRIX = ConfusionMatrix.of(())
MIN_BATCHES = 20
"""Of each piece, however small a part of the log it is."""


class RowEvents:
    """Makes events of a log's rows, from its beginning on."""

    def __init__(self, run_id: str, source: str, meaning: Meaning) -> None:
        """Make none yet.

        Args:
            run_id: Of the run.
            source: What has written the log.
            meaning: What its names stand for; it learns from rows before this reads them.
        """
        self._id, self._source, self._meaning = run_id, source, meaning
        self._locator = Locator()
        self._training = TrainingRows(meaning)
        self._epochs = EpochRows(meaning)
        self._totals = Totals()
        self._lr = math.nan
        self._end = 0
        """The step of the last event."""
        self.bulk = True
        """Whether the next rows are from before the reading began."""
        self._test: Evaluated | None = None
        self._merged_reported = False

    @property
    def t(self) -> float:
        """The time of the last row; of a log that has none, since the reading began."""
        times = self._locator.times
        return times.t if times.is_known else max(times.t, times.arrival)

    @property
    def last_t(self) -> float:
        """The time of the last row; of a log that has none, when it was read."""
        return self._locator.times.t

    @property
    def epochs(self) -> EpochGatherer:
        """Its epochs so far."""
        return self._epochs.gatherer

    @property
    def test(self) -> Evaluated | None:
        """Its last test."""
        return self._test

    def start(self, plan: LogPlan) -> list[AnyEvent]:
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
        most = max(MIN_BATCHES, math.ceil(most * share)) if self.bulk else most
        returns = self._training.returns(rows, places) if self._meaning.by_step else self._epochs.returns(places)
        found: list[AnyEvent] = []
        for number, (begin, end) in enumerate(pairwise([0, *returns, len(rows)])):
            if number:
                found.append(self._resumed(places, begin))
            if begin < end:
                found += self._part(
                    RowsPart(rows, begin, end) if returns else rows, places.part(begin, end), most, share
                )
        return found

    def _part(self, rows: Rows, places: Places, most: int, share: float) -> list[AnyEvent]:
        """The events of rows in which the training does not go back."""
        filler = fillers(rows, self._meaning.roles) if self._meaning.by_step else {}
        trained = Trained.of(rows, self._meaning, filler)
        before = Before(self._training.step, self._lr, self._totals)
        epoch = self.epochs.last + 1
        placed: list[tuple[int, AnyEvent]] = [
            *self._training.batches(rows, trained, places, lr=before.lr, epoch=epoch, most=most),
            *self._epochs.epochs(rows, trained, filler, places, before, share),
            *self._merged(len(rows)),
            *self._tests(rows, places),
            *metrics(rows, places, self._meaning.others, most),
        ]
        self._totals = trained.totals(len(trained.rows), self._totals)
        self._lr = float(values_before(rows, self._meaning.roles["lr"], np.array([len(rows) - 1]), self._lr)[0])
        found = [event for _, event in sorted(placed, key=lambda each: each[0])]
        self._end = max([self._end, *(each.samples for each in found if isinstance(each, Batch | Epoch | Metric))])
        return found

    def drained(self) -> list[AnyEvent]:
        """The events that wait for nothing that is written soon, when all that was written is read."""
        self.bulk = False
        roles = self._meaning.epoch_roles
        return list(self.epochs.complete(roles, in_order=False, drained=True, ended=False))

    def ending(self) -> list[AnyEvent]:
        """The events of what is left when nothing more comes."""
        return list(self.epochs.complete((), in_order=False, drained=True, ended=True))

    def continuing(self) -> Resumed:
        """The event with which a run continues that seemed to have ended."""
        self._test = None  # It is void for all that read the event.
        after = max(self.epochs.last, self.epochs.count) + 1
        return Resumed(t=self.t, epoch=after, batch=0, samples=self._end)

    def _resumed(self, places: Places, row: int) -> Resumed:
        """The event with which the training resumes from an earlier step, or before an earlier epoch."""
        by_step = self._meaning.by_step
        step, t = float(places.steps[row] if by_step else places.epochs[row] - 1), float(places.t[row])
        self._training.go_back(step, t)
        self._end, self._test = int(step), None
        after = self.epochs.go_back(int(step)) + 1
        self.epochs.continue_from(self._totals)
        return Resumed(t=t, epoch=after, batch=1 if by_step else 0, samples=int(step))

    def _merged(self, row: int) -> Iterator[tuple[int, Note]]:
        if self.epochs.merged and not self._merged_reported:
            self._merged_reported = True
            text = "an epoch is validated more than once: each validation is shown as an epoch"
            yield row, Note(t=self.t, level="info", message=text)

    def _tests(self, rows: Rows, places: Places) -> Iterator[tuple[int, Evaluated]]:
        names = [self._meaning.roles["test-loss"], self._meaning.roles["test-accuracy"]]
        tested = rows_with(rows, names)[-1:]
        for row in tested.tolist():
            loss, accuracy = (values_at(rows, name, tested) for name in names)
            self._test = Evaluated(
                t=float(places.t[row]),
                split="test",
                epoch=max(self.epochs.last, 1),
                loss=float(loss[0]),
                accuracy=float(self._meaning.fractions(names[1], accuracy)[0]),
                confusion=NO_MATRIX,
                seconds=math.nan,
            )
            yield row, self._test
