"""Predictions of a run's best weights for image files that a person names."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cifar_tui.data.image_folder.class_names import class_of
from cifar_tui.data.images import input_files
from cifar_tui.data.images.decoder import UnusableImage
from cifar_tui.data.images.input_files import Decoded, InputFile
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.runs import best_weights
from cifar_tui.runs.messages import ProgressCallback
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import stored_run

if TYPE_CHECKING:
    from cifar_tui.training.trained_model import TrainedModel

TOP = 3
"""Classes that are named for each image, the most probable ones."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one image file.

    Attributes:
        picture: The image file.
        pixels: (3, 32, 32) uint8, RGB: the model's input.
        top: The most probable classes and their probabilities, the most probable first.
        true: The class whose folder the file is in; empty where it is in none.
    """

    picture: InputFile
    pixels: NDArray[np.uint8]
    top: tuple[tuple[str, float], ...]
    true: str

    @property
    def correct(self) -> bool:
        """Whether the predicted class is that of the folder."""
        return self.true == self.top[0][0]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image file that could not be used, and why."""

    picture: InputFile
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class PredictedFiles:
    """The predictions for the first of some image files.

    Attributes:
        files: How many files there are.
        found: The predictions for those that could be read, in order.
        unreadable: Those that could not.
        epoch: The epoch of the weights.
    """

    files: int
    found: tuple[Prediction, ...]
    unreadable: tuple[Unreadable, ...]
    epoch: int


def predict(
    folder: RunFolder, names: Sequence[str], progress: ProgressCallback, overrides: Overrides = NO_OVERRIDES
) -> tuple[int, Iterator[Prediction | Unreadable]]:
    """Predict the classes of image files with a run's best weights; the images it was trained on are not needed.

    Args:
        folder: The run.
        names: Image files, folders of them, and patterns.
        progress: Called with the current step until the predictions begin.
        overrides: Overrides of what the run was made with.

    Returns:
        How many image files there are, and the predictions for them, in order, as they are computed.

    Raises:
        InputError: A name matches no image, the run has no best checkpoint, or its device is not there.
    """
    found = input_files.find(names)
    trained, classes = best_weights.load(folder, stored_run(folder, overrides), progress)
    return len(found), _predict(trained, classes, _decode(trained, found))


def predict_first(
    folder: RunFolder, names: Sequence[str], progress: ProgressCallback, most: int, most_threads: int | None = None
) -> PredictedFiles:
    """Predict as `predict` does, but at most so many image files, all at once.

    Args:
        folder: The run.
        names: Image files, folders of them, and patterns.
        progress: Called with the current step, image by image; what it raises ends the prediction.
        most: How many files are read.
        most_threads: To compute with no more CPU threads than these.

    Raises:
        InputError: As by `predict`.
    """
    found = _find(names, progress)
    trained, classes = best_weights.load(folder, best_weights.with_threads(folder, most_threads), progress)
    read = found[:most]

    def decoded() -> Iterator[tuple[InputFile, Decoded]]:
        for done, pair in enumerate(_decode(trained, read)):
            progress("predicting", done, len(read))
            yield pair

    results = list(_predict(trained, classes, decoded()))
    return PredictedFiles(
        len(found),
        tuple(each for each in results if isinstance(each, Prediction)),
        tuple(each for each in results if isinstance(each, Unreadable)),
        trained.epoch,
    )


def _find(names: Sequence[str], progress: ProgressCallback) -> list[InputFile]:
    """Find as `input_files.find`, on a thread that is abandoned where `progress` raises: to walk `/` takes long."""
    found: Future[list[InputFile]] = Future()

    def find() -> None:
        try:
            found.set_result(input_files.find(names))
        except Exception as error:  # noqa: BLE001  (whatever it is, the caller gets it)
            found.set_exception(error)

    threading.Thread(target=find, name="find", daemon=True).start()
    while not wait([found], 0.1).done:
        progress("looking for image files", 0, 0)
    return found.result()


def _decode(trained: TrainedModel, found: Sequence[InputFile]) -> Iterator[tuple[InputFile, Decoded]]:
    return zip(found, input_files.decode_all([p.path for p in found], trained.placement.threads), strict=True)


def _predict(
    trained: TrainedModel, classes: Sequence[str], decoded: Iterable[tuple[InputFile, Decoded]]
) -> Iterator[Prediction | Unreadable]:
    """Predict in batches, as an evaluation of the same images does, while those of the next batch are decoded."""
    from cifar_tui.training.trained_model import BATCH_SIZE, predict

    pending: list[tuple[InputFile, Decoded]] = []
    batch: list[NDArray[np.uint8]] = []

    def predictions() -> Iterator[Prediction | Unreadable]:
        rows = zip(*predict(trained, np.stack(batch)), strict=True) if batch else iter(())
        for picture, pixels in pending:
            if isinstance(pixels, UnusableImage):
                yield Unreadable(picture, str(pixels))
                continue
            predicted, probabilities = next(rows)
            true = next((found for name in picture.folders if (found := class_of(name, classes))), "")
            yield Prediction(picture, pixels, _top(classes, predicted, probabilities), true)
        pending.clear()
        batch.clear()

    for picture, pixels in decoded:
        pending.append((picture, pixels))
        if not isinstance(pixels, UnusableImage):
            batch.append(pixels)
        if len(batch) == BATCH_SIZE:
            yield from predictions()
    yield from predictions()


def _top(
    classes: Sequence[str], predicted: np.int64, probabilities: NDArray[np.float32]
) -> tuple[tuple[str, float], ...]:
    """The most probable classes; of equal ones, the predicted one comes first."""
    order = [int(predicted), *(int(k) for k in np.argsort(-probabilities, kind="stable") if k != predicted)]
    return tuple((classes[k], float(probabilities[k])) for k in order[:TOP])
