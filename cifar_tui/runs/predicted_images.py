"""Test images with the predictions for them: of one run, or of two that were tested on the same images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifar_tui.analysis.paired_predictions import PairedPredictions
from cifar_tui.analysis.predictions import Predictions
from cifar_tui.errors import InputError
from cifar_tui.runs.evaluation import predictions
from cifar_tui.runs.messages import ProgressCallback
from cifar_tui.store.predictions import RunPair, read_pair
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import stored_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.data.dataset import Source
    from cifar_tui.training.setup.image_cache import ImageCache


@dataclass(frozen=True, slots=True, eq=False)
class PredictedImages:
    """A run's test images and the predictions of its best weights for them.

    Attributes:
        images: (N, 3, 32, 32) uint8, RGB.
        predictions: For the same N images.
        classes: The names of the K classes.
    """

    images: NDArray[np.uint8]
    predictions: Predictions
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PairedImages:
    """The images that two runs, a and b, were tested on, and the predictions of both for them.

    Attributes:
        images: (N, 3, 32, 32) uint8, RGB.
        paired: For the same N images.
        classes: The names of the K classes.
    """

    images: NDArray[np.uint8]
    paired: PairedPredictions
    classes: tuple[str, ...]


def read_one(
    folder: RunFolder, image_cache: ImageCache, progress: ProgressCallback, most_threads: int | None = None
) -> PredictedImages:
    """Read a run's test images, and its predictions for them, which are computed where they are not recorded.

    Args:
        folder: The run, finished or not; nothing in it is changed.
        image_cache: Where its images may be in memory already.
        progress: Called with the current step; what it raises ends the reading.
        most_threads: To compute with no more CPU threads than these.

    Raises:
        InputError: The run has no best checkpoint, or its images or its device are unusable, or it was tested on other
            images than these.
        CifarTuiError: The images could not be read.
    """
    source, _ = image_cache.load_stored(stored_run(folder), progress)
    found = predictions(folder, progress, image_cache, most_threads)
    _check(found, source, folder)
    return PredictedImages(source.test.images.numpy(), found, source.classes)


def read_two(runs: RunPair, image_cache: ImageCache, progress: ProgressCallback) -> PairedImages:
    """Read the test images of two runs, and their recorded predictions for them; nothing is computed.

    Raises:
        InputError: The predictions are not recorded, or not for the same images; or the images are different ones now,
            or not there.
        CifarTuiError: The images could not be read.
    """
    paired = read_pair(runs)
    source, _ = image_cache.load_stored(stored_run(runs[0].folder), progress)
    progress("comparing images", 0, 0)
    _check(paired.a, source, runs[0].folder)
    return PairedImages(source.test.images.numpy(), paired, source.classes)


def _check(found: Predictions, source: Source, folder: RunFolder) -> None:
    from cifar_tui.data.dataset import fingerprint

    if not found.are_for(fingerprint(source), source.test.labels.numpy(), len(source.classes)):
        raise InputError(f"{folder.id} was tested on other images than {source.name} has now")
