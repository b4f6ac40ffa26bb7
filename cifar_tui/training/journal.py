"""A run's bookkeeping beside its arithmetic: where it stands, what it tells, what it keeps on the disk."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor, nn

from cifar_tui.config import TrainingConfig
from cifar_tui.events import AnyEvent, Batch, Checkpoint, Epoch, Level, Note, Paused, Resumed, RunStarted
from cifar_tui.system.files import RECOVERABLE_ERRORS
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.checkpoints.storage import Identity, Progress, Snapshot, Weights
from cifar_tui.training.checkpoints.writer import CheckpointWriter
from cifar_tui.training.clock import Clock
from cifar_tui.training.control import Control
from cifar_tui.training.devices import Placement
from cifar_tui.training.evaluation import Evaluation
from cifar_tui.training.metrics import MetricsReader, Step
from cifar_tui.training.optimizer import Stateful

REPORT_SECONDS = 0.1
"""How often batches are told of."""

Emit = Callable[[AnyEvent], None]


class Journal:
    """Follows one run through its batches and epochs, on its training thread."""

    def __init__(
        self,
        config: TrainingConfig,
        identity: Identity,
        placement: Placement,
        folder: Path,
        emit: Emit,
        objects: tuple[nn.Module, Stateful, Stateful],
        batches: int,
        clock: Clock,
    ) -> None:
        self._config = config
        self._identity = identity
        self._folder = folder
        self._emit = emit
        self._model, self._optimizer, self._schedule = objects
        self._batches = batches
        self._placement = placement
        self._reader = MetricsReader(placement.device)
        self._writer = CheckpointWriter(folder)
        self.progress = Progress()
        self.clock = clock
        self.best_weights: Weights | None = None
        self._reported = self._saved = self.clock.active
        self._failing = False
        """Whether the last checkpoint could not be written."""
        self._kept = False
        """Whether there is one that was written before."""

    @property
    def over(self) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        return self.progress.epoch > self._config.epochs or self.progress.stale_epochs >= self._config.patience

    def begin(self, event: RunStarted, notes: Sequence[str]) -> Progress:
        """Tell of the new run and of what was found in its images; the progress is the journal's own, and moves on."""
        self._emit(event)
        for message in notes:
            self.note("info", message)
        return self.progress

    def restore(self, saved: Snapshot) -> Progress:
        """Go on from a checkpoint.

        Raises:
            InputError: It does not fit.
        """
        storage.restore(saved, self._model, self._optimizer, self._schedule)
        self.progress = saved.progress
        self.best_weights = saved.best_weights and storage.renamed_for(self._model, saved.best_weights)
        self.clock.active = saved.active
        self._reported = self._saved = self.clock.active
        self._kept = True
        self._tell_resumed()
        return self.progress

    def record(self, loss: Tensor, correct: Tensor, size: int, lr: float) -> None:
        """Note a batch that was trained: scalars on the device, its number of images, the rate of its step."""
        progress = self.progress
        progress.batch += 1
        progress.samples += size
        progress.lr = lr
        self._reader.record(Step(progress.epoch, progress.batch, progress.samples, size, lr), loss, correct)
        if self.clock.active - self._reported >= REPORT_SECONDS:
            self._report(wait=False)

    def answer(self, control: Control) -> None:
        """Between two batches: do what other threads ask, and checkpoint when it is time.

        Raises:
            StopTraining: A stop was asked for.
            OSError: A checkpoint could not be written, and that will not pass.
        """
        self._tell_written(wait=False)
        if control.pausing:
            self._begin_to_save()
            self._tell_written(wait=True)
            self._emit(Paused(t=self.clock.t, epoch=self.progress.epoch, batch=self.progress.batch))
            self.clock.pause()
            control.wait_while_paused()
            self.clock.resume()
            if not control.stopping:
                self._tell_resumed()
        control.check()
        if control.take_checkpoint() or self.clock.active - self._saved >= self._config.checkpoint_seconds:
            self._begin_to_save()

    def end_training(self) -> None:
        """After an epoch's last batch: tell of all of them."""
        self._report(wait=True)
        self.progress.trained_seconds = self.clock.active - self.progress.epoch_began

    def end_epoch(self, validation: Evaluation) -> None:
        """After an epoch's validation: tell of it, keep the best weights, begin to save.

        Raises:
            DivergedError: The validation loss or a weight is not finite.
            OSError: The checkpoint before could not be written, and that will not pass.
        """
        progress = self.progress
        if not math.isfinite(validation.loss):
            raise storage.diverged("the validation loss", progress)
        best = progress.best_accuracy is None or validation.accuracy > progress.best_accuracy
        seconds = self.clock.active - progress.epoch_began
        self._emit(validation.event("validation", progress.epoch, self.clock.t))
        self._emit(
            Epoch(
                t=self.clock.t,
                epoch=progress.epoch,
                samples=progress.samples,
                train_loss=progress.loss_sum / progress.images,
                train_accuracy=progress.correct / progress.images,
                val_loss=validation.loss,
                val_accuracy=validation.accuracy,
                lr=progress.lr,
                seconds=seconds,
                images_per_second=progress.images / progress.trained_seconds,
                best=best,
            )
        )
        if best:
            progress.best_epoch, progress.best_accuracy, progress.stale_epochs = progress.epoch, validation.accuracy, 0
            self.best_weights = storage.copy_weights(self._model)
        else:
            progress.stale_epochs += 1
        progress.begin_epoch(progress.epoch + 1, self.clock.active)
        self._begin_to_save(best=best)
        self._reported = self.clock.active

    def save(self, *, best: bool = False) -> None:
        """Checkpoint the run as it stands between two batches, every batch told of; return when it is whole.

        Raises:
            DivergedError: The weights are not finite; the last good checkpoint stays.
            OSError: It could not be written.
        """
        self._begin_to_save(best=best)
        self.finish_saving()

    def note(self, level: Level, message: str) -> None:
        """Tell a person something."""
        self._emit(Note(t=self.clock.t, level=level, message=message))

    def finish_saving(self) -> None:
        """Wait for the checkpoint that is being written, if one is.

        Raises:
            OSError: It could not be written.
        """
        self._tell_written(wait=True, forgiving=False)

    def close(self) -> None:
        """Leave no checkpoint half written, whatever ended the run."""
        self._writer.close()
        with contextlib.suppress(OSError):  # What ended the run is the greater news.
            self.finish_saving()

    def _begin_to_save(self, *, best: bool = False) -> None:
        self._report(wait=True)
        snapshot = Snapshot(
            identity=self._identity,
            progress=self.progress,
            active=self.clock.active,
            weights=self._model.state_dict(),
            optimizer=self._optimizer.state_dict(),
            schedule=self._schedule.state_dict(),
            best_weights=self.best_weights,
        )
        storage.check(snapshot)
        self._tell_written(wait=True)  # One at a time.
        self._writer.write(snapshot, best=best)
        self._saved = self.clock.active

    def _tell_written(self, *, wait: bool, forgiving: bool = True) -> None:
        """Tell of a checkpoint that is whole, or that it could not be written: it is tried again when it is time."""
        try:
            written = self._writer.written(wait=wait)
        except OSError as error:
            if not forgiving or error.errno not in RECOVERABLE_ERRORS:
                raise
            if not self._failing:
                self._failing = True
                why = f"a checkpoint could not be written: {error.strerror}"
                kept = "the one before it is kept" if self._kept else "there is none before it"
                self.note("warning", f"{why}; training goes on, {kept}, the next is tried in time")
            return
        if written:
            self._kept = True
            if self._failing:
                self._failing = False
                self.note("info", "checkpoints can be written again")
            path = f"{self._folder.name}/{written.path.name}"
            epoch, batch = written.progress.epoch, written.progress.batch
            self._emit(Checkpoint(t=self.clock.t, epoch=epoch, batch=batch, path=path, best=written.best))

    def _tell_resumed(self) -> None:
        progress = self.progress
        self._emit(
            Resumed(
                t=self.clock.t,
                epoch=progress.epoch,
                batch=progress.batch,
                samples=progress.samples,
                device=str(self._placement.device),
                device_name=self._placement.name,
                precision=self._placement.precision,
                threads=self._placement.threads,
            )
        )

    def _report(self, *, wait: bool) -> None:
        """Tell of the batches whose values are there; with `wait`, of all.

        Raises:
            DivergedError: A loss is not finite.
        """
        measured = self._reader.read_all() if wait else self._reader.read()
        if not measured:
            return
        t, now = self.clock.t, self.clock.active
        speed = sum(m.step.size for m in measured) / max(now - self._reported, 1e-9)
        self._reported = now
        for m in measured:
            self._emit(
                Batch(
                    t=t,
                    epoch=m.step.epoch,
                    batch=m.step.batch,
                    batches=self._batches,
                    samples=m.step.samples,
                    loss=m.loss,
                    accuracy=m.correct / m.step.size,
                    lr=m.step.lr,
                    images_per_second=speed,
                )
            )
            if not math.isfinite(m.loss):
                raise storage.diverged(f"the loss of batch {m.step.batch}", self.progress)
            self.progress.add(m)
