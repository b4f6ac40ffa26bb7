"""One of several replicas of a model: their gradients are averaged after each batch, as all of them are trained as one.

The gradients of all weights go as one vector, whose sum over the processes is the same to the last bit in each of them,
and each time. `DistributedDataParallel` sends them in parts, and decides anew at its second batch in which: from three
processes on, a sum may then be rounded otherwise in a run that was resumed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cifar_tui.data.loader import Share
from cifar_tui.training.distributed.replica import Replica, SlowestProcess
from cifar_tui.training.distributed.timing import CpuTimer, CudaTimer, Timer

if TYPE_CHECKING:
    from cifar_tui.training.distributed.joined import JoinedGroup

NORMALISING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
PER_PROCESS = (
    "batch normalisation: each process takes the mean and the variance of its own share of a batch; "
    "only GPUs synchronize them"
)
"""The note of a run on CPUs whose model normalises batches."""


class _Vector:
    """The gradients of all weights of one real type, one behind the other, and a tail of other numbers behind them."""

    def __init__(self, weights: Sequence[Tensor], dtype: torch.dtype, device: torch.device, tail: int = 0) -> None:
        sizes = [weight.numel() * (1 + weight.is_complex()) for weight in weights]
        self.values = torch.zeros(sum(sizes) + tail, dtype=dtype, device=device)
        *parts, self.tail = self.values.split([*sizes, tail])
        self.views = {id(weight): _shaped_like(weight, part) for weight, part in zip(weights, parts, strict=True)}
        """That of each weight by the weight's identity, in its shape and its order in memory."""


def _shaped_like(weight: Tensor, part: Tensor) -> Tensor:
    if weight.is_complex():
        return torch.view_as_complex(part.view(*weight.shape, 2))
    if weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last):
        # As its gradient is: to put them into another order would take longer than to add them up.
        return part.as_strided(weight.shape, weight.stride(), part.storage_offset())
    return part.view(weight.shape)


class SynchronizedReplica(Replica):
    """One of several.

    Args:
        model: This process's, on its device.
        group: The processes.
    """

    def __init__(self, model: nn.Module, group: JoinedGroup) -> None:
        self._model = model
        self._group = group
        self._device = next(itertools.chain(model.parameters(), model.buffers())).device
        self._timer: Timer = CudaTimer() if self._device.type == "cuda" else CpuTimer()
        self._weights: list[nn.Parameter] = []
        self._views: list[Tensor] = []
        self._vectors: dict[torch.dtype, _Vector] = {}
        normalising = [module for module in model.modules() if isinstance(module, NORMALISING)]
        self.notes = (PER_PROCESS,) if normalising and self._device.type == "cpu" else ()
        # Its processes wait for each other within a batch: none of them is seen to be the slowest.
        self._waits_inside = any(isinstance(module, nn.SyncBatchNorm) for module in normalising)
        averages = {id(buffer) for module in normalising for buffer in module.buffers()}
        # What batch normalisation averages for evaluations, training does not depend on.
        self._state = [buffer for buffer in model.buffers() if id(buffer) not in averages]
        # The same seed, but a processor of another kind may round otherwise.
        group.broadcast_tensors([parameter.data for parameter in model.parameters()])

    def begin_batch(self) -> None:
        """As `Replica` does."""
        self._group.broadcast_tensors(self._state)
        self._timer.start()

    def end_batch(self, loss: Tensor, correct: Tensor, share: Share, size: int) -> tuple[Tensor, Tensor]:
        """As `Replica` does."""
        images = share.last - share.first
        self._timer.stop(images)
        weights = [weight for weight in self._model.parameters() if weight.requires_grad]
        if [*map(id, weights)] != [*map(id, self._weights)]:
            self._arrange(weights)
        gradients = [weight.grad for weight in weights]
        tail = self._vectors[torch.float32].tail.zero_()
        losses, counted, present = tail.split([self._group.processes, 1, len(weights)])
        losses[self._group.rank] = loss * share.weight
        counted.copy_(correct)
        # Of a batch that every process computes whole, each counts a part.
        counted *= share.weight * size / images
        present.fill_(1)
        if any(gradient is None for gradient in gradients):
            present.copy_(torch.tensor([gradient is not None for gradient in gradients]))
        for view, gradient in zip(self._views, gradients, strict=True):
            view.copy_(gradient) if gradient is not None else view.zero_()
        for vector in self._vectors.values():
            self._group.all_reduce(vector.values)
        unused = [False] * len(weights)
        if any(gradient is None for gradient in gradients):
            # A weight that no process has used is no part of the step; this waits for the device.
            unused = (present == 0).tolist()
        for weight, view, skipped in zip(weights, self._views, unused, strict=True):
            weight.grad = None if skipped else view
        return losses, counted.round()[0]

    def begin_evaluation(self) -> None:
        """As `Replica` does."""
        self._group.broadcast_tensors(list(self._model.buffers()))

    def take_slowest(self) -> SlowestProcess | None:
        """As `Replica` does."""
        images, seconds = self._timer.take()
        if self._waits_inside:
            return None
        speeds = self._group.all_gather(images / seconds if seconds else 0.0)
        slowest = min(range(len(speeds)), key=speeds.__getitem__)
        return SlowestProcess(slowest, speeds[slowest]) if all(speeds) else None

    def _arrange(self, weights: list[nn.Parameter]) -> None:
        """Make the vectors for these weights; the tail is float32."""
        tail = self._group.processes + 1 + len(weights)
        by_type: dict[torch.dtype, list[Tensor]] = {torch.float32: []}
        for weight in weights:
            by_type.setdefault(weight.dtype.to_real(), []).append(weight)
        self._vectors = {
            dtype: _Vector(theirs, dtype, self._device, tail if dtype == torch.float32 else 0)
            for dtype, theirs in by_type.items()
        }
        views = {key: view for vector in self._vectors.values() for key, view in vector.views.items()}
        self._weights, self._views = weights, [views[id(weight)] for weight in weights]
