"""The state of a run, folded from its events: the same for live, attached and finished runs.

It has no clock, no files and no threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Annotated

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import (
    AnyEvent,
    Batch,
    Checkpoint,
    DeviceUsage,
    Epoch,
    Evaluated,
    Metric,
    Note,
    Paused,
    Resumed,
    RunFinished,
    RunStarted,
    RunStatus,
    Seconds,
    Split,
)
from cifar_tui.state import open_warnings
from cifar_tui.state.curve import CURVE_POINTS, Curve
from cifar_tui.state.speed import Speed
from cifar_tui.state.usage import usage_series
from cifar_tui.system.untrusted.codec import AtMost

MAX_SERIES = 100
"""The most metrics of a run: anybody may write a stream."""
MAX_HISTORIES, HISTORY_POINTS = 400, CURVE_POINTS // 4
"""The most series of what the hardware does, which eight hosts of eight GPUs have, and the most points of each."""
MAX_SERIES_NAME = 200
"""Characters of a series' name that are kept."""
MAX_NOTES = 1000
MAX_EPOCHS = 100_000
MAX_RESUMPTIONS = 10_000
"""Epochs beyond the first, and resumptions before the last so many are dropped: anybody may write a stream."""
MAX_EPOCH_VALUES = 200_000
"""The most values of metrics that are kept for epochs; beyond it, those of the oldest epochs are dropped."""
MAX_MATRIX_CELLS = 6_000_000
"""The most memory of all validations' confusion matrices; beyond it, the oldest matrices are dropped."""
NO_MATRIX = ConfusionMatrix.of(())
SPEED_SECONDS = 3.0
"""The time constant of the smoothed training speed."""
VALIDATION_COST = 1 / 3
"""The cost of an image in validation, relative to training: a backward pass takes about twice a forward pass."""


@dataclass(slots=True)
class RunState:
    """Everything that the dashboard, the command line and reports show of a run. `apply` is its only writer."""

    started: RunStarted | None = None
    status: RunStatus = "running"
    epoch: int = 1
    """The current epoch, or the last one."""
    batch: int = 0
    """Batches trained in it."""
    samples: int = 0
    t: Seconds = 0.0
    lr: float = math.nan
    loss: float = math.nan
    """Of the last batch."""
    accuracy: float = math.nan
    images_per_second: float = math.nan
    """Smoothed over the last seconds of training, or an epoch's mean."""
    speed: Speed = field(default_factory=Speed)
    batch_loss: Curve = field(default_factory=Curve)
    batch_accuracy: Curve = field(default_factory=Curve)
    batch_lr: Curve = field(default_factory=Curve)
    """Of the batches whose learning rate is known."""
    metrics: Annotated[dict[str, Curve], AtMost(MAX_SERIES)] = field(default_factory=dict)
    """By name, in the order in which they came: `grad_norm`; of other splits than the training's, `validation/top5`."""
    history: Annotated[dict[str, Curve], AtMost(MAX_HISTORIES)] = field(default_factory=dict)
    """What the hardware did, by `usage_series`, over milliseconds since the run began."""
    usage: dict[str, DeviceUsage] = field(default_factory=dict)
    """The last one of each process, by its rank."""
    epochs: list[Epoch] = field(default_factory=list)
    epoch_metrics: list[Annotated[dict[str, float], AtMost(MAX_SERIES)]] = field(default_factory=list)
    """For each of them, the last value in it of each series of `metrics` that has one there."""
    epoch_values: int = 0
    """How many values these are."""
    epoch_metrics_dropped: int = 0
    """How many of them, from the first, have lost their values."""
    validations: list[Evaluated] = field(default_factory=list)
    """One for each whole epoch, in order."""
    matrix_cells: int = 0
    """The memory of their confusion matrices."""
    matrices_dropped: int = 0
    """How many of them, from the first, have lost their matrices."""
    test: Evaluated | None = None
    checkpoint: Checkpoint | None = None
    resumptions: list[Resumed] = field(default_factory=list)
    paused_at: Seconds | None = None
    """The start of the current pause."""
    paused_seconds: Seconds = 0.0
    """The length of all earlier pauses."""
    notes: list[Note] = field(default_factory=list)
    """The last `MAX_NOTES`."""
    warnings: Annotated[dict[str, Note], AtMost(open_warnings.MAX_WARNINGS)] = field(default_factory=dict)
    """What the health check has found and is not over, by topic, the newest last."""
    finished: RunFinished | None = None

    @property
    def best_saved(self) -> bool:
        """Whether the weights of the best epoch are on the disk, at the latest with the first checkpoint after it."""
        return self.best is not None and self.checkpoint is not None and self.checkpoint.epoch > self.best.epoch

    def apply(self, event: AnyEvent) -> None:
        """Update the state with the next event of the run's stream."""
        self.t = max(self.t, event.t)
        open_warnings.update(self.warnings, event)
        match event:
            case RunStarted():
                self._begin(event)
            case Batch():
                self._apply_batch(event)
            case Epoch():
                self._apply_epoch(event)
            case Evaluated():
                self._apply_evaluated(event)
            case Metric():
                self._apply_metric(event)
            case DeviceUsage():
                self._apply_usage(event)
            case Checkpoint():
                self.checkpoint = event
            case Paused():
                self.status, self.paused_at = "paused", self.t
            case Resumed():
                self._apply_resumed(event)
            case Note():
                self.notes.append(event)
                del self.notes[:-MAX_NOTES]
            case RunFinished():
                self.finished = event
                self.status = event.state

    def _begin(self, event: RunStarted) -> None:
        """Start, or start over: a run that ended before its first checkpoint keeps its notes only."""
        new = RunState(started=event, t=self.t, notes=self.notes)
        for each in fields(new):
            setattr(self, each.name, getattr(new, each.name))

    def _apply_batch(self, event: Batch) -> None:
        self.status = "running"
        if event.batches and self.started is not None and self.started.batches is None:
            # A script says it with its first epoch.
            samples = event.batches * (self.started.batch_size or 1)
            self.started = replace(self.started, batches=event.batches, train_samples=samples)
        self.epoch, self.batch, self.samples = event.epoch, event.batch, event.samples
        self.lr, self.loss, self.accuracy = event.lr, event.loss, event.accuracy
        self._measure(event.samples, event.images_per_second)
        self.batch_loss.append(event.samples, event.t, event.loss)
        self.batch_accuracy.append(event.samples, event.t, event.accuracy)
        if math.isfinite(event.lr):
            self.batch_lr.append(event.samples, event.t, event.lr)

    def _measure(self, samples: int, images_per_second: float) -> None:
        passed = self.seconds - self.speed.latest[1] if self.speed.latest else math.inf
        if math.isfinite(self.images_per_second):
            weight = 1 - math.exp(-passed / SPEED_SECONDS)
            self.images_per_second += weight * (images_per_second - self.images_per_second)
        else:
            self.images_per_second = images_per_second
        self.speed.reach(samples, self.seconds, self._epoch_samples)

    def _apply_metric(self, event: Metric) -> None:
        if event.samples > self.samples and not (self.batch_loss.points or self.epochs):
            # Of a training that logs neither losses nor epochs, the steps of its metrics are all that says its speed.
            if self.speed.latest is None:
                self.speed.reach(event.samples, self.seconds, self._epoch_samples)
            elif (passed := self.seconds - self.speed.latest[1]) > 0:
                self._measure(event.samples, (event.samples - self.speed.latest[0]) / passed)
        self.samples = max(self.samples, event.samples)
        for name, value in event.values.items():
            _append(self.metrics, series_name(name, event.split), event.samples, event.t, value)

    def _apply_usage(self, event: DeviceUsage) -> None:
        if len(self.usage) < MAX_SERIES or str(event.rank) in self.usage:
            self.usage[str(event.rank)] = event
        for name, value in usage_series(event):
            _append(self.history, name, int(event.t * 1000), event.t, value, MAX_HISTORIES, HISTORY_POINTS)

    def _apply_epoch(self, event: Epoch) -> None:
        if len(self.epochs) < MAX_EPOCHS:
            self._add_epoch_metrics()
            self.epochs.append(event)
        self.epoch, self.samples, self.lr = event.epoch, event.samples, event.lr
        if self.started:
            self.batch = self.started.batches or self.batch
        self.images_per_second = event.images_per_second
        self.speed.skip(event.samples, self.seconds, self._epoch_samples)

    def _add_epoch_metrics(self) -> None:
        """Keep the last values of the epoch that ends; where all of them become too many, drop the oldest."""
        start = self.epochs[-1].samples if self.epochs else 0
        values = {name: curve.latest for name, curve in self.metrics.items() if curve.end > start}
        self.epoch_metrics.append(values)
        self.epoch_values += len(values)
        while self.epoch_values > MAX_EPOCH_VALUES and self.epoch_metrics_dropped < len(self.epoch_metrics) - 1:
            self.epoch_values -= len(self.epoch_metrics[self.epoch_metrics_dropped])
            self.epoch_metrics[self.epoch_metrics_dropped] = {}
            self.epoch_metrics_dropped += 1

    def _apply_evaluated(self, event: Evaluated) -> None:
        if self.started and not _fits(event.confusion, self.started):
            return  # It is damaged: its rows belong to other classes.
        if event.split == "validation":
            self.add_validation(event)
        else:
            self.test = event

    def add_validation(self, event: Evaluated) -> None:
        """Append a validation; where all matrices together become too large, drop the oldest."""
        if len(self.validations) == MAX_EPOCHS:
            return
        self.validations.append(event)
        self.matrix_cells += event.confusion.cost
        while self.matrix_cells > MAX_MATRIX_CELLS and self.matrices_dropped < len(self.validations) - 1:
            oldest = self.validations[self.matrices_dropped]
            self.matrix_cells += NO_MATRIX.cost - oldest.confusion.cost
            self.validations[self.matrices_dropped] = replace(oldest, confusion=NO_MATRIX)
            self.matrices_dropped += 1

    def _drop_validations(self, start: int) -> None:
        """Drop the validations from the `start`-th on."""
        self.matrix_cells -= sum(each.confusion.cost for each in self.validations[start:])
        del self.validations[start:]
        self.matrices_dropped = min(self.matrices_dropped, len(self.validations))

    def _apply_resumed(self, event: Resumed) -> None:
        """Go back to where training resumes: the events after it will be repeated."""
        if event.device and self.started is not None:
            self.started = replace(
                self.started,
                device=event.device,
                precision=event.precision,
                threads=event.threads,
                processes=event.processes or self.started.processes,
                hosts=event.hosts or self.started.hosts,
            )
        was_paused = self.paused_at is not None
        if self.paused_at is not None:
            self.paused_seconds += self.t - self.paused_at
            self.paused_at = None
        else:
            self.speed = Speed()
        self.status = "running"
        if was_paused and self.started is not None and self.started.source:
            self._add_resumption(event)
            return  # A script goes back nowhere: no other process takes its training up.
        self.finished = None
        self.test = None
        self.epoch, self.batch, self.samples = event.epoch, event.batch, event.samples
        if event.batch == 0 and event.epoch > 1 and self.started:
            # As after any whole epoch: there may be no next one.
            self.epoch, self.batch = event.epoch - 1, self.started.batches or 0
        # Training leaves an epoch only when it is validated: all epochs before the resumed one are whole.
        del self.epochs[event.epoch - 1 :]
        self.epoch_values -= sum(map(len, self.epoch_metrics[event.epoch - 1 :]))
        del self.epoch_metrics[event.epoch - 1 :]
        self.epoch_metrics_dropped = min(self.epoch_metrics_dropped, len(self.epoch_metrics))
        self._drop_validations(event.epoch - 1)
        for curve in (self.batch_loss, self.batch_accuracy, self.batch_lr, *self.metrics.values()):
            curve.truncate(event.samples)
        self._add_resumption(event)

    def _add_resumption(self, event: Resumed) -> None:
        self.resumptions = [*self.resumptions, event][-MAX_RESUMPTIONS:]

    @property
    def _epoch_samples(self) -> int:
        return (self.started and self.started.train_samples) or 1

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest validation accuracy so far, the first of equals."""
        known = (e for e in self.epochs if not math.isnan(e.val_accuracy))
        return max(known, key=lambda e: (e.val_accuracy, -e.epoch), default=None)

    @property
    def counts_no_epochs(self) -> bool:
        """Whether nobody has said which epoch this is, as scripts need not: `samples` alone says how far it is."""
        started = self.started
        if started is None or not started.source:
            return False
        return not (started.epochs or self.epochs or self.batch)

    @property
    def best_by_loss(self) -> Epoch | None:
        """The epoch with the lowest validation loss so far, the first of equals; None where accuracies are known."""
        if self.best is not None:
            return None
        known = (e for e in self.epochs if math.isfinite(e.val_loss))
        return min(known, key=lambda e: (e.val_loss, e.epoch), default=None)

    @property
    def seconds(self) -> float:
        """Training time so far, without pauses."""
        return (self.t if self.paused_at is None else self.paused_at) - self.paused_seconds

    @property
    def training_speed(self) -> float | None:
        """Training images per second over all whole epochs, without validation and pauses."""
        if not self.epochs:
            return None
        counts = [e.samples - s for e, s in zip(self.epochs, [0, *(e.samples for e in self.epochs)], strict=False)]
        speeds = [(n, e.images_per_second) for n, e in zip(counts, self.epochs, strict=True)]
        seconds = sum(n / speed for n, speed in speeds if speed > 0)
        speed = sum(counts) / seconds if seconds else math.nan
        return speed if 0 < speed < math.inf else None

    def ending(self, status: RunStatus, message: str, t: float) -> RunFinished:
        """The last event of a run that ends now in this way."""
        best, test = self.best, self.test
        best_epoch = best or self.best_by_loss
        return RunFinished(
            t=t,
            state=status,
            message=message,
            epochs=len(self.epochs),
            best_epoch=best_epoch.epoch if best_epoch else None,
            best_val_accuracy=best.val_accuracy if best else None,
            test_loss=test.loss if test else None,
            test_accuracy=test.accuracy if test else None,
            seconds=self.seconds,
        )

    @property
    def planned_samples(self) -> int | None:
        """Those of the whole training; None where that is not known."""
        started = self.started
        return started.epochs * started.train_samples if started and started.epochs and started.train_samples else None

    @property
    def progress(self) -> float:
        """The fraction of the planned training that is done; NaN where the plan is not known."""
        if self.started is None:
            return 0.0
        if not (self.started.epochs and self.started.batches):
            return math.nan
        total = self.started.epochs * self.started.batches
        return min(1.0, ((self.epoch - 1) * self.started.batches + self.batch) / total)

    @property
    def eta(self) -> float:
        """Seconds left at the current speed for all planned epochs, validation included; NaN if unknown."""
        if self.started is None or self.finished is not None or self.planned_samples is None:
            return math.nan
        per_sample = self.speed.per_sample
        if not per_sample > 0:
            per_sample = 1 / self.images_per_second if self.images_per_second > 0 else math.nan
        validation = self.started.validation_samples * per_sample * VALIDATION_COST
        recent = [e.seconds for e in self.validations[-3:] if math.isfinite(e.seconds)]
        if recent:
            validation = sum(recent) / len(recent)
        left = self.planned_samples - self.samples
        epochs_left = (self.started.epochs or 0) - len(self.epochs)
        return max(left * per_sample + epochs_left * validation, 0.0)


def _fits(confusion: ConfusionMatrix, started: RunStarted) -> bool:
    """Whether a matrix is of the run's classes. That of a script may be missing, or the names of its classes."""
    if started.source and not (confusion and started.classes):
        return True
    return len(confusion) == len(started.classes)


def series_name(name: str, split: Split) -> str:
    """The name of the series of a metric: that of the training's is the metric's own."""
    return name if split == "train" else f"{split}/{name}"


def _append(
    series: dict[str, Curve],
    name: str,
    at: int,
    t: float,
    value: float,
    most: int = MAX_SERIES,
    points: int = CURVE_POINTS,
) -> None:
    """Add a value to a series; one that comes before the series' last is dropped, as is a series too many."""
    name = name[:MAX_SERIES_NAME]
    if name not in series:
        if len(series) == most:
            return
        series[name] = Curve(most=points)
    if at >= series[name].end:
        series[name].append(at, t, value)
