"""A dataset as every source gives it: three splits of small images in memory, and what identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cifar_tui.errors import InputError

VALIDATION_SHARE = 0.1
"""The part of the training images that is held out for validation (the reference protocol: 5,000 of 50,000)."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: not known). It may raise, to stop it."""


@dataclass(frozen=True, slots=True)
class Split:
    """Images and their classes.

    Attributes:
        images: (N, 3, 32, 32) uint8, RGB.
        labels: (N,) int64, from 0 to the number of classes less one.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.labels.shape[0]


@dataclass(frozen=True, slots=True)
class Source:
    """What a data source reads: training and test images, before the seed's validation split.

    Attributes:
        name: What a person calls it: `cifar10`, `digits`, a folder's path.
        flips: Whether a mirrored image still shows its class; a mirrored digit does not.
        notes: What a person should know of the reading, such as files left out; one line each.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    flips: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A source, split for training under one seed.

    Attributes:
        fingerprint: Hex SHA-256 over class names, images and labels of the source; equal exactly where those are.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    flips: bool
    notes: tuple[str, ...]
    fingerprint: str


def split(source: Source, seed: int) -> Dataset:
    """Hold out a random tenth of the training images for validation; which ones depends on the seed alone.

    Raises:
        InputError: There are too few images to train on.
    """
    count = len(source.train)
    held_out = max(1, round(count * VALIDATION_SHARE))
    if count - held_out < 2:
        raise InputError(f"{source.name}: {count} training images are too few; 2 are needed, and 1 for validation")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    validation, train = order[:held_out].sort().values, order[held_out:].sort().values
    return Dataset(
        name=source.name,
        train=_take(source.train, train),
        validation=_take(source.train, validation),
        test=source.test,
        classes=source.classes,
        flips=source.flips,
        notes=source.notes,
        fingerprint=fingerprint(source),
    )


def with_own_test(images: Split) -> tuple[Split, Split]:
    """Training and test images of a source that has no test set: every fifth image of each class is for the test.

    The same for every seed, so that all runs are tested on the same images. A class of two to four images gives one,
    and of a single image none.
    """
    position = torch.empty_like(images.labels)
    for label in images.labels.unique():
        of_class = (images.labels == label).nonzero().flatten()
        position[of_class] = torch.arange(of_class.numel())
    test = position % 5 == 1
    return _take(images, (~test).nonzero().flatten()), _take(images, test.nonzero().flatten())


def fingerprint(source: Source) -> str:
    """Hex SHA-256 over the class names and all images and labels, in order."""
    digest = hashlib.sha256("\0".join(source.classes).encode())
    for part in (source.train, source.test):
        digest.update(f"\0{len(part)}\0".encode())
        digest.update(part.labels.contiguous().numpy().data)
        digest.update(part.images.contiguous().numpy().data)
    return digest.hexdigest()


def _take(part: Split, indices: Tensor) -> Split:
    return Split(part.images[indices], part.labels[indices])
