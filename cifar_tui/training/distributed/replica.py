"""The model of each process, which all of them train as one; most runs have one process."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cifar_tui.data.loader import Share


@dataclass(frozen=True, slots=True)
class SlowestProcess:
    """The process that takes the longest for its own share of the images, without waiting for the others."""

    rank: int
    images_per_second: float


class Replica:
    """The only one, with nothing to synchronize. `synchronized.SynchronizedReplica` is one of several."""

    notes: tuple[str, ...] = ()
    """What the user should know."""

    def begin_batch(self) -> None:
        """Begin a batch with the state that the model of rank 0 has, beside its weights; they are the same anyway."""

    def end_batch(
        self,
        loss: Tensor,
        correct: Tensor,
        share: Share,  # noqa: ARG002
        size: int,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor]:
        """Replace the gradients of this process's share, weighted, by those of the mean over the whole batch.

        Args:
            loss: The mean cross-entropy of the share, a scalar on the device.
            correct: How many of its images were predicted right, likewise.
            share: The images that this process has computed.
            size: The images of the whole batch.

        Returns:
            Each process's part of the mean cross-entropy of the batch, (processes,), of which that is the sum; and how
            many of the batch's images were predicted right, a scalar. On the device, and valid until the next call.
        """
        return loss.reshape(1), correct

    def begin_evaluation(self) -> None:
        """Evaluate with the state of the model of rank 0, as its checkpoints have it."""

    def take_slowest(self) -> SlowestProcess | None:
        """The slowest process since the last call; None where there is only one."""
        return None
