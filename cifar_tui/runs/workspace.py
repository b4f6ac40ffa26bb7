"""The runs of this process, begun or gone on with, and what their best weights make of images for the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.formatting import plural
from cifar_tui.models.own import UnknownClassError
from cifar_tui.report.run_files import write_run_files
from cifar_tui.runs.run import Listener, Run
from cifar_tui.runs.shared import Shared, load_pytorch
from cifar_tui.store import catalog
from cifar_tui.store.relocation import remember, stored_run
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.stored import AS_MADE, Overrides
from cifar_tui.system import processors

if TYPE_CHECKING:
    from cifar_tui.runs.prediction import PredictedFiles
    from cifar_tui.runs.test_images import PairedImages, PredictedImages
    from cifar_tui.store.predictions import RunPair

Progress = Callable[[str, int, int], None]
"""Told what is done before training, how much of it, and of how much, 0 where that is not known."""
BESIDE_TRAINING = 2
"""CPU threads of what is computed for the screen while runs train, where there are as many."""
MOST_FILES = 1000
"""Image files that are predicted for the screen at once: 3 MB of pixels, and pages enough."""


class Session:
    """The runs of this process, and what they share."""

    def __init__(self, runs_dir: Path, *, niceness: int = 0, tensorboard: bool = False) -> None:
        """Have no runs yet.

        Args:
            runs_dir: The folder of all runs.
            niceness: How far its runs' threads give way to others on a busy processor, from 0 to 19, as in `nice`.
            tensorboard: Whether its runs' events are mirrored for TensorBoard; of a run that has been, they always are.
        """
        self._shared = Shared(runs_dir, niceness=niceness, tensorboard=tensorboard)

    @property
    def tensorboard(self) -> bool:
        """Whether its runs' events are mirrored for TensorBoard."""
        return self._shared.tensorboard

    def new(self, config: TrainingConfig, listener: Listener) -> Run:
        """A run that has not begun; its folder is made once its images are read and its device is found."""
        return Run(self._shared, config, None, listener)

    def continued(self, folder: RunFolder, listener: Listener, given: Overrides = AS_MADE) -> Run:
        """An earlier run, to go on from its last checkpoint, or from its beginning where it has none.

        Args:
            folder: The run.
            listener: Told what happens to it.
            given: What a person gives instead of what it was made with.

        Raises:
            InputError: Its configuration is damaged, or what is given is out of range.
        """
        return Run(self._shared, stored_run(folder, given).config, folder, listener, given)

    def warm_up(self, config: TrainingConfig, progress: Progress) -> str:
        """Do beforehand what every run waits for: PyTorch, the device, the images unless they have to be fetched.

        Returns:
            The device and the precision, in words.

        Raises:
            InputError: The options do not fit this machine or these images.
            CifarTuiError: The images could not be read.
        """
        progress("loading PyTorch", 0, 0)
        load_pytorch()
        from cifar_tui.training.devices import place

        placement = place(config)
        if self.missing(config) is None:
            self._shared.shelf().source(config, progress)
        return f"{placement.device}: {placement.name}, {placement.precision}, {plural(placement.threads, 'thread')}"

    def test_images(self, folder: RunFolder, progress: Progress) -> PredictedImages:
        """A run's test images and the predictions for them, on a thread that gives way as its runs' do.

        Args:
            folder: The run, also while it trains; nothing in it is changed.
            progress: Told what is being done; what it raises ends that.

        Raises:
            InputError: The run has no best checkpoint yet, or its images are other ones now, or not there.
            CifarTuiError: The images could not be read.
        """
        self._shared.give_way()
        load_pytorch()
        from cifar_tui.runs import test_images

        self._check_images(folder)
        try:
            return test_images.read_one(folder, self._shared.shelf(), progress, _beside_training())
        except UnknownClassError as error:
            raise InputError(f"{error.what}; press 3 or k again to be asked whether to run it") from None

    def paired_images(self, runs: RunPair, progress: Progress) -> PairedImages:
        """The test images of two runs and the recorded predictions of both, on a thread like that of `test_images`.

        Raises:
            InputError: The predictions are not recorded, or not for the same images; or these are different ones now,
                or not there.
            CifarTuiError: The images could not be read.
        """
        self._shared.give_way()
        load_pytorch()
        from cifar_tui.runs import test_images

        self._check_images(runs[0].folder)
        return test_images.read_two(runs, self._shared.shelf(), progress)

    def predict(self, folder: RunFolder, names: Sequence[str], progress: Progress) -> PredictedFiles:
        """The predictions for the first `MOST_FILES` of these image files, on a thread like that of `test_images`.

        Raises:
            InputError: A name means no image, the run has no best checkpoint yet, or its device is not there.
        """
        self._shared.give_way()
        load_pytorch()
        from cifar_tui.runs import prediction

        return prediction.predict_first(folder, names, progress, MOST_FILES, _beside_training())

    def _check_images(self, folder: RunFolder) -> None:
        places = stored_run(folder).places
        missing = [self.missing(replace(TrainingConfig(), data=p.data, data_dir=p.data_dir)) for p in places]
        if all(missing):
            raise InputError(f"CIFAR-10 is not on this machine any more: put its archive into {missing[0]}")

    def missing(self, config: TrainingConfig) -> Path | None:
        """The folder that the images would have to be fetched into; None where there is nothing to fetch.

        Raises:
            InputError: The folder cannot be.
        """
        if config.data != "cifar10":
            return None
        load_pytorch()
        from cifar_tui.data import cifar10

        return None if cifar10.locate(config.data_dir) else cifar10.destination(config.data_dir)


def option_of(path: str) -> Literal["data_dir", "data"]:
    """The option that takes a folder: `data_dir` where it holds CIFAR-10, `data` where it holds classes of images.

    Raises:
        InputError: It does neither, or cannot be looked into.
    """
    load_pytorch()
    from cifar_tui.data import sources

    return sources.option_of(path)


def write_report(folder: RunFolder, given: Overrides = AS_MADE, progress: Progress = lambda *_: None) -> list[str]:
    """Write a run's pictures and its report as far as it is recorded, also while it trains.

    Args:
        folder: The run.
        given: Where its images are now, if that is given: then they are kept in its options, and what of the report
            takes images is made again.
        progress: Told what is being done where they are given.

    Returns:
        What went wrong, a line each.

    Raises:
        InputError: Its configuration or its events are damaged; or other images are given.
        OSError: Its configuration could not be written.
    """
    folder.check_own()
    examples = predictions = None
    if given.data is not None:
        load_pytorch()
        from cifar_tui.runs import evaluation

        found, examples, predictions = evaluation.report_images(folder, given, progress)
        remember(folder, found)
    return write_run_files(folder.path, folder.read_record(), catalog.live_state(folder), examples, predictions)


def _beside_training() -> int:
    return min(BESIDE_TRAINING, processors.for_threads().count)
