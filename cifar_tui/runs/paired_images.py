"""The test images of two runs, and what each of the two takes them for, as both have recorded it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cifar_tui.errors import InputError
from cifar_tui.store.answered import Two, read_both
from cifar_tui.store.predictions import Answers
from cifar_tui.store.relocation import stored_run

if TYPE_CHECKING:
    from cifar_tui.training.setup.image_cache import ImageCache

Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much, 0 where that is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class PairedImages:
    """The images on which two runs, a and b, were tested, and the answers of both.

    Attributes:
        images: (N, 3, 32, 32) uint8, RGB.
        a: Of the same N images.
        b: Of the same N images.
        classes: The names of the K classes.
    """

    images: NDArray[np.uint8]
    a: Answers
    b: Answers
    classes: tuple[str, ...]


def read(two: Two, image_cache: ImageCache, progress: Progress) -> PairedImages:
    """Read the images of two runs from `image_cache`, and their answers; nothing is computed anew.

    Raises:
        InputError: What they answered is not recorded, or not of the same images; or the images are other ones now, or
            not there.
        CifarTuiError: The images could not be read.
    """
    from cifar_tui.data.dataset import fingerprint

    a, b = read_both(two)
    source, _ = image_cache.stored(stored_run(two[0].folder), progress)
    progress("comparing images", 0, 0)
    same = a.fingerprint == fingerprint(source) and a.probabilities.shape[1] == len(source.classes)
    if not same or not np.array_equal(a.labels, source.test.labels.numpy()):
        raise InputError(f"{two[0].folder.id} was tested on other images than {source.name} has now")
    return PairedImages(source.test.images.numpy(), a, b, source.classes)
