"""Images with the predictions for them: a run's validation or test images, or the test images of two runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cifar_tui.analysis.paired_predictions import PairedPredictions
from cifar_tui.analysis.predictions import TopPredictions
from cifar_tui.errors import InputError
from cifar_tui.runs.messages import ProgressCallback
from cifar_tui.store import predictions as recorded
from cifar_tui.store.predictions import RunPair, read_pair
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import stored_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.events import SplitName
    from cifar_tui.training.setup.image_cache import ImageCache


class NotRecordedError(InputError):
    """A run's folder does not hold the predictions that are wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class PredictedImages:
    """Images of a run and the predictions of its best weights for them.

    Attributes:
        images: (M, 3, 32, 32) uint8, RGB: these images and maybe others; they may be mapped from a file.
        predictions: For N images.
        classes: The names of the K classes.
        split: What they are for the run.
        places: (N,) int64; the places of the N among `images`; None where they are all of them, in this order.
    """

    images: NDArray[np.uint8]
    predictions: TopPredictions
    classes: tuple[str, ...]
    split: SplitName = "test"
    places: NDArray[np.int64] | None = None

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """(3, 32, 32) uint8, RGB; one of the N images."""
        found: NDArray[np.uint8] = self.images[index if self.places is None else self.places[index]]
        return found


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


class _Part(NamedTuple):
    """A part of a data set: (N, 3, 32, 32) uint8 RGB images, their (N,) int64 labels, and what identifies them."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    data: str
    fingerprint: str


class ImageReader:
    """Reads the images of runs from the user's cache or, where they are not cached, with PyTorch from their source."""

    def __init__(self, image_cache: Callable[[RunFolder], ImageCache], progress: ProgressCallback) -> None:
        """Read nothing yet.

        Args:
            image_cache: Gives what reads a run's images from their source; raises where they are not there.
            progress: Called with the current step; what it raises ends the reading.
        """
        self._image_cache = image_cache
        self._progress = progress

    def read(self, folder: RunFolder, part: str, fingerprint: str) -> _Part:
        """A part of a run's data set: `train`, `validation` or `test`.

        Args:
            folder: The run.
            part: Which part.
            fingerprint: Of the images that were predicted; what is found may be others.

        Raises:
            InputError: The images are not there any more, or not usable, or there is no such part.
            CifarTuiError: They could not be read.
        """
        from cifar_tui.data import cached_images

        self._progress("opening its images", 0, 0)
        cached = cached_images.find(fingerprint)
        if cached is not None and part in cached.parts:
            arrays = cached.parts[part]
            return _Part(arrays.images, arrays.labels, cached.classes, cached.name, fingerprint)
        self._progress("loading PyTorch", 0, 0)
        source, _ = self._image_cache(folder).load_stored(stored_run(folder), self._progress)
        from cifar_tui.data import dataset

        split = {"train": source.train, "validation": source.validation, "test": source.test}[part]
        if split is None:
            raise InputError(f"{source.name} has no validation images of its own any more")
        images, labels = split.images.numpy(), split.labels.numpy()
        return _Part(images, labels, source.classes, source.name, dataset.fingerprint(source))


def read_validation(folder: RunFolder, reader: ImageReader) -> PredictedImages:
    """A run's validation images, as its best weights so far predict them; nothing is computed.

    Raises:
        NotRecordedError: The predictions are not in its folder.
        InputError: They are damaged, or the images are other ones now, or not there.
        CifarTuiError: The images could not be read.
    """
    if not folder.files.exists(recorded.VALIDATION_FILE):
        raise NotRecordedError(f"{folder.id} has not recorded what it predicts for its validation images")
    found = recorded.read_validation(folder)
    top, places = found.top, found.held_out
    read = reader.read(folder, "validation" if places is None else "train", top.fingerprint)
    labels = read.labels
    if places is not None and int(places.max(initial=0)) < len(labels):
        labels = labels[places]
    if not top.are_for(read.fingerprint, labels, len(read.classes)):
        raise InputError(f"{folder.id} was validated on other images than {read.data} has now")
    return PredictedImages(read.images, top, read.classes, "validation", places)


def read_test(folder: RunFolder, predictions: TopPredictions, reader: ImageReader) -> PredictedImages:
    """A run's test images with these predictions for them.

    Raises:
        InputError: The predictions are for other images than there are now, or these are not there.
        CifarTuiError: The images could not be read.
    """
    read = reader.read(folder, "test", predictions.fingerprint)
    if not predictions.are_for(read.fingerprint, read.labels, len(read.classes)):
        raise _tested_on_others(folder, read)
    return PredictedImages(read.images, predictions, read.classes)


def read_two(runs: RunPair, reader: ImageReader) -> PairedImages:
    """Read the test images of two runs, and their recorded predictions for them; nothing is computed.

    Raises:
        InputError: The predictions are not recorded, or not for the same images; or the images are different ones now,
            or not there.
        CifarTuiError: The images could not be read.
    """
    paired, folder = read_pair(runs), runs[0].folder
    read = reader.read(folder, "test", paired.a.fingerprint)
    if not paired.a.are_for(read.fingerprint, read.labels, len(read.classes)):
        raise _tested_on_others(folder, read)
    return PairedImages(read.images, paired, read.classes)


def _tested_on_others(folder: RunFolder, read: _Part) -> InputError:
    return InputError(f"{folder.id} was tested on other images than {read.data} has now")
