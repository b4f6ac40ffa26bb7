"""Loss and accuracy of every batch, read from the device a few times a second without ever waiting for it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CAPACITY = 16
"""Batches in one copy. One copy may be under way while the next fills: a GPU lags twice as many batches at most, which
bounds how soon a stop acts."""


@dataclass(frozen=True, slots=True)
class BatchPosition:
    """Where a batch is in its run: `batch` of `epoch`, after which `samples` images were seen; `size` are its own."""

    epoch: int
    batch: int
    samples: int
    size: int
    lr: float


@dataclass(frozen=True, slots=True)
class MeasuredBatch:
    """What came of a batch: what each process adds to its mean cross-entropy before the step, and right predictions."""

    position: BatchPosition
    losses: tuple[float, ...]
    correct: int

    @property
    def loss(self) -> float:
        """The mean cross-entropy of its images."""
        return sum(self.losses)


class MetricsReader:
    """Takes every batch's loss and right predictions as tensors on the device, and returns them as numbers, in order.

    On a GPU they are copied to pinned memory behind the training's own work, on its stream, and read once an event says
    that the copy is whole. Batches that are recorded meanwhile wait for the next copy.
    """

    def __init__(self, device: torch.device, processes: int = 1) -> None:
        self._device = torch.zeros(CAPACITY, processes + 1, dtype=torch.float64, device=device)
        self._host = torch.zeros(CAPACITY, processes + 1, dtype=torch.float64, pin_memory=device.type == "cuda")
        self._copied = torch.cuda.Event() if device.type == "cuda" else None
        self._recorded: list[BatchPosition] = []
        self._copying: list[BatchPosition] = []
        self._ready: list[MeasuredBatch] = []

    def record(self, position: BatchPosition, losses: Tensor, correct: Tensor) -> None:
        """Add a batch; `losses`, (processes,), and the scalar `correct` are on the device."""
        if len(self._recorded) == CAPACITY:
            self._collect()
            self._start_copy()
        row = self._device[len(self._recorded)]
        row[:-1].copy_(losses)
        row[-1].copy_(correct)
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
            MeasuredBatch(position, tuple(losses), int(correct))
            for position, (*losses, correct) in zip(self._copying, values, strict=True)
        ]
        self._copying = []

    def _take(self) -> list[MeasuredBatch]:
        ready, self._ready = self._ready, []
        return ready
