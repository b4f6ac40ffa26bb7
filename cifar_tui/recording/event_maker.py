"""The events of a recording, from what its script has logged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import (
    MAX_VALUES,
    AnyEvent,
    Batch,
    Epoch,
    Evaluated,
    Metric,
    Note,
    Paused,
    Resumed,
    RunStarted,
    Split,
)
from cifar_tui.recording.items import EpochEnded, Evaluation, Item, Logged, Noted, PauseChanged
from cifar_tui.recording.plan import SOURCE, Plan
from cifar_tui.recording.values import Captured, Fetcher

LOSS, ACCURACY, LR = "loss", "accuracy", "lr"
KNOWN = (LOSS, ACCURACY, LR)
"""Names of values that all runs have."""
NO_MATRIX = ConfusionMatrix.of(())


class EventMaker:
    """Makes a stream of what is logged, in order; means of an epoch are over all that was logged in it."""

    def __init__(self, plan: Plan, run_id: str) -> None:
        self._plan = plan
        self._id = run_id
        self._started = False
        self._last = Logged(0.0, 0, 1, 0, {})
        """The last one."""
        self._sums = {LOSS: [0.0, 0], ACCURACY: [0.0, 0]}
        """Of the training in this epoch, with their counts."""
        self._lr = math.nan
        self._speed = _Interval()
        self._epoch = _Interval()
        self._validation: dict[str, float] = {}
        self._best = -math.inf

    def events(self, items: Sequence[Item], fetcher: Fetcher) -> Iterator[AnyEvent]:
        """The events of the next items; of numbers that were logged one soon after the other, the last ones."""
        if items:
            yield from self.begin(items[0].t)
        captured: list[Captured] = [value for item in items for value in _values(item).values()]
        numbers = iter(fetcher.fetch(captured))
        latest: dict[str, tuple[Logged, float]] = {}
        for item in items:
            values = {name: next(numbers) for name in _values(item)}
            if isinstance(item, Logged):
                self._count(item, values)
                latest |= {name: (item, value) for name, value in values.items()}
            else:
                yield from self._logged(latest)
                latest = {}
                yield from self._event(item, values)
        yield from self._logged(latest)

    def begin(self, t: float) -> Iterator[RunStarted]:
        """The first event, where it has not been made yet."""
        if not self._started:
            self._started = True
            yield self._run_started(t)

    def _count(self, item: Logged, values: dict[str, float]) -> None:
        self._last = item
        self._lr = values.get(LR, self._lr)
        for name, sums in self._sums.items():
            if name in values:
                sums[0] += values[name]
                sums[1] += 1

    def _logged(self, latest: dict[str, tuple[Logged, float]]) -> Iterator[AnyEvent]:
        if not latest:
            return
        if LOSS in latest or ACCURACY in latest:
            item = self._last
            samples = self._samples(item.step)
            yield Batch(
                t=item.t,
                epoch=item.epoch,
                batch=item.batch,
                batches=self._plan.batches or 0,
                samples=samples,
                loss=latest[LOSS][1] if LOSS in latest else math.nan,
                accuracy=latest[ACCURACY][1] if ACCURACY in latest else math.nan,
                lr=self._lr,
                images_per_second=self._speed.speed(samples, item.t),
            )
        by_step: dict[int, dict[str, float]] = {}
        for name, (item, value) in latest.items():
            if name not in KNOWN or (name == LR and LOSS not in latest):
                by_step.setdefault(item.step, {})[name] = value
        for step, values in sorted(by_step.items()):
            yield from self._metrics(self._last.t, step, values, "train")

    def _event(self, item: Item, values: dict[str, float]) -> Iterator[AnyEvent]:
        match item:
            case Evaluation():
                if item.split == "validation":
                    self._validation = values
                yield from self._evaluated(item, values)
            case EpochEnded():
                yield self._epoch_ended(item)
            case Noted():
                yield Note(t=item.t, level=item.level, message=item.message)
            case PauseChanged(paused=True):
                yield Paused(t=item.t, epoch=item.epoch, batch=item.batch)
            case PauseChanged():
                samples = self._samples(self._last.step)
                yield Resumed(t=item.t, epoch=item.epoch, batch=item.batch, samples=samples)

    def _evaluated(self, item: Evaluation, values: dict[str, float]) -> Iterator[AnyEvent]:
        others = {name: value for name, value in values.items() if name not in (LOSS, ACCURACY)}
        yield from self._metrics(item.t, self._last.step, others, item.split)
        yield Evaluated(
            t=item.t,
            split=item.split,
            epoch=item.epoch,
            loss=values.get(LOSS, math.nan),
            accuracy=values.get(ACCURACY, math.nan),
            confusion=NO_MATRIX if item.confusion is None else item.confusion,
            seconds=math.nan,
        )

    def _epoch_ended(self, item: EpochEnded) -> Epoch:
        validation, self._validation = self._validation, {}
        accuracy = validation.get(ACCURACY, math.nan)
        best = accuracy > self._best
        self._best = max(self._best, accuracy) if best else self._best
        samples = self._samples(self._last.step)
        seconds = item.t - self._epoch.t
        means = {name: total / count if count else math.nan for name, (total, count) in self._sums.items()}
        self._sums = {name: [0.0, 0] for name in self._sums}
        return Epoch(
            t=item.t,
            epoch=item.epoch,
            samples=samples,
            train_loss=means[LOSS],
            train_accuracy=means[ACCURACY],
            val_loss=validation.get(LOSS, math.nan),
            val_accuracy=accuracy,
            lr=self._lr,
            seconds=seconds,
            images_per_second=self._epoch.speed(samples, item.t),
            best=best,
        )

    def _metrics(self, t: float, step: int, values: dict[str, float], split: Split) -> Iterator[Metric]:
        names = list(values)
        for start in range(0, len(names), MAX_VALUES):
            part = {name: values[name] for name in names[start : start + MAX_VALUES]}
            yield Metric(t=t, samples=self._samples(step), values=part, split=split)

    def _samples(self, step: int) -> int:
        return step * (self._plan.batch_size or 1)

    def _run_started(self, t: float) -> RunStarted:
        plan = self._plan
        return RunStarted.elsewhere(
            t=t,
            id=self._id,
            model=plan.model,
            data=plan.data,
            classes=plan.classes,
            epochs=plan.epochs,
            batches=plan.batches,
            batch_size=plan.batch_size,
            train_samples=plan.batches and plan.batches * (plan.batch_size or 1),
            source=SOURCE,
            unit="steps" if plan.batch_size is None else "images",
        )


class _Interval:
    """The samples and the time since the last look."""

    def __init__(self) -> None:
        self.samples, self.t = 0, 0.0

    def speed(self, samples: int, t: float) -> float:
        """Samples per second since the last call; NaN where there are none."""
        before, since = self.samples, self.t
        self.samples, self.t = samples, t
        return (samples - before) / (t - since) if samples > before and t > since else math.nan


def _values(item: Item) -> dict[str, Captured]:
    return item.values if isinstance(item, Logged | Evaluation) else {}
