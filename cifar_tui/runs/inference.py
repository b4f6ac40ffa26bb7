"""What a run's best weights make of images: of its test set, and of any others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cifar_tui.config import TrainingConfig
from cifar_tui.data.image_folder.class_names import class_of
from cifar_tui.data.images import input_files
from cifar_tui.data.images.decoder import UnusableImage
from cifar_tui.data.images.input_files import InputFile
from cifar_tui.errors import InputError
from cifar_tui.events import Evaluated
from cifar_tui.models.user_class import is_user_class
from cifar_tui.records import NO_OVERRIDES, Overrides, StoredRun
from cifar_tui.report.plots.predictions import SHOWN, Predictions
from cifar_tui.runs.provenance import answers_of
from cifar_tui.store.predictions import FILE, MOST_BYTES, Answers, read
from cifar_tui.store.relocation import stored_run
from cifar_tui.store.run_folder import CHECKPOINTS, RunFolder
from cifar_tui.training.control import Control

if TYPE_CHECKING:
    from cifar_tui.training.checkpoints.storage import Identity
    from cifar_tui.training.evaluation import Evaluation
    from cifar_tui.training.predictor import TrainedModel
    from cifar_tui.training.setup.image_cache import ImageCache
    from cifar_tui.training.setup.prepare import Setup

TOP = 3
"""How many classes an answer names."""

Progress = Callable[[str, int, int], None]
"""Told what is done before, how much of it, and of how much, 0 where that is not known."""


def evaluate(
    folder: RunFolder, progress: Progress, given: Overrides = NO_OVERRIDES
) -> tuple[Evaluated, tuple[str, ...]]:
    """Evaluate a run's best weights on its test images, and change nothing in its folder.

    Args:
        folder: The run.
        progress: Told what is being done before, and where that is not as the run was made.
        given: What a person gives instead of what it was made with.

    Returns:
        The evaluation, as at the end of the run, and the names of the classes.

    Raises:
        InputError: The run has no best checkpoint, or its images or its device are unusable.
        CifarTuiError: Its images could not be read.
    """
    progress("loading PyTorch", 0, 0)
    from cifar_tui.training.setup.image_cache import ImageCache

    test, epoch, setup = _tested(folder, stored_run(folder, given), ImageCache(), progress)
    return test.event("test", epoch, 0.0), setup.dataset.classes


def with_images(
    folder: RunFolder, given: Overrides, progress: Progress
) -> tuple[TrainingConfig, Predictions | None, Answers | None]:
    """What of a run's report takes its images, which are found as by `evaluate`.

    Returns:
        The options by which they were found; and some test images with what its best weights take them for, and what
        they take all of them for, where it has best weights.

    Raises:
        InputError: The images, or the device, are unusable.
        CifarTuiError: The images could not be read.
    """
    progress("loading PyTorch", 0, 0)
    from cifar_tui.training.checkpoints.storage import BEST
    from cifar_tui.training.setup.image_cache import ImageCache
    from cifar_tui.training.setup.prepare import prepare_stored

    run, image_cache = stored_run(folder, given), ImageCache()
    if not folder.files.folder(CHECKPOINTS).exists(BEST):
        return prepare_stored(run, image_cache, progress).config, None, None
    test, epoch, setup = _tested(folder, run, image_cache, progress)
    shown = Predictions(*test.examples(setup.dataset.test, SHOWN))
    return setup.config, shown, answers_of(test, setup.dataset, epoch)


def _tested(
    folder: RunFolder, run: StoredRun, image_cache: ImageCache, progress: Progress
) -> tuple[Evaluation, int, Setup]:
    """The evaluation of a run's best weights on its test images, the weights' epoch, and what it took."""
    from cifar_tui.training.checkpoints import storage
    from cifar_tui.training.devices import describe_move
    from cifar_tui.training.evaluation import evaluate as evaluate_split
    from cifar_tui.training.setup.prepare import prepare_stored

    path = best_checkpoint(folder)
    setup = prepare_stored(run, image_cache, progress)
    if elsewhere := describe_move(run, setup.placement):
        progress(f"computing {elsewhere}", 0, 0)
    best = storage.load_matching(path, setup.identity, storage.size_limits(setup.model))
    storage.restore(best, setup.model)
    telling = _Telling(progress)
    with setup.random_streams.for_evaluation():
        test = evaluate_split(setup.model, setup.dataset.test, len(setup.dataset.classes), setup.placement, telling)
    return test, best.progress.best_epoch or 0, setup


def _stored(folder: RunFolder, most_threads: int | None) -> StoredRun:
    """A run as it is to be set up here, with no more CPU threads than these."""
    run = stored_run(folder)
    if most_threads is None:
        return run
    threads = min(run.config.threads or most_threads, most_threads)
    return replace(run, config=replace(run.config, threads=threads), threads_chosen=True)


class _Telling(Control):
    """Of an evaluation: it tells before each batch that it is under way, and what the telling raises ends it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def check(self) -> None:
        """Between two batches."""
        super().check()
        self._progress("evaluating", 0, 0)


def answers(
    folder: RunFolder,
    progress: Progress,
    image_cache: ImageCache | None = None,
    most_threads: int | None = None,
    *,
    run_classes: bool = True,
) -> Answers:
    """What a run's best weights so far predict for each test image: as it is recorded, or else found out now.

    Args:
        folder: The run, finished or not; nothing in it is changed.
        progress: Told what is being done, where anything has to be; what it raises ends that.
        image_cache: Where its images may be in memory already.
        most_threads: To compute with no more CPU threads than these.
        run_classes: Whether it may be found out by running a class that is not ours.

    Raises:
        InputError: The run has no best checkpoint, or its images or its device are unusable, or its class is not run.
        CifarTuiError: Its images could not be read.
    """
    path, status = folder.path / FILE, folder.files.status(FILE)
    if status is not None:
        if status.st_size > MOST_BYTES:
            raise InputError(f"{path}: cannot be read: it is far too large ({status.st_size:,} bytes)")
        with contextlib.suppress(InputError):  # What is damaged can be found out again.
            recorded = read(path)
            if recorded.epoch == _best_epoch(folder):
                return recorded
    if not run_classes and is_user_class(folder.read_record().options.model):
        raise InputError(
            f"it is not recorded in {FILE}, and a comparison runs no class of somebody's own to find it out"
        )
    progress("loading PyTorch", 0, 0)
    from cifar_tui.training.setup.image_cache import ImageCache

    test, epoch, setup = _tested(folder, _stored(folder, most_threads), image_cache or ImageCache(), progress)
    return answers_of(test, setup.dataset, epoch)


def _best_epoch(folder: RunFolder) -> int | None:
    """The epoch of the run's best weights so far, by its summary, or by its events where that is damaged."""
    try:
        return folder.read_summary().best_epoch
    except InputError:
        best = folder.read_state().best
        return best.epoch if best else None


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """A run's test images, and what its best weights take them for.

    Attributes:
        images: (N, 3, 32, 32) uint8, RGB.
        answers: Of the same N images.
        classes: The names of the K classes.
    """

    images: NDArray[np.uint8]
    answers: Answers
    classes: tuple[str, ...]


def gallery(folder: RunFolder, image_cache: ImageCache, progress: Progress, most_threads: int | None = None) -> Gallery:
    """The test images of a run, from `image_cache`, with its answers, found out as by `answers` where they are to be.

    Raises:
        InputError: As of `answers`; or the images are other ones than the run was tested on.
        CifarTuiError: The images could not be read.
    """
    from cifar_tui.data.dataset import fingerprint

    source, _ = image_cache.stored(stored_run(folder), progress)
    found = answers(folder, progress, image_cache, most_threads)
    if found.fingerprint != fingerprint(source):
        raise InputError(f"{folder.id} was tested on other images than {source.name} has now")
    return Gallery(source.test.images.numpy(), found, source.classes)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an image was taken for.

    Attributes:
        picture: The image file.
        pixels: (3, 32, 32) uint8, RGB: what the model saw of it.
        top: The likeliest classes and their probabilities, the likeliest first.
        true: The class whose folder it stands in; empty where that is none.
    """

    picture: InputFile
    pixels: NDArray[np.uint8]
    top: tuple[tuple[str, float], ...]
    true: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image file that could not be used, and why."""

    picture: InputFile
    why: str


def predict(
    folder: RunFolder, names: Sequence[str], progress: Progress, given: Overrides = NO_OVERRIDES
) -> tuple[int, Iterator[Prediction | Unreadable]]:
    """Have a run's best weights say what is on images. The images that it was trained on are not needed.

    Args:
        folder: The run.
        names: Image files, folders of them, and patterns.
        progress: Told what is being done before.
        given: What a person gives instead of what the run was made with.

    Returns:
        How many image files there are, and what they were taken for, in order, as it is found.

    Raises:
        InputError: A name means no image, the run has no best checkpoint, or its device is not there.
    """
    found = input_files.find(names)
    trained, classes = load(folder, stored_run(folder, given), progress)
    return len(found), _answers(trained, classes, _decoded(trained, found))


@dataclass(frozen=True, slots=True, eq=False)
class PredictedFiles:
    """What a run's best weights take the first of some image files for.

    Attributes:
        files: How many there are.
        found: Those that could be read, in order.
        unreadable: Those that could not.
        epoch: The one that the weights are of.
    """

    files: int
    found: tuple[Prediction, ...]
    unreadable: tuple[Unreadable, ...]
    epoch: int


def predictions(
    folder: RunFolder, names: Sequence[str], progress: Progress, most: int, most_threads: int | None = None
) -> PredictedFiles:
    """What `predict` finds on at most so many image files, all at once.

    Args:
        folder: The run.
        names: Image files, folders of them, and patterns.
        progress: Told what is being done, image by image; what it raises ends that.
        most: How many files are read.
        most_threads: To compute with no more CPU threads than these.

    Raises:
        InputError: As of `predict`.
    """
    found = _found(names, progress)
    trained, classes = load(folder, _stored(folder, most_threads), progress)
    read = found[:most]

    def told() -> Iterator[tuple[InputFile, input_files.Decoded]]:
        for done, pair in enumerate(_decoded(trained, read)):
            progress("predicting", done, len(read))
            yield pair

    answers = list(_answers(trained, classes, told()))
    return PredictedFiles(
        len(found),
        tuple(answer for answer in answers if isinstance(answer, Prediction)),
        tuple(answer for answer in answers if isinstance(answer, Unreadable)),
        trained.epoch,
    )


def _found(names: Sequence[str], progress: Progress) -> list[InputFile]:
    """As `pictures.find`, on a thread that is left behind where the progress raises: `/` takes long to walk through."""
    found: Future[list[InputFile]] = Future()

    def look() -> None:
        try:
            found.set_result(input_files.find(names))
        except Exception as error:  # noqa: BLE001  (whatever it is, the caller gets it)
            found.set_exception(error)

    threading.Thread(target=look, name="find", daemon=True).start()
    while not wait([found], 0.1).done:
        progress("looking for image files", 0, 0)
    return found.result()


def _decoded(trained: TrainedModel, found: Sequence[InputFile]) -> Iterator[tuple[InputFile, input_files.Decoded]]:
    return zip(found, input_files.decoded([p.path for p in found], trained.placement.threads), strict=True)


def _answers(
    trained: TrainedModel, classes: Sequence[str], decoded: Iterable[tuple[InputFile, input_files.Decoded]]
) -> Iterator[Prediction | Unreadable]:
    """Answer batch by batch, of the same images as an evaluation's, while those of the next are decoded."""
    from cifar_tui.training.predictor import BATCH_SIZE, predict

    told: list[tuple[InputFile, input_files.Decoded]] = []
    batch: list[NDArray[np.uint8]] = []

    def answers() -> Iterator[Prediction | Unreadable]:
        kinds = zip(*predict(trained, np.stack(batch)), strict=True) if batch else iter(())
        for picture, pixels in told:
            if isinstance(pixels, UnusableImage):
                yield Unreadable(picture, str(pixels))
                continue
            predicted, probabilities = next(kinds)
            true = next((found for name in picture.folders if (found := class_of(name, classes))), "")
            yield Prediction(picture, pixels, _top(classes, predicted, probabilities), true)
        told.clear()
        batch.clear()

    for picture, pixels in decoded:
        told.append((picture, pixels))
        if not isinstance(pixels, UnusableImage):
            batch.append(pixels)
        if len(batch) == BATCH_SIZE:
            yield from answers()
    yield from answers()


def _top(
    classes: Sequence[str], predicted: np.int64, probabilities: NDArray[np.float32]
) -> tuple[tuple[str, float], ...]:
    """The likeliest classes; of equal ones, the one that counts as the answer comes first."""
    order = [int(predicted), *(int(k) for k in np.argsort(-probabilities, kind="stable") if k != predicted)]
    return tuple((classes[k], float(probabilities[k])) for k in order[:TOP])


def load(folder: RunFolder, run: StoredRun, progress: Progress) -> tuple[TrainedModel, tuple[str, ...]]:
    """A run's best weights in its model, and the names of its classes.

    Args:
        folder: The run's.
        run: As it is to be set up.
        progress: Told what is being done, and where that is not as the run was made.

    Raises:
        InputError: The run has no best checkpoint, or it is damaged, or the device is not there.
    """
    progress("loading PyTorch", 0, 0)
    from cifar_tui.training import predictor
    from cifar_tui.training.devices import adapt_config, describe_move

    path, config = best_checkpoint(folder), adapt_config(run)
    identity = _identity(folder, config)
    trained = predictor.load(path, config, identity)
    if elsewhere := describe_move(run, trained.placement):
        progress(f"computing {elsewhere}", 0, 0)
    return trained, identity.classes


def best_checkpoint(folder: RunFolder) -> Path:
    """The checkpoint of a run's best epoch.

    Raises:
        InputError: There is none yet.
    """
    from cifar_tui.training.checkpoints.storage import BEST

    path = folder.checkpoints / BEST
    if not folder.files.folder(CHECKPOINTS).exists(BEST):
        raise InputError(f"{folder.id} has no best weights yet: they come with the end of an epoch; resume it first")
    return path


def _identity(folder: RunFolder, config: TrainingConfig) -> Identity:
    """What the run's checkpoints belong to, as its `config.json` has it."""
    from cifar_tui.training.checkpoints.storage import Identity

    dataset = folder.read_record().dataset
    return Identity(config.model, dataset.classes, dataset.fingerprint, config.seed)
