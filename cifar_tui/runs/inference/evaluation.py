"""A run's best weights evaluated on its test images."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cifar_tui.analysis.predictions import Predictions
from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.events import Evaluated
from cifar_tui.models.user_class import is_user_class
from cifar_tui.records import NO_OVERRIDES, Overrides, StoredRun
from cifar_tui.report.plots.examples import SHOWN, Examples
from cifar_tui.runs import best_weights
from cifar_tui.runs.messages import ProgressCallback
from cifar_tui.runs.provenance import predictions_of
from cifar_tui.store.predictions import FILE, MOST_BYTES, read
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import stored_run
from cifar_tui.training.control import Control

if TYPE_CHECKING:
    from cifar_tui.training.evaluation import Evaluation
    from cifar_tui.training.setup.image_cache import ImageCache
    from cifar_tui.training.setup.prepare import Setup


def evaluate(
    folder: RunFolder, progress: ProgressCallback, overrides: Overrides = NO_OVERRIDES
) -> tuple[Evaluated, tuple[str, ...]]:
    """Evaluate a run's best weights on its test images; nothing in its folder is changed.

    Args:
        folder: The run.
        progress: Called with the current step, and with what differs from how the run was made.
        overrides: Overrides of what it was made with.

    Returns:
        The evaluation, as at the end of the run, and the names of the classes.

    Raises:
        InputError: The run has no best checkpoint, or its images or its device are unusable.
        CifarTuiError: Its images could not be read.
    """
    progress("loading PyTorch", 0, 0)
    from cifar_tui.training.setup.image_cache import ImageCache

    test, epoch, setup = _evaluate(folder, stored_run(folder, overrides), ImageCache(), progress)
    return test.event("test", epoch, 0.0), setup.dataset.classes


def report_images(
    folder: RunFolder, overrides: Overrides, progress: ProgressCallback
) -> tuple[TrainingConfig, Examples | None, Predictions | None]:
    """Compute the parts of a run's report that need its images, which are found as by `evaluate`.

    Returns:
        The options by which the images were found; and, where the run has best weights, some test images with their
        predicted classes, and the predictions for all of them.

    Raises:
        InputError: The images, or the device, are unusable.
        CifarTuiError: The images could not be read.
    """
    progress("loading PyTorch", 0, 0)
    from cifar_tui.training.setup.image_cache import ImageCache
    from cifar_tui.training.setup.prepare import prepare_stored

    run, image_cache = stored_run(folder, overrides), ImageCache()
    if not best_weights.exist(folder):
        return prepare_stored(run, image_cache, progress).config, None, None
    test, epoch, setup = _evaluate(folder, run, image_cache, progress)
    examples = Examples(*test.examples(setup.dataset.test, SHOWN))
    return setup.config, examples, predictions_of(test, setup.dataset, epoch)


def predictions(folder: RunFolder, progress: ProgressCallback, *, run_classes: bool = True) -> Predictions:
    """The predictions of a run's best weights so far for its test images: as recorded, or else computed now.

    Args:
        folder: The run, finished or not; nothing in it is changed.
        progress: Called with the current step, where anything has to be computed; what it raises ends that.
        run_classes: Whether a model class of the user's own may be run to compute them.

    Raises:
        InputError: The run has no best checkpoint, or its images or its device are unusable, or its class is not run.
        CifarTuiError: Its images could not be read.
    """
    if (found := recorded(folder)) is not None:
        return found
    if not run_classes and is_user_class(folder.read_record().options.model):
        raise InputError(f"they are not recorded in {FILE}, and `compare` runs no user-defined model class")
    return evaluate_all(folder, NO_OVERRIDES, progress)


def evaluate_all(folder: RunFolder, overrides: Overrides, progress: ProgressCallback) -> Predictions:
    """The predictions of a run's best weights so far for its test images, computed now.

    Raises:
        InputError: As of `evaluate`.
        CifarTuiError: As there.
    """
    progress("loading PyTorch", 0, 0)
    from cifar_tui.training.setup.image_cache import ImageCache

    test, epoch, setup = _evaluate(folder, stored_run(folder, overrides), ImageCache(), progress)
    return predictions_of(test, setup.dataset, epoch)


def recorded(folder: RunFolder) -> Predictions | None:
    """The recorded predictions of a run's best weights so far for its test images; None where there are none.

    Raises:
        InputError: The file is far too large.
    """
    path, status = folder.path / FILE, folder.files.status(FILE)
    if status is not None:
        if status.st_size > MOST_BYTES:
            raise InputError(f"{path}: cannot be read: it is far too large ({status.st_size:,} bytes)")
        with contextlib.suppress(InputError):  # What is damaged can be computed again.
            found = read(path)
            if found.epoch == best_weights.best_epoch(folder):
                return found
    return None


def check_images(folder: RunFolder) -> None:
    """Check that reading a run's images would download nothing.

    Raises:
        InputError: CIFAR-10 is not on this machine any more.
    """
    from cifar_tui.data import cifar10

    places = stored_run(folder).locations
    if all(place.data == "cifar10" and cifar10.locate(place.data_dir) is None for place in places):
        where = cifar10.download_folder(places[0].data_dir)
        raise InputError(f"CIFAR-10 is not on this machine any more: put its archive into {where}")


def _evaluate(
    folder: RunFolder, run: StoredRun, image_cache: ImageCache, progress: ProgressCallback
) -> tuple[Evaluation, int, Setup]:
    """The evaluation of a run's best weights on its test images, the weights' epoch, and the run as it was set up."""
    from cifar_tui.data.loader import EVALUATION_BATCH
    from cifar_tui.training.checkpoints import best, storage
    from cifar_tui.training.devices import describe_move
    from cifar_tui.training.evaluation import evaluate as evaluate_split
    from cifar_tui.training.setup.prepare import prepare_stored

    path = best_weights.checkpoint_path(folder)
    setup = prepare_stored(run, image_cache, progress)
    if elsewhere := describe_move(run, setup.placement):
        progress(f"computing {elsewhere}", 0, 0)
    epoch = best_weights.best_epoch(folder) or 0
    found = best.load(path, setup.identity, storage.size_limits(setup.model), epoch)
    best.restore(found, setup.model, path)
    control = _ProgressControl(progress, len(setup.dataset.test), EVALUATION_BATCH)
    with setup.random_streams.for_evaluation():
        test = evaluate_split(setup.model, setup.dataset.test, len(setup.dataset.classes), setup.placement, control)
    return test, found.epoch, setup


class _ProgressControl(Control):
    """Reports progress before each batch of an evaluation, which an error raised there ends; of one process."""

    def __init__(self, progress: ProgressCallback, images: int, batch: int) -> None:
        super().__init__()
        self._progress = progress
        self._done, self._images, self._batch = 0, images, batch

    def check(self) -> None:
        """Called between two batches."""
        super().check()
        self._progress("evaluating", self._done, self._images)
        self._done += self._batch
