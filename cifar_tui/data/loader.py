"""Batches for training and for evaluation, made on the device from images that stay there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from cifar_tui.data.augmentation.augment import AugmentationPolicy, augment, sample_parameters
from cifar_tui.data.dataset import Split
from cifar_tui.data.random_bits import random_bits
from cifar_tui.data.seeds import derive_seed
from cifar_tui.errors import InputError

EVALUATION_BATCH = 500
"""Images in a batch of an evaluation."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several processes computes of a batch: its images from `first` to `last` - 1.

    Attributes:
        weight: The share's part in the means of the batch; that of all processes is 1 together.
    """

    first: int
    last: int
    weight: float


class TrainingBatches:
    """The training set, reshuffled each epoch and freshly augmented, batch by batch.

    Which images stand in a batch follows from the seed and the epoch; how an image is augmented, from these and the
    image: an epoch resumes at any batch exactly as if it had not been interrupted, and its batches are the same on
    every device, whatever the number of processes that share each of them.

    Args:
        split: The training images, (N, 3, 32, 32) uint8, and their labels; copied to the device once.
        batch_size: Images in a batch, of all processes together. The last batch of an epoch has what is left; a single
            image that is left joins the batch before it, because batch normalisation cannot train on one.
        seed: The run's.
        device: Where the batches are made and stay.
        policy: How they are augmented.
        memory_format: Of the image batches: `torch.contiguous_format` or `torch.channels_last`.
        rank: Which of the processes this is, from 0.
        processes: How many share each batch.

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
        rank: int = 0,
        processes: int = 1,
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
        self._rank = rank
        self._processes = processes
        whole, rest = divmod(len(split), batch_size)
        self.batches = max(1, whole + (rest > 1))
        # On a GPU, starting an operation takes longer than doing it for one batch.
        self._batches_at_once = max(1, (8192 if device.type == "cuda" else 256) * processes // batch_size)

    def samples_before(self, batch: int) -> int:
        """The number of images in the first `batch` batches of an epoch."""
        return len(self._split) if batch == self.batches else batch * self._batch_size

    def size(self, batch: int) -> int:
        """The number of images in a batch, counted from 0."""
        return self.samples_before(batch + 1) - self.samples_before(batch)

    def share(self, batch: int) -> Share:
        """The images of an epoch, in its order, that this process computes of a batch, counted from 0.

        One that is too small to be shared out, as batch normalisation needs two images, is computed whole by each.
        """
        begin, size = self.samples_before(batch), self.size(batch)
        if size < 2 * self._processes:
            return Share(begin, begin + size, 1 / self._processes)
        first, last = (size * rank // self._processes for rank in (self._rank, self._rank + 1))
        return Share(begin + first, begin + last, (last - first) / size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's shares of the batches of an epoch, from batch `start` on.

        A GPU is waited for once, at the beginning.

        Yields:
            Images, (n, 3, 32, 32) float32 from -1 to 1, and their labels, (n,) int64, both on the device.
        """
        images, labels = self._split.images, self._split.labels
        shares = [self.share(batch) for batch in range(start, self.batches)]
        if not shares:
            return
        mine = torch.cat([torch.arange(share.first, share.last) for share in shares])
        indices = self._order(epoch).index_select(0, mine.to(images.device))
        targets = labels.index_select(0, indices)
        parameters = sample_parameters(indices, self._seed, epoch, self._policy)

        sizes = [share.last - share.first for share in shares]
        groups = [sizes[first : first + self._batches_at_once] for first in range(0, len(sizes), self._batches_at_once)]
        ends = list(accumulate(map(sum, groups)))
        for group, last, hue_starts in zip(groups, ends, parameters.hue_starts(ends), strict=True):
            part = slice(last - sum(group), last)
            inputs = augment(images, indices[part], parameters.part(part.start, last), hue_starts)
            inputs = normalise(inputs).contiguous(memory_format=self._memory_format)
            yield from zip(inputs.split(group), targets[part].split(group), strict=True)

    def _order(self, epoch: int) -> Tensor:
        """(N,) int64; the images in the order of an epoch."""
        everything = torch.arange(len(self._split), device=self._split.images.device)
        return random_bits(derive_seed(self._seed, epoch, 0, "order"), everything).argsort(stable=True)


def evaluation_batches(
    split: Split,
    device: torch.device,
    memory_format: torch.memory_format = torch.contiguous_format,
    batch_size: int = EVALUATION_BATCH,
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
