"""A dataset as every source gives it: three splits of small images in memory, and what identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from cifar_tui.data.image_folder.class_names import quote_names
from cifar_tui.data.image_folder.files import RULES
from cifar_tui.errors import InputError

VALIDATION_SHARE = 0.1
"""The part of the training images that is held out for validation (the reference protocol: 5,000 of 50,000)."""

ProgressCallback = Callable[[str, int, int], None]
"""Called with a step, how much of it is done, and how much there is (0: not known). It may raise, to stop it."""


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

    def part(self, first: int, last: int) -> Split:
        """The images from `first` to `last` - 1, without copying them."""
        return Split(self.images[first:last], self.labels[first:last])


@dataclass(frozen=True, slots=True)
class Source:
    """Images as a data source reads them: training and test sets, before the seed's validation split.

    Attributes:
        name: `cifar10`, `digits`, or a folder's path.
        flips: Whether a mirrored image still shows its class; a mirrored digit does not.
        notes: What the user should know about the reading, such as skipped files; one line each.
        validation: A validation set of its own; None where it is split off from the training images.
        by_class: Whether a part of each class is split off, or a part of all.
        splits: One line that says which images are used for what; empty where that is known.
        rules: Those by which a folder was read.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    flips: bool = True
    notes: tuple[str, ...] = ()
    validation: Split | None = None
    by_class: bool = False
    splits: str = ""
    rules: int = RULES


@dataclass(frozen=True, slots=True)
class Dataset:
    """A source, split for training under one seed.

    Attributes:
        fingerprint: Hex SHA-256 over class names, images and labels of the source; equal exactly where those are.
        held_out: (N,) int64; the places of the validation images among the source's training images. None where the
            source has a validation set of its own.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    flips: bool
    notes: tuple[str, ...]
    fingerprint: str
    splits: str = ""
    rules: int = RULES
    held_out: Tensor | None = None


def split(source: Source, seed: int) -> Dataset:
    """Hold out a tenth of the training images for validation, unless there is a set of its own for that.

    Which ones depends on the seed alone.

    Raises:
        InputError: There are too few images to train on.
    """
    train, validation, notes = source.train, source.validation, list(source.notes)
    held_out = None
    if validation is None:
        held_out, order = (_tenth_of_each_class if source.by_class else _tenth)(train, seed)
        train, validation = _take(source.train, order), _take(source.train, held_out)
    if len(train) < 2 or not len(validation):
        raise InputError(
            f"{source.name}: {len(source.train)} training images are too few; 2 are needed, and 1 for validation"
        )
    if source.by_class and (lacking := missing_classes(validation, source.classes)):
        notes.append(f"no validation images of {quote_names(lacking)}")
    return Dataset(
        name=source.name,
        train=train,
        validation=validation,
        test=source.test,
        classes=source.classes,
        flips=source.flips,
        notes=(source.splits, *notes) if source.splits else tuple(notes),
        fingerprint=fingerprint(source),
        splits=source.splits,
        rules=source.rules,
        held_out=held_out,
    )


def _tenth(train: Split, seed: int) -> tuple[Tensor, Tensor]:
    """A random tenth of all images, and the others."""
    held_out = max(1, round(len(train) * VALIDATION_SHARE))
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    return order[:held_out].sort().values, order[held_out:].sort().values


def _tenth_of_each_class(train: Split, seed: int) -> tuple[Tensor, Tensor]:
    """A random tenth of each class, one image at least where it has two, and the others."""
    generator = torch.Generator().manual_seed(seed)
    is_held_out = torch.zeros(len(train), dtype=torch.bool)
    for of_class in train.labels.argsort(stable=True).split(train.labels.bincount().tolist()):
        share = max(1, round(of_class.numel() * VALIDATION_SHARE)) if of_class.numel() > 1 else 0
        is_held_out[of_class[torch.randperm(of_class.numel(), generator=generator)[:share]]] = True
    return is_held_out.nonzero().flatten(), (~is_held_out).nonzero().flatten()


def hold_out_test_images(images: Split, giving: Collection[int] | None = None) -> tuple[Split, Split]:
    """Training and test images of a source that has no test set: every fifth image of each class is for the test.

    The same for every seed, so that all runs are tested on the same images. A class of two to four images gives one,
    and of one none.

    Args:
        images: All there are.
        giving: The labels of the classes that give test images; by default all.
    """
    position = torch.zeros_like(images.labels)
    for label in images.labels.unique().tolist():
        if giving is None or label in giving:
            of_class = (images.labels == label).nonzero().flatten()
            position[of_class] = torch.arange(of_class.numel())
    test = position % 5 == 1
    return _take(images, (~test).nonzero().flatten()), _take(images, test.nonzero().flatten())


def missing_classes(part: Split, classes: tuple[str, ...]) -> list[str]:
    """The classes of which a split has no images."""
    counts = part.labels.bincount(minlength=len(classes)).tolist()
    return [name for name, count in zip(classes, counts, strict=True) if not count]


def fingerprint(source: Source) -> str:
    """Hex SHA-256 over the class names and all images and labels, in order."""
    digest = hashlib.sha256("\0".join(source.classes).encode())
    for part in (source.train, source.test, *([source.validation] if source.validation else [])):
        digest.update(f"\0{len(part)}\0".encode())
        digest.update(part.labels.contiguous().numpy().data)
        digest.update(part.images.contiguous().numpy().data)
    return digest.hexdigest()


def _take(part: Split, indices: Tensor) -> Split:
    return Split(part.images[indices], part.labels[indices])
