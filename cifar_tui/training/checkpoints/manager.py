"""The checkpoints of a run under way: when they are due, what they hold, and what is reported of them."""

from __future__ import annotations

import contextlib
from pathlib import Path

from torch import nn

from cifar_tui.analysis.predictions import TOP
from cifar_tui.system.files import RECOVERABLE_ERRORS
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.checkpoints.storage import Identity, Snapshot, Weights
from cifar_tui.training.checkpoints.writer import (
    BestPredictions,
    CheckpointWriter,
    NoWriter,
    SavePredictions,
    Writer,
    Written,
)
from cifar_tui.training.clock import Clock
from cifar_tui.training.emitter import EventEmitter
from cifar_tui.training.evaluation import Evaluation
from cifar_tui.training.optimizer import Stateful
from cifar_tui.training.progress import Progress


class CheckpointManager:
    """Saves one run's model, optimizer, schedule and progress in the background, on its training thread's request."""

    def __init__(
        self,
        folder: Path | None,
        identity: Identity,
        model: nn.Module,
        optimizer: Stateful,
        schedule: Stateful,
        clock: Clock,
        emitter: EventEmitter,
        interval: float,
        save_predictions: SavePredictions | None = None,
    ) -> None:
        """Start without a checkpoint.

        Args:
            folder: The checkpoints' own, in the run folder; None where another process writes them.
            identity: What the checkpoints belong to.
            model: Its weights are saved, like the states of the following two.
            optimizer: As above.
            schedule: As above.
            clock: The run's.
            emitter: Reports checkpoints once they are written, and trouble with writing them.
            interval: Active seconds between two checkpoints.
            save_predictions: Writes the best weights' predictions; as of `CheckpointWriter`.
        """
        self.best_weights: Weights | None = None
        """Those of the best epoch so far."""
        self._identity = identity
        self._model = model
        self._optimizer = optimizer
        self._schedule = schedule
        self._clock = clock
        self._emitter = emitter
        self._interval = interval
        self._saves_predictions = save_predictions is not None
        self._writer: Writer = NoWriter() if folder is None else CheckpointWriter(folder, save_predictions)
        self._predictions: BestPredictions | None = None
        """Those of the best weights, until the first checkpoint after them takes them."""
        self._predictions_failing = False
        self._last_save = clock.active
        self._failing = False
        """Whether the last checkpoint could not be written."""
        self._exists = False
        """Whether there is one that was written before."""

    @property
    def is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self._clock.active - self._last_save >= self._interval

    def restore(self, saved: Snapshot) -> Progress:
        """Put a checkpoint's state into the run's objects and its clock.

        Returns:
            The checkpoint's progress.

        Raises:
            InputError: It does not fit.
        """
        storage.restore(saved, self._model, self._optimizer, self._schedule)
        self.best_weights = saved.best_weights and storage.renamed_for(self._model, saved.best_weights)
        self._clock.active = saved.active
        self._last_save = self._clock.active
        self._exists = True
        return saved.progress

    def keep_best(self, validated: Evaluation, epoch: int) -> None:
        """Copy the present weights as the best so far, and take what they predicted for the validation images."""
        self.best_weights = storage.copy_weights(self._model)
        if self._saves_predictions:
            self._predictions = BestPredictions(epoch, *validated.most_probable(TOP))

    def save(self, progress: Progress, *, best: bool = False) -> None:
        """Start to write the run as it stands between two batches, all of which have been reported.

        Args:
            progress: The run's.
            best: Whether the weights are the best so far.

        Raises:
            DivergedError: The weights are not finite; the last good checkpoint stays.
            OSError: The checkpoint before could not be written, and that is not recoverable.
        """
        snapshot = Snapshot(
            identity=self._identity,
            progress=progress,
            active=self._clock.active,
            weights=self._model.state_dict(),
            optimizer=self._optimizer.state_dict(),
            schedule=self._schedule.state_dict(),
            best_weights=self.best_weights,
        )
        storage.check_finite(snapshot)
        self.report_written(wait=True)  # One at a time.
        self._writer.write(snapshot, best=best, predictions=self._predictions)
        self._predictions = None
        self._last_save = self._clock.active

    def report_written(self, *, wait: bool = False) -> None:
        """Report a checkpoint that has been written, or that it could not be: the next one is tried when it is due.

        Args:
            wait: Whether to wait for one that is being written.

        Raises:
            OSError: It could not be written, and that is not recoverable.
        """
        try:
            written = self._writer.written(wait=wait)
        except OSError as error:
            if error.errno not in RECOVERABLE_ERRORS:
                raise
            if not self._failing:
                self._failing = True
                why = f"a checkpoint could not be written: {error.strerror}"
                kept = "the previous one is kept" if self._exists else "there is no previous one"
                self._emitter.note("warning", f"{why}; training continues, {kept}, the next attempt follows in time")
            return
        self._report(written)

    def finish(self) -> None:
        """Wait for the checkpoint that is being written, if one is, and report it.

        Raises:
            OSError: It could not be written.
        """
        self._report(self._writer.written(wait=True))

    def close(self) -> None:
        """Leave no checkpoint half written, whatever ended the run."""
        self._writer.close()
        with contextlib.suppress(OSError):  # What ended the run is the greater news.
            self.finish()

    def _report(self, written: Written | None) -> None:
        if written is None:
            return
        self._exists = True
        if self._failing:
            self._failing = False
            self._emitter.note("info", "checkpoints can be written again")
        if written.problem and not self._predictions_failing:
            self._emitter.note(
                "warning", f"the predictions for the validation images could not be written: {written.problem}"
            )
        self._predictions_failing = bool(written.problem)
        self._emitter.checkpoint(written.progress, f"{written.path.parent.name}/{written.path.name}", best=written.best)
