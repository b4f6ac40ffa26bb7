"""What is measured of batches, read from the device a few times a second without ever waiting for it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from cifar_tui.training.optimizer import OptimizerLike

EVERY, EVERY_SMALL = 50, 100
"""One step in so many is measured; of batches with less than `SMALL` images, one in `EVERY_SMALL`.

On a CPU, measuring moves the weights through memory a few times, as the optimizer's step does: it takes a quarter of a
batch of 256 images of the protocol's MLP, and about half of a very small one. On a GPU, it takes as long as starting a
few operations for each tensor of weights.
"""
SMALL = 256
CAPACITY = 16
"""Batches in one copy. One copy may be under way while the next fills: a GPU lags twice as many batches at most, which
bounds how soon a stop acts."""


@dataclass(frozen=True, slots=True)
class BatchPosition:
    """Where a batch is in its run: `batch` of `epoch`, after which `samples` images were seen; `size` are its own.

    Attributes:
        lr: The learning rate of its step.
        rates: Those of all groups of weights, where its step was measured.
    """

    epoch: int
    batch: int
    samples: int
    size: int
    lr: float
    rates: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasuredBatch:
    """What came of a batch: what each process adds to its mean cross-entropy before the step, and right predictions."""

    position: BatchPosition
    losses: tuple[float, ...]
    correct: int
    grad_norm: float
    update_ratio: float
    """As `MeasuredStep` has them; of no meaning where the step was not measured."""

    @property
    def loss(self) -> float:
        """The mean cross-entropy of its images."""
        return sum(self.losses)


@dataclass(frozen=True, slots=True)
class MeasuredStep:
    """What was measured of a step of the optimizer.

    Attributes:
        values: (2,) on the device: the norm of the gradient of all weights, and the norm of their change by the step
            over their own norm before it. Norms are Euclidean, over all weights as one vector.
        rates: The learning rates of the step, group by group.
    """

    values: Tensor
    rates: tuple[float, ...]


class StepMeter:
    """Measures a step of the optimizer now and then, and changes nothing in it.

    The ratio of a step to the weights says whether the learning rate fits: about 0.001 is usual.

    Source: A. Karpathy, "CS231n: Convolutional neural networks for visual recognition", notes on learning, "Ratio of
    weights:updates", https://cs231n.github.io/neural-networks-3/#ratio

    Args:
        model: On its device.
        optimizer: Of its weights.
        every: How many batches there are from one measured step to the next.
    """

    def __init__(self, model: nn.Module, optimizer: OptimizerLike, every: int) -> None:
        self._model = model
        self._optimizer = optimizer
        self._every = every
        self._weights: list[nn.Parameter] = []
        self._before: list[Tensor] = []

    def before_step(self, number: int) -> None:
        """Prepare for the step of the batch of this number in the run, from 0, whose gradients are there."""
        self._weights = []
        if number % self._every:
            return
        weights = [weight for weight in self._model.parameters() if weight.grad is not None]
        try:
            self._before = [weight.detach().clone() for weight in weights]
        except torch.OutOfMemoryError:
            return  # The training itself has enough.
        self._weights = weights

    def after_step(self) -> MeasuredStep | None:
        """What the step has come to; None where it is not to be measured. No device is waited for."""
        if not self._weights:
            return None
        weights, before = [weight.detach() for weight in self._weights], self._before
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        rates = tuple(float(group["lr"]) for group in self._optimizer.param_groups)
        norm = get_total_norm(before)
        for old, new in zip(before, weights, strict=True):
            old.sub_(new)
        values = get_total_norm(gradients).double(), (get_total_norm(before) / norm).double()
        self._weights, self._before = [], []
        return MeasuredStep(torch.stack(values), rates)


def batches_between(batch_size: int, device: torch.device) -> int:
    """How many batches there are from one measured step to the next, so that this takes less than 1 % of the time.

    Args:
        batch_size: Images that a process computes of a batch.
        device: Where.
    """
    return EVERY_SMALL if device.type == "cpu" and batch_size < SMALL else EVERY


class MetricsReader:
    """Takes what is measured of every batch as tensors on the device, and returns it as numbers, in order.

    On a GPU they are copied to pinned memory behind the training's own work, on its stream, and read once an event says
    that the copy is whole. Batches that are recorded meanwhile wait for the next copy.
    """

    def __init__(self, device: torch.device, processes: int = 1) -> None:
        # A row for each batch: the processes' losses, right predictions, and the two values of a measured step.
        self._device = torch.zeros(CAPACITY, processes + 3, dtype=torch.float64, device=device)
        self._host = torch.zeros(CAPACITY, processes + 3, dtype=torch.float64, pin_memory=device.type == "cuda")
        self._copied = torch.cuda.Event() if device.type == "cuda" else None
        self._recorded: list[BatchPosition] = []
        self._copying: list[BatchPosition] = []
        self._ready: list[MeasuredBatch] = []

    def record(self, position: BatchPosition, losses: Tensor, correct: Tensor, step: Tensor | None = None) -> None:
        """Add a batch; `losses`, (processes,), the scalar `correct` and a measured step's values are on the device."""
        if len(self._recorded) == CAPACITY:
            self._collect()
            self._start_copy()
        row = self._device[len(self._recorded)]
        row[:-3].copy_(losses)
        row[-3].copy_(correct)
        if step is not None:
            row[-2:].copy_(step)
        self._recorded.append(position)

    def read(self) -> list[MeasuredBatch]:
        """The batches whose values have arrived since the last call, without waiting."""
        if self._copied is None:
            return self.read_all()
        if self._copied.query():
            self._collect()
            self._start_copy()
        return self._take()

    def read_all(self) -> list[MeasuredBatch]:
        """All batches that were recorded since the last call, waiting for the device."""
        self._collect()
        self._start_copy()
        self._collect()
        return self._take()

    def _start_copy(self) -> None:
        self._recorded, self._copying = [], self._recorded
        self._host.copy_(self._device, non_blocking=True)
        if self._copied is not None:
            self._copied.record()

    def _collect(self) -> None:
        if self._copied is not None:
            self._copied.synchronize()
        values = self._host[: len(self._copying)].tolist()
        self._ready += [
            MeasuredBatch(position, tuple(losses), int(correct), grad_norm, update_ratio)
            for position, (*losses, correct, grad_norm, update_ratio) in zip(self._copying, values, strict=True)
        ]
        self._copying = []

    def _take(self) -> list[MeasuredBatch]:
        ready, self._ready = self._ready, []
        return ready
