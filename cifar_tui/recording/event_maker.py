"""The events of a recording, from what its script has logged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.errors import one_line
from cifar_tui.events import (
    MAX_VALUES,
    AnyEvent,
    Batch,
    Epoch,
    Evaluated,
    Level,
    Metric,
    Note,
    Paused,
    Resumed,
    RunStarted,
    Split,
)
from cifar_tui.recording.items import EpochEnded, EpochStarted, Evaluation, Item, Logged, Noted, PauseChanged
from cifar_tui.recording.plan import SOURCE, Plan
from cifar_tui.recording.values import Captured, Fetcher
from cifar_tui.state.run_state import MAX_SERIES, series_name

LOSS, ACCURACY, LR = "loss", "accuracy", "lr"
KNOWN = (LOSS, ACCURACY, LR)
"""Names of values that all runs have."""
NO_MATRIX = ConfusionMatrix.of(())


class EventMaker:
    """Makes a stream of what is logged, in order; means of an epoch are over all finite values logged in it."""

    def __init__(self, plan: Plan, run_id: str) -> None:
        self._plan = plan
        self._id = run_id
        self._started = False
        self._last = Logged(0.0, 0, 1, 0, {})
        """The last one; its step is the highest so far."""
        self._sums = {LOSS: [0.0, 0], ACCURACY: [0.0, 0]}
        """Of the training in this epoch, with their counts."""
        self._has_loss = False
        """Whether the loss has been a number."""
        self._lr = math.nan
        self._clock = _ActiveClock()
        self._speed = _Interval()
        """Since the last batch that was written."""
        self._epoch = _Interval()
        """Since the epoch began."""
        self._validation: Evaluation | None = None
        """Of this epoch, so far."""
        self._best = -math.inf
        self._names: set[str] = set()
        self._noted: set[str] = set()

    def events(self, items: Sequence[Item], fetcher: Fetcher) -> Iterator[AnyEvent]:
        """The events of the next items; of numbers that were logged one soon after the other, the last ones."""
        if items:
            yield from self.begin(items[0].t)
        captured: list[Captured] = [value for item in items for value in _values(item).values()]
        try:
            fetched = fetcher.fetch(captured)
        except Exception as error:  # noqa: BLE001  (whatever a device reports, the recording continues)
            fetched = [math.nan] * len(captured)
            yield from self._note_once(items[0].t, f"values on a device could not be read: {one_line(error)}")
        numbers = iter(fetched)
        latest: dict[str, tuple[Logged, float]] = {}
        for item in items:
            values = {name: next(numbers) for name in _values(item)}
            if isinstance(item, Logged):
                yield from self._count(item, values)
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

    def _count(self, item: Logged, values: dict[str, float]) -> Iterator[Note]:
        if item.step < self._last.step and LOSS in values:
            yield from self._note_once(
                item.t, f"step {item.step} comes after step {self._last.step}: losses stand at the highest step"
            )
        step = max(item.step, self._last.step)
        self._last = item if step == item.step else replace(item, step=step)
        self._lr = values.get(LR, self._lr)
        for name, sums in self._sums.items():
            if math.isfinite(value := values.get(name, math.nan)):
                sums[0] += value
                sums[1] += 1
                self._has_loss |= name == LOSS
            elif name in values:
                # Of a loss that was a number before, the health check warns.
                level: Level = "info" if name == LOSS and self._has_loss else "warning"
                yield from self._note_once(item.t, f"the {name} is {value} from step {item.step} on", name, level)

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
                images_per_second=self._speed.speed(samples, self._clock.active(item.t)),
            )
        by_step: dict[int, dict[str, float]] = {}
        for name, (item, value) in latest.items():
            if name not in KNOWN or (name == LR and LOSS not in latest):
                by_step.setdefault(item.step, {})[name] = value
        for step, values in sorted(by_step.items()):
            yield from self._metrics(self._last.t, step, values, "train")

    def _event(self, item: Item, values: dict[str, float]) -> Iterator[AnyEvent]:
        match item:
            case EpochStarted():
                for interval in (self._epoch, self._speed):
                    interval.start(self._samples(self._last.step), self._clock.active(item.t))
            case Evaluation():
                yield from self._evaluated(replace(item, values=values))
            case EpochEnded():
                yield from self._validation_of_epoch()
                yield self._epoch_ended(item, values)
            case Noted():
                yield Note(t=item.t, level=item.level, message=item.message)
            case PauseChanged(paused=True):
                self._clock.pause(item.t)
                yield Paused(t=item.t, epoch=item.epoch, batch=item.batch)
            case PauseChanged():
                self._clock.resume(item.t)
                samples = self._samples(self._last.step)
                yield Resumed(t=item.t, epoch=item.epoch, batch=item.batch, samples=samples)

    def _evaluated(self, item: Evaluation) -> Iterator[AnyEvent]:
        others = {name: value for name, value in item.values.items() if name not in (LOSS, ACCURACY)}
        yield from self._metrics(item.t, self._last.step, others, item.split)
        figures = {name: value for name, value in item.values.items() if name in (LOSS, ACCURACY)}
        item = replace(item, values=figures)
        if item.split == "test":
            yield _evaluated(item)
            return
        before = self._validation
        if before is None:
            self._validation = item
        elif figures.keys() & before.values.keys():
            # The epoch has one before: it is a point of a series, and the last one is the epoch's.
            yield from self._metrics(before.t, self._last.step, before.values, "validation")
            self._validation = item
        else:
            confusion = before.confusion if item.confusion is None else item.confusion
            self._validation = replace(item, values=before.values | figures, confusion=confusion)

    def _validation_of_epoch(self) -> Iterator[Evaluated]:
        if self._validation is not None:
            yield _evaluated(self._validation)

    def _epoch_ended(self, item: EpochEnded, means: dict[str, float]) -> Epoch:
        validation = {} if self._validation is None else self._validation.values
        self._validation = None
        accuracy = validation.get(ACCURACY, math.nan)
        best = accuracy > self._best
        self._best = max(self._best, accuracy) if best else self._best
        samples = self._samples(self._last.step)
        means = {name: total / count if count else math.nan for name, (total, count) in self._sums.items()} | means
        self._sums = {name: [0.0, 0] for name in self._sums}
        now = self._clock.active(item.t)
        seconds = now - self._epoch.t
        # Without the validation, which comes behind the last batch.
        speed = self._epoch.speed(samples, self._clock.active(self._last.t))
        self._epoch.start(samples, now)
        self._speed.start(samples, now)
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
            images_per_second=speed,
            best=best,
        )

    def _note_once(self, t: float, message: str, about: str = "", level: Level = "warning") -> Iterator[Note]:
        """A note, at most one of its kind."""
        kind = about or message.partition(" ")[0]
        if kind not in self._noted:
            self._noted.add(kind)
            yield Note(t=t, level=level, message=message)

    def _metrics(self, t: float, step: int, values: dict[str, float], split: Split) -> Iterator[Metric | Note]:
        self._names |= {series_name(name, split) for name in values}
        if len(self._names) > MAX_SERIES:
            yield from self._note_once(t, f"more than {MAX_SERIES} metrics are logged: the first ones are shown")
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


class _ActiveClock:
    """The time of a run without its pauses."""

    def __init__(self) -> None:
        self._paused = 0.0
        self._paused_at: float | None = None

    def pause(self, t: float) -> None:
        self._paused_at = t

    def resume(self, t: float) -> None:
        if self._paused_at is not None:
            self._paused += t - self._paused_at
        self._paused_at = None

    def active(self, t: float) -> float:
        """The active time at `t`, behind the last pause."""
        return t - self._paused


class _Interval:
    """The samples and the active time since the last look."""

    def __init__(self) -> None:
        self.samples, self.t = 0, 0.0

    def start(self, samples: int, t: float) -> None:
        """Look here."""
        self.samples, self.t = samples, t

    def speed(self, samples: int, t: float) -> float:
        """Samples per second since the last look; NaN where there are none."""
        before, since = self.samples, self.t
        self.start(samples, t)
        return (samples - before) / (t - since) if samples > before and t > since else math.nan


def _evaluated(item: Evaluation) -> Evaluated:
    return Evaluated(
        t=item.t,
        split=item.split,
        epoch=item.epoch,
        loss=item.values.get(LOSS, math.nan),
        accuracy=item.values.get(ACCURACY, math.nan),
        confusion=NO_MATRIX if item.confusion is None else item.confusion,
        seconds=math.nan,
    )


def _values(item: Item) -> dict[str, Captured]:
    return item.values if isinstance(item, Logged | Evaluation | EpochEnded) else {}
