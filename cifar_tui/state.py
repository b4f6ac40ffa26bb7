"""The state of a run, folded from its events: the same for live, attached and finished runs.

It has no clock, no files and no threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, ClassVar

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import (
    AnyEvent,
    Batch,
    Checkpoint,
    Epoch,
    Evaluated,
    Note,
    Paused,
    Resumed,
    RunFinished,
    RunStarted,
    RunStatus,
    Seconds,
)
from cifar_tui.system.untrusted.codec import Between

CURVE_POINTS = 2048
"""The most points of a live curve: four for each column of a very wide chart."""
MAX_NOTES = 1000
MAX_EPOCHS = 100_000
MAX_RESUMPTIONS = 10_000
"""Epochs beyond the first, and resumptions before the last so many are dropped: anybody may write a stream."""
MAX_MATRIX_CELLS = 6_000_000
"""The most memory of all validations' confusion matrices; beyond it, the oldest matrices are dropped."""
NO_MATRIX = ConfusionMatrix.of(())
SPEED_SECONDS = 3.0
"""The time constant of the smoothed training speed."""
VALIDATION_COST = 1 / 3
"""The cost of an image in validation, relative to training: a backward pass takes about twice a forward pass."""


@dataclass(slots=True)
class Point:
    """Neighbouring values of a curve, merged: their mean, and their extremes so that spikes stay visible.

    `first` and `last` are in samples seen; the extremes and the mean are over the finite values, NaN where none is.
    """

    in_order: ClassVar[bool] = True
    """For the codec."""
    first: int
    last: int
    t: float
    mean: float
    low: float
    high: float
    count: int


@dataclass(slots=True)
class Curve:
    """A bounded series over samples seen: beyond `CURVE_POINTS` points, neighbours are merged in pairs."""

    points: list[Point] = field(default_factory=list)
    values_per_point: Annotated[int, Between(1)] = 1

    def append(self, samples: int, t: float, value: float) -> None:
        """Add the value at `samples`, which is above all earlier ones."""
        point = Point(samples, samples, t, value, value, value, 1)
        if self.points and self.points[-1].count < self.values_per_point:
            self.points[-1] = _merge(self.points[-1], point)
            return
        self.points.append(point)
        if len(self.points) > CURVE_POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=False)
            rest = self.points[len(self.points) // 2 * 2 :]
            self.points = [_merge(a, b) for a, b in pairs] + rest
            self.values_per_point *= 2

    def truncate(self, samples: int) -> None:
        """Drop the points that reach beyond `samples`."""
        while self.points and self.points[-1].last > samples:
            self.points.pop()


def _merge(a: Point, b: Point) -> Point:
    finite = [p for p in (a, b) if math.isfinite(p.mean)]
    weight = sum(p.count for p in finite)
    return Point(
        first=a.first,
        last=b.last,
        t=b.t,
        mean=sum(p.mean * p.count for p in finite) / weight if weight else math.nan,
        low=min((p.low for p in finite), default=math.nan),
        high=max((p.high for p in finite), default=math.nan),
        count=a.count + b.count,
    )


@dataclass(slots=True)
class Speed:
    """The training speed, as an average over about the last epoch, exponentially weighted.

    Attributes:
        samples: Images that were trained on, the earlier ones at less than one each.
        seconds: The time that they took, weighted likewise.
        measured: Samples and active seconds up to where the two reach.
        latest: Samples and active seconds of the last batch. Several batches are reported at once: all that came at one
            moment are measured when the next ones come.
    """

    in_order: ClassVar[bool] = True
    samples: float = 0.0
    seconds: float = 0.0
    measured: tuple[int, float] | None = None
    latest: tuple[int, float] | None = None

    def reach(self, samples: int, seconds: float, epoch_samples: int) -> None:
        """Record that training has reached `samples` after `seconds` of active time."""
        if self.latest is not None and seconds > self.latest[1]:
            self._measure(*self.latest, epoch_samples)
        self.latest = samples, seconds

    def skip(self, samples: int, seconds: float, epoch_samples: int) -> None:
        """Leave out the time from the last batch to here, in which nothing was trained."""
        if self.latest is not None:
            self._measure(*self.latest, epoch_samples)
        self.measured = self.latest = samples, seconds

    def _measure(self, samples: int, seconds: float, epoch_samples: int) -> None:
        # What comes first is a place to measure from and no more: a device takes its time to warm up.
        before, at = self.measured or (samples, seconds)
        if samples > before:
            keep = math.exp((before - samples) / epoch_samples)
            self.samples = self.samples * keep + samples - before
            self.seconds = self.seconds * keep + seconds - at
        self.measured = samples, seconds

    @property
    def per_sample(self) -> float:
        """Seconds for each image; NaN if unknown."""
        return self.seconds / self.samples if self.samples > 0 else math.nan


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
    epochs: list[Epoch] = field(default_factory=list)
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
    finished: RunFinished | None = None

    @property
    def best_saved(self) -> bool:
        """Whether the weights of the best epoch are on the disk, at the latest with the first checkpoint after it."""
        return self.best is not None and self.checkpoint is not None and self.checkpoint.epoch > self.best.epoch

    def apply(self, event: AnyEvent) -> None:
        """Update the state with the next event of the run's stream."""
        self.t = max(self.t, event.t)
        match event:
            case RunStarted():
                self._begin(event)
            case Batch():
                self._apply_batch(event)
            case Epoch():
                self._apply_epoch(event)
            case Evaluated():
                self._apply_evaluated(event)
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
        self.epoch, self.batch, self.samples = event.epoch, event.batch, event.samples
        self.lr, self.loss, self.accuracy = event.lr, event.loss, event.accuracy
        self._measure(event)
        self.batch_loss.append(event.samples, event.t, event.loss)
        self.batch_accuracy.append(event.samples, event.t, event.accuracy)

    def _measure(self, event: Batch) -> None:
        passed = self.seconds - self.speed.latest[1] if self.speed.latest else math.inf
        if math.isfinite(self.images_per_second):
            weight = 1 - math.exp(-passed / SPEED_SECONDS)
            self.images_per_second += weight * (event.images_per_second - self.images_per_second)
        else:
            self.images_per_second = event.images_per_second
        self.speed.reach(event.samples, self.seconds, self._epoch_samples)

    def _apply_epoch(self, event: Epoch) -> None:
        if len(self.epochs) < MAX_EPOCHS:
            self.epochs.append(event)
        self.epoch, self.samples, self.lr = event.epoch, event.samples, event.lr
        if self.started:
            self.batch = self.started.batches
        self.images_per_second = event.images_per_second
        self.speed.skip(event.samples, self.seconds, self._epoch_samples)

    def _apply_evaluated(self, event: Evaluated) -> None:
        if self.started and len(event.confusion) != len(self.started.classes):
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
        if self.paused_at is not None:
            self.paused_seconds += self.t - self.paused_at
            self.paused_at = None
        else:
            self.speed = Speed()
        self.status = "running"
        self.finished = None
        self.test = None
        self.epoch, self.batch, self.samples = event.epoch, event.batch, event.samples
        if event.batch == 0 and event.epoch > 1 and self.started:
            # As after any whole epoch: there may be no next one.
            self.epoch, self.batch = event.epoch - 1, self.started.batches
        # Training leaves an epoch only when it is validated: all epochs before the resumed one are whole.
        del self.epochs[event.epoch - 1 :]
        self._drop_validations(event.epoch - 1)
        self.batch_loss.truncate(event.samples)
        self.batch_accuracy.truncate(event.samples)
        self.resumptions.append(event)
        del self.resumptions[:-MAX_RESUMPTIONS]

    @property
    def _epoch_samples(self) -> int:
        return max(1, self.started.train_samples) if self.started else 1

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest validation accuracy so far, the first of equals."""
        known = (e for e in self.epochs if not math.isnan(e.val_accuracy))
        return max(known, key=lambda e: (e.val_accuracy, -e.epoch), default=None)

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

    @property
    def progress(self) -> float:
        """The fraction of the planned training that is done."""
        if self.started is None:
            return 0.0
        total = self.started.epochs * self.started.batches
        return min(1.0, ((self.epoch - 1) * self.started.batches + self.batch) / total)

    @property
    def eta(self) -> float:
        """Seconds left at the current speed for all planned epochs, validation included; NaN if unknown."""
        if self.started is None or self.finished is not None:
            return math.nan
        per_sample = self.speed.per_sample
        if not per_sample > 0:
            per_sample = 1 / self.images_per_second if self.images_per_second > 0 else math.nan
        validation = self.started.validation_samples * per_sample * VALIDATION_COST
        if self.validations:
            recent = [e.seconds for e in self.validations[-3:]]
            validation = sum(recent) / len(recent)
        left = self.started.epochs * self.started.train_samples - self.samples
        return max(left * per_sample + (self.started.epochs - len(self.epochs)) * validation, 0.0)
