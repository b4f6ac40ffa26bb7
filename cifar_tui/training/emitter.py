"""The events of a training run: batches a few times a second, epochs, pauses, checkpoints, notes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from cifar_tui.events import (
    AnyEvent,
    Batch,
    Checkpoint,
    Epoch,
    Level,
    Metric,
    Note,
    Paused,
    Resumed,
    SplitName,
)
from cifar_tui.training.clock import Clock
from cifar_tui.training.devices import Placement
from cifar_tui.training.distributed.group import Group
from cifar_tui.training.distributed.replica import SlowestProcess
from cifar_tui.training.evaluation import Evaluation
from cifar_tui.training.metrics import BatchPosition, MeasuredBatch, MeasuredStep, MetricsReader
from cifar_tui.training.progress import Progress

REPORT_SECONDS = 0.1
"""How often batches and measured steps are reported."""

Emit = Callable[[AnyEvent], None]


class EventEmitter:
    """Emits the events of one run, on its training thread, at the times of its clock."""

    def __init__(self, emit: Emit, clock: Clock, placement: Placement, group: Group, batches: int) -> None:
        """Report to `emit`.

        Args:
            emit: Takes each event.
            clock: The run's.
            placement: Where the run computes; losses are read from that device.
            group: The processes that train it.
            batches: Those of an epoch.
        """
        self._emit = emit
        self._clock = clock
        self._placement = placement
        self._batches = batches
        self._group = group
        self._reader = MetricsReader(placement.device, group.processes)
        self._last_report = clock.active
        self._step: MeasuredBatch | None = None
        """The last one whose step was measured, until that is reported."""
        self._step_reported = -REPORT_SECONDS

    def restart_timing(self) -> None:
        """Measure the speed of the next batches from now on."""
        self._last_report = self._clock.active

    def record_batch(
        self, progress: Progress, size: int, losses: Tensor, correct: Tensor, step: MeasuredStep | None
    ) -> None:
        """Take the metrics of the batch that was just counted, and report what has arrived when it is time.

        Args:
            progress: The run's.
            size: Images in the batch.
            losses: What each process adds to their mean cross-entropy, (processes,), on the device.
            correct: How many were predicted right, a scalar, likewise.
            step: Its step, where that was measured.

        Raises:
            DivergedError: A loss is not finite.
        """
        rates = step.rates if step else ()
        position = BatchPosition(progress.epoch, progress.batch, progress.samples, size, progress.lr, rates)
        self._reader.record(position, losses, correct, step.values if step else None)
        if self._clock.active - self._last_report >= REPORT_SECONDS:
            self._report(progress, wait=False)

    def flush_batches(self, progress: Progress) -> None:
        """Report all batches, waiting for the device.

        Raises:
            DivergedError: A loss is not finite.
        """
        self._report(progress, wait=True)

    def epoch(self, progress: Progress, validation: Evaluation, slowest: SlowestProcess | None = None) -> None:
        """Report an epoch that is trained and validated."""
        seconds = self._clock.active - progress.epoch_began
        self._evaluated("validation", validation, progress.epoch, progress.samples)
        self._emit(
            Epoch(
                t=self._clock.t,
                epoch=progress.epoch,
                samples=progress.samples,
                train_loss=progress.loss_sum / progress.images,
                train_accuracy=progress.correct / progress.images,
                val_loss=validation.loss,
                val_accuracy=validation.accuracy,
                lr=progress.lr,
                seconds=seconds,
                images_per_second=progress.images / progress.trained_seconds,
                best=progress.is_best(validation.accuracy),
                slowest_images_per_second=slowest.images_per_second if slowest else None,
                slowest_rank=slowest.rank if slowest else None,
            )
        )

    def test(self, evaluation: Evaluation, epoch: int, samples: int) -> None:
        """Report the test of the weights of an epoch, after training on so many images."""
        self._evaluated("test", evaluation, epoch, samples)

    def paused(self, progress: Progress) -> None:
        """Report a pause."""
        self._emit(Paused(t=self._clock.t, epoch=progress.epoch, batch=progress.batch))

    def resumed(self, progress: Progress) -> None:
        """Report the end of a pause, or that an earlier run is resumed, and where it computes now."""
        self._emit(
            Resumed(
                t=self._clock.t,
                epoch=progress.epoch,
                batch=progress.batch,
                samples=progress.samples,
                device=str(self._placement.device),
                device_name=self._placement.name,
                precision=self._placement.precision,
                threads=self._placement.threads,
                processes=self._group.processes,
                hosts=self._group.hosts,
            )
        )

    def checkpoint(self, progress: Progress, path: str, *, best: bool) -> None:
        """Report a checkpoint that is written: its place in the run folder, and whether its weights are the best."""
        self._emit(Checkpoint(t=self._clock.t, epoch=progress.epoch, batch=progress.batch, path=path, best=best))

    def note(self, level: Level, message: str) -> None:
        """Report a message."""
        self._emit(Note(t=self._clock.t, level=level, message=message))

    def _evaluated(self, split: SplitName, evaluation: Evaluation, epoch: int, samples: int) -> None:
        self._emit(evaluation.event(split, epoch, self._clock.t))
        if evaluation.top5 is not None:
            self._emit(Metric(t=self._clock.t, samples=samples, values={"top5": evaluation.top5}, split=split))

    def _report(self, progress: Progress, *, wait: bool) -> None:
        measured = self._reader.read_all() if wait else self._reader.read()
        if measured:
            self._report_batches(progress, measured)
        # The last one before a checkpoint always: a run that is resumed there has the same metrics.
        if self._step is not None and (wait or self._clock.t - self._step_reported >= REPORT_SECONDS):
            self._step_reported = self._clock.t
            self._emit(self._metric_of(self._step))
            self._step = None

    def _report_batches(self, progress: Progress, measured: Sequence[MeasuredBatch]) -> None:
        t, now = self._clock.t, self._clock.active
        speed = sum(batch.position.size for batch in measured) / max(now - self._last_report, 1e-9)
        self._last_report = now
        for batch in measured:
            position = batch.position
            self._emit(
                Batch(
                    t=t,
                    epoch=position.epoch,
                    batch=position.batch,
                    batches=self._batches,
                    samples=position.samples,
                    loss=batch.loss,
                    accuracy=batch.correct / position.size,
                    lr=position.lr,
                    images_per_second=speed,
                )
            )
            if not math.isfinite(batch.loss):
                raise progress.diverged(f"the loss of batch {position.batch}{self._whose(batch)}")
            progress.add(batch)
            if position.rates:
                self._step = batch

    def _metric_of(self, batch: MeasuredBatch) -> Metric:
        rates = batch.position.rates
        values = {"grad_norm": batch.grad_norm, "update_ratio": batch.update_ratio}
        if len(rates) > 1:
            values |= {f"lr/{number}": rate for number, rate in enumerate(rates)}
        return Metric(t=self._clock.t, samples=batch.position.samples, values=values)

    def _whose(self, batch: MeasuredBatch) -> str:
        """Of several processes, the first whose loss is not finite, where that of another one is."""
        finite = [math.isfinite(part) for part in batch.losses]
        return f" on {self._group.describe(finite.index(False))}" if any(finite) and not all(finite) else ""
