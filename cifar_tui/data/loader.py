"""Batches for training and for evaluation, made on the device from images that stay there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from cifar_tui.data.augmentation.augment import (
    AugmentationParameters,
    AugmentationPolicy,
    augment,
    sample_parameters,
    to_device,
)
from cifar_tui.data.dataset import Split
from cifar_tui.data.seeds import derive_generator
from cifar_tui.errors import InputError


class TrainingBatches:
    """The training set, reshuffled each epoch and freshly augmented, batch by batch.

    Every shuffle and every augmentation is a function of the seed, the epoch and the batch alone, so an epoch resumes
    at any batch exactly as if it had not been interrupted.

    Args:
        split: The training images, (N, 3, 32, 32) uint8, and their labels; copied to the device once.
        batch_size: Images in a batch. The last batch of an epoch has what is left; a single image that is left joins
            the batch before it, because batch normalisation cannot train on one.
        seed: The run's.
        device: Where the batches are made and stay.
        policy: How they are augmented.
        memory_format: Of the image batches: `torch.contiguous_format` or `torch.channels_last`.

    Attributes:
        batches: The number of batches in an epoch.

    Raises:
        InputError: There are fewer than two images.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        seed: int,
        device: torch.device,
        policy: AugmentationPolicy,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        if len(split) < 2:
            raise InputError(
                f"training needs at least 2 images, and there is only {len(split)}: add images to the data"
            )
        self._split = on_device(split, device)
        self._batch_size = batch_size
        self._seed = seed
        self._policy = policy
        self._memory_format = memory_format
        whole, rest = divmod(len(split), batch_size)
        self.batches = max(1, whole + (rest > 1))
        # On a GPU, starting an operation takes longer than doing it for one batch.
        self._batches_at_once = max(1, (8192 if device.type == "cuda" else 256) // batch_size)

    def samples_before(self, batch: int) -> int:
        """The number of images in the first `batch` batches of an epoch."""
        return len(self._split) if batch == self.batches else batch * self._batch_size

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, from batch `start` on.

        Yields:
            Images, (n, 3, 32, 32) float32 from -1 to 1, and their labels, (n,) int64, both on the device.
        """
        images, labels = self._split.images, self._split.labels
        order = torch.randperm(len(self._split), generator=derive_generator(self._seed, epoch, 0, "order"))
        mirrored = self._mirrored(epoch)
        for first in range(start, self.batches, self._batches_at_once):
            batches = range(first, min(first + self._batches_at_once, self.batches))
            sizes = [self.samples_before(batch + 1) - self.samples_before(batch) for batch in batches]
            indices = order[self.samples_before(first) :][: sum(sizes)]
            parameters = AugmentationParameters.concatenated(
                [self._draw(epoch, batch, size) for batch, size in zip(batches, sizes, strict=True)]
            )
            if self._policy.alternating:
                parameters = replace(parameters, flip=mirrored[indices])
            inputs = normalise(augment(images, indices, parameters, colours_and_angles=self._policy.colours_and_angles))
            inputs = inputs.contiguous(memory_format=self._memory_format)
            targets = labels.index_select(0, to_device(indices, labels.device))
            yield from zip(inputs.split(sizes), targets.split(sizes), strict=True)

    def _draw(self, epoch: int, batch: int, size: int) -> AugmentationParameters:
        return sample_parameters(size, derive_generator(self._seed, epoch, batch, "augment"), self._policy)

    def _mirrored(self, epoch: int) -> Tensor:
        """(N,) bool; which images are mirrored in an epoch where they take turns."""
        if not self._policy.flips:
            return torch.zeros(len(self._split), dtype=torch.bool)
        half = torch.rand(len(self._split), generator=derive_generator(self._seed, 0, 0, "flips")) < 0.5
        return half ^ (epoch % 2 == 0)


def evaluation_batches(
    split: Split,
    device: torch.device,
    memory_format: torch.memory_format = torch.contiguous_format,
    batch_size: int = 500,
) -> Iterator[tuple[Tensor, Tensor]]:
    """A split as it is, in order, never augmented.

    A split that is evaluated often is best put `on_device` first; nothing is copied then.

    Yields:
        Images, (n, 3, 32, 32) float32 from -1 to 1, and their labels, (n,) int64, both on the device.
    """
    split = on_device(split, device)
    for images, labels in zip(split.images.split(batch_size), split.labels.split(batch_size), strict=True):
        yield normalise(images).contiguous(memory_format=memory_format), labels


def on_device(split: Split, device: torch.device) -> Split:
    """The split with its images, contiguous, and its labels on `device`; nothing is copied that is so already."""
    return Split(split.images.to(device).contiguous(), split.labels.to(device))


def normalise(images: Tensor) -> Tensor:
    """Scale (n, 3, H, W) images of 0 to 255 to float32 from -1 to 1.

    Bit for bit torchvision's `ToTensor` and `Normalize(0.5, 0.5)`, on every device.
    """
    # A divisor on the device: by a number, CUDA multiplies with its reciprocal, which rounds differently.
    return (images / torch.full((), 127.5, device=images.device)).sub_(1)
