"""Loss and accuracy of every batch, read from the device a few times a second without ever waiting for it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CAPACITY = 32
"""Batches under way unread before the host waits: it bounds how far a GPU lags behind, and so how soon a stop acts."""


@dataclass(frozen=True, slots=True)
class Step:
    """One batch's place in its run: `batch` of `epoch`, after which `samples` images were seen; `size` are its own."""

    epoch: int
    batch: int
    samples: int
    size: int
    lr: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a batch: its mean cross-entropy before the step, and how many of its images were right."""

    step: Step
    loss: float
    correct: int


class MetricsReader:
    """Takes every batch's loss and right answers as tensors on the device, and gives them back as numbers, in order.

    Two buffers take turns: one is filled while the other is copied to pinned memory, behind the training's own work on
    the same stream, and is read once an event says that the copy is whole.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._filling, self._resting = (torch.zeros(CAPACITY, 2, dtype=torch.float64, device=device) for _ in range(2))
        self._host = torch.zeros(CAPACITY, 2, dtype=torch.float64, pin_memory=self._cuda)
        self._steps: list[Step] = []
        self._copying: list[Step] = []
        self._copied = torch.cuda.Event() if self._cuda else None
        self._ready: list[Measured] = []

    def record(self, step: Step, loss: Tensor, correct: Tensor) -> None:
        """Add a batch; `loss` and `correct` are scalars on the device."""
        if len(self._steps) == CAPACITY:
            self._collect()
            self._start_copy()
        row = self._filling[len(self._steps)]
        row[0].copy_(loss)
        row[1].copy_(correct)
        self._steps.append(step)

    def read(self) -> list[Measured]:
        """The batches whose values have arrived since the last call, without waiting."""
        if self._copied is None or self._copied.query():
            self._collect()
            self._start_copy()
            if self._copied is None:
                self._collect()
        return self._take()

    def read_all(self) -> list[Measured]:
        """All batches that were recorded since the last call, waiting for the device."""
        self._collect()
        self._start_copy()
        self._collect()
        return self._take()

    def _start_copy(self) -> None:
        self._filling, self._resting = self._resting, self._filling
        self._steps, self._copying = [], self._steps
        self._host.copy_(self._resting, non_blocking=True)
        if self._copied is not None:
            self._copied.record()

    def _collect(self) -> None:
        if self._copied is not None:
            self._copied.synchronize()
        values = self._host[: len(self._copying)].tolist()
        self._ready += [
            Measured(step, loss, int(correct)) for step, (loss, correct) in zip(self._copying, values, strict=True)
        ]
        self._copying = []

    def _take(self) -> list[Measured]:
        ready, self._ready = self._ready, []
        return ready
