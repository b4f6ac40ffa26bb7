"""The gradients of a batch: operation by operation or, on a GPU, as one CUDA graph that is replayed.

Starting an operation on a GPU costs the processor more than most of them take there: a small network's hundreds of
operations a batch leave the GPU waiting. A graph starts all of them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cifar_tui.training.devices import Placement
from cifar_tui.training.random_streams import GLOBAL_GENERATOR_LOCK, RandomStreams

WARM_UP = 3
"""Batches of one size before a capture: in the first, libraries take their memory and choose their algorithms."""


class Gradients:
    """Computes a batch's operations one by one.

    Args:
        model: On the placement's device.
        random_streams: What the model draws from.
        placement: Where and how precisely it computes.
        smoothing: The share of label smoothing in the loss.
    """

    def __init__(self, model: nn.Module, random_streams: RandomStreams, placement: Placement, smoothing: float) -> None:
        self._model = model
        self._random_streams = random_streams
        self._placement = placement
        self._smoothing = smoothing

    def compute(self, images: Tensor, labels: Tensor, seed: int, weight: float = 1.0) -> tuple[Tensor, Tensor]:
        """Set the gradients of the model's parameters to those of these images' mean cross-entropy, times `weight`.

        Args:
            images: (n, 3, 32, 32) on the device: a batch, or one process's share of it.
            labels: (n,) int64, likewise.
            seed: What the model's random draws follow from.
            weight: That of the share in the mean over the batch. It has to come before the backward pass: there,
                synchronized batch normalisation adds up what all processes' losses say of its statistics.

        Returns:
            The loss and the number of right predictions, scalars on the device, valid until the next call.
        """
        with self._random_streams.seeded(seed):
            loss, correct = self._forward(images, labels)
        return self._backward(loss, correct, None if weight == 1 else torch.full_like(loss, weight))

    def _forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with self._placement.autocast():
            logits = self._model(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=self._smoothing)
        return loss, (logits.argmax(dim=1) == labels).sum()

    def _backward(self, loss: Tensor, correct: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        self._model.zero_grad(set_to_none=True)
        loss.backward(weight)
        return loss.detach(), correct


class ReplayedGradients(Gradients):
    """Captures the operations of a batch as a CUDA graph, once a few of its size have gone by, and replays it for all.

    Only for models that do the same operations for every batch: what Python decides in a forward pass is decided once.
    Batches of another size, such as an epoch's last, go operation by operation; so do all where there can be no graph.

    Runs in other threads continue meanwhile. A capture takes the device's global generator for itself, and a replay
    uses it; neither may meet the capture of another run, so all hold `GLOBAL_GENERATOR_LOCK`.

    Args:
        model: As above, like the following three.
        notify: Called with the reason, in words, where there can be no graph and it is slower.
    """

    can_capture: ClassVar[bool] = True
    """Whether no capture has failed in this process: after that, the allocator of PyTorch before 2.13 starts none."""

    def __init__(
        self,
        model: nn.Module,
        random_streams: RandomStreams,
        placement: Placement,
        smoothing: float,
        notify: Callable[[str], None],
    ) -> None:
        super().__init__(model, random_streams, placement, smoothing)
        self._notify = notify
        # A capture may have nothing to do with the default stream, nor may what is still there from batches before it.
        self._stream = torch.cuda.Stream(placement.device)
        self._done: Counter[torch.Size] = Counter()
        self._graph: torch.cuda.CUDAGraph | None = None
        self._fallen_back = False

    def compute(self, images: Tensor, labels: Tensor, seed: int, weight: float = 1.0) -> tuple[Tensor, Tensor]:
        """As `Gradients.compute`, and bit for bit the same where the device's operations are deterministic."""
        try:
            if self._graph is None and not self._fallen_back and self._done[images.shape] == WARM_UP:
                self._graph = self._capture(images, labels, weighted=weight != 1)
            if self._graph is not None and images.shape == self._images.shape:
                return self._replay(self._graph, images, labels, seed, weight)
        except RuntimeError as error:
            self._fall_back(error)
        self._done[images.shape] += 1
        return self._one_by_one(images, labels, seed, weight)

    def _one_by_one(self, images: Tensor, labels: Tensor, seed: int, weight: float) -> tuple[Tensor, Tensor]:
        main = torch.cuda.current_stream()
        self._stream.wait_stream(main)
        try:
            with torch.cuda.stream(self._stream):
                return super().compute(images, labels, seed, weight)
        finally:
            main.wait_stream(self._stream)

    def _capture(self, images: Tensor, labels: Tensor, *, weighted: bool) -> torch.cuda.CUDAGraph:
        """Record the operations of a batch like this one, with a weight or without; nothing is computed.

        Raises:
            RuntimeError: That cannot be.
        """
        free, _ = torch.cuda.mem_get_info()
        if free < torch.cuda.memory_reserved():
            # A graph keeps for itself what it computes with, beside what other batches and evaluations need.
            raise RuntimeError("it would take more memory than the GPU has left")
        self._images, self._labels = torch.empty_like(images), torch.empty_like(labels)
        self._weight = torch.ones((), device=images.device) if weighted else None
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._random_streams.own)
        main = torch.cuda.current_stream()
        with GLOBAL_GENERATOR_LOCK:
            if not ReplayedGradients.can_capture:
                raise RuntimeError("another could not be captured")
            ReplayedGradients.can_capture = False
            # The first context puts the stream back where the second one fails to.
            with (
                torch.cuda.stream(main),
                torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"),
            ):
                self._loss, self._correct = self._backward(*self._forward(self._images, self._labels), self._weight)
            ReplayedGradients.can_capture = True
        main.wait_stream(self._stream)
        self._gradients = [(p, p.grad) for p in self._model.parameters() if p.grad is not None]
        return graph

    def _replay(
        self, graph: torch.cuda.CUDAGraph, images: Tensor, labels: Tensor, seed: int, weight: float
    ) -> tuple[Tensor, Tensor]:
        self._images.copy_(images)
        self._labels.copy_(labels)
        if self._weight is not None:
            self._weight.fill_(weight)
        with GLOBAL_GENERATOR_LOCK, self._random_streams.seeded(seed):
            graph.replay()
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        return self._loss, self._correct

    def _fall_back(self, error: RuntimeError) -> None:
        """Continue operation by operation; nothing of this batch has been computed."""
        self._graph, self._fallen_back = None, True
        self._model.zero_grad(set_to_none=True)
        self._random_streams.replace_generator(self._model)
        why = str(error).partition("\n")[0]
        self._notify(f"operations are launched one by one, which is slower, because there is no CUDA graph: {why}")
