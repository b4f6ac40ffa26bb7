"""How long a process takes for its own shares of the batches, without waiting for other processes."""

from __future__ import annotations

import time
from typing import Protocol

import torch


class Timer(Protocol):
    """Adds up times, and images computed in them."""

    def start(self) -> None:
        """Begin to compute."""

    def stop(self, images: int) -> None:
        """End it; it was this many images."""

    def take(self) -> tuple[int, float]:
        """The images and the seconds since the last call."""


class CpuTimer:
    """Where what is called has been done when it returns."""

    def __init__(self) -> None:
        self._images, self._seconds, self._began = 0, 0.0, 0.0

    def start(self) -> None:
        """As `Timer` does."""
        self._began = time.perf_counter()

    def stop(self, images: int) -> None:
        """As `Timer` does."""
        self._images += images
        self._seconds += time.perf_counter() - self._began

    def take(self) -> tuple[int, float]:
        """As `Timer` does."""
        taken = self._images, self._seconds
        self._images, self._seconds = 0, 0.0
        return taken


class CudaTimer:
    """On the current device and its current stream, without waiting for them before `take`."""

    def __init__(self) -> None:
        self._images = 0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def start(self) -> None:
        """As `Timer` does."""
        self._events.append((torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)))
        self._events[-1][0].record()

    def stop(self, images: int) -> None:
        """As `Timer` does."""
        self._events[-1][1].record()
        self._images += images

    def take(self) -> tuple[int, float]:
        """As `Timer` does."""
        torch.cuda.current_stream().synchronize()
        taken = self._images, sum(began.elapsed_time(ended) for began, ended in self._events) / 1000
        self._images, self._events = 0, []
        return taken
