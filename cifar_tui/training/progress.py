"""Where a training run stands, beside its weights: what the loop counts, and what checkpoints hold of it."""

from __future__ import annotations

from dataclasses import dataclass

from cifar_tui.errors import DivergedError
from cifar_tui.training.metrics import MeasuredBatch


@dataclass(slots=True)
class Progress:
    """The position of a run: `batch` batches of `epoch` are done, `samples` images were seen.

    Every random number is keyed by (seed, epoch, batch), so that this position stands for the generators too.

    Attributes:
        loss_sum: Cross-entropy summed over the images of this epoch that are reported.
        correct: Right predictions among them.
        images: How many they are.
        lr: The last batch's learning rate.
        epoch_began: The run's active seconds when this epoch began.
        trained_seconds: The active seconds of this epoch's training, once it is done.
        best_epoch: The epoch of the best validation accuracy so far.
        best_accuracy: That accuracy.
        stale_epochs: Whole epochs since the best.
    """

    epoch: int = 1
    batch: int = 0
    samples: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    images: int = 0
    lr: float = 0.0
    epoch_began: float = 0.0
    trained_seconds: float = 0.0
    best_epoch: int | None = None
    best_accuracy: float | None = None
    stale_epochs: int = 0

    def finish_batch(self, size: int, lr: float) -> None:
        """Count a batch that was trained on, and the learning rate of its step."""
        self.batch += 1
        self.samples += size
        self.lr = lr

    def add(self, measured: MeasuredBatch) -> None:
        """Add a reported batch to its epoch's means."""
        self.loss_sum += measured.loss * measured.position.size
        self.correct += measured.correct
        self.images += measured.position.size

    def is_best(self, accuracy: float) -> bool:
        """Whether a validation accuracy is better than that of every epoch before."""
        return self.best_accuracy is None or accuracy > self.best_accuracy

    def finish_epoch(self, accuracy: float, active: float) -> None:
        """Count this epoch by its validation accuracy, and stand before the first batch of the next one.

        Args:
            accuracy: That of the epoch.
            active: The run's active seconds now.
        """
        if self.is_best(accuracy):
            self.best_epoch, self.best_accuracy, self.stale_epochs = self.epoch, accuracy, 0
        else:
            self.stale_epochs += 1
        self.epoch, self.batch = self.epoch + 1, 0
        self.loss_sum, self.correct, self.images = 0.0, 0, 0
        self.epoch_began, self.trained_seconds = active, 0.0

    def diverged(self, what: str) -> DivergedError:
        """The error for a number that is no longer finite."""
        return DivergedError(
            f"{what} became infinite or NaN in epoch {self.epoch}: try a lower --max-lr, or --precision fp32"
        )
