"""The runs of this process and what they share, and what their best weights predict for the screen."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions, TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.events import RunStatus
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.report.run_files import write_run_files
from cifar_tui.runs import untrusted_class
from cifar_tui.runs.messages import Listener, ProgressCallback
from cifar_tui.runs.run import Run, import_pytorch
from cifar_tui.store import catalog
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import save_paths, stored_run
from cifar_tui.system import processors
from cifar_tui.system.memory import retain_freed_memory
from cifar_tui.training.distributed import environment
from cifar_tui.training.distributed.environment import Worker
from cifar_tui.training.distributed.process_errors import LostProcessError, ProcessFailedError

if TYPE_CHECKING:
    from cifar_tui.events import SplitName
    from cifar_tui.runs.predicted_images import ImageReader, PairedImages, PredictedImages
    from cifar_tui.runs.prediction import PredictedFiles
    from cifar_tui.store.predictions import RunPair
    from cifar_tui.training.distributed.group import Group
    from cifar_tui.training.setup.image_cache import ImageCache

BESIDE_TRAINING = 2
"""CPU threads of what is computed for the screen while runs train, where there are as many."""
MOST_FILES = 1000
"""Image files that are predicted for the screen at once: 3 MB of pixels, and pages enough."""


class Workspace:
    """Where the runs of a process come from: a folder of runs, the images in memory, a priority. Threads may share it.

    Attributes:
        runs_dir: The folder of all runs.
        tensorboard: Whether events of its runs are mirrored for TensorBoard; of a run that has been, they always are.
        health: When the health check of its runs warns.
    """

    def __init__(
        self,
        runs_dir: Path,
        *,
        niceness: int = 0,
        tensorboard: bool = False,
        worker: Worker | None = None,
        health: HealthOptions = DEFAULT_HEALTH,
    ) -> None:
        """Start without images.

        Args:
            runs_dir: The folder of all runs.
            niceness: By how much the priority of its runs' threads is lowered, from 0 to 19, as in `nice`.
            tensorboard: Whether to mirror the events of its runs for TensorBoard.
            worker: This process's place among those that train each of its runs together; None where it is alone.
            health: When the health check of its runs warns.
        """
        self.runs_dir = runs_dir
        self.tensorboard = tensorboard
        self.health = health
        self._niceness = niceness
        self._worker = worker
        self._group: Group | None = None
        self._image_cache: ImageCache | None = None
        self._creating = threading.Lock()
        retain_freed_memory()

    def new_run(self, config: TrainingConfig, listener: Listener, index: int = 0) -> Run:
        """A run that is not started; its folder is made once its images are read and its device is found.

        Args:
            config: Its options.
            listener: Receives its messages.
            index: Which of the runs it is that a launcher's command trains.
        """
        launch = f"{self._worker.launch}/{index}" if self._worker and self._worker.launch else ""
        return Run(self, config, None, listener, launch=launch)

    def resumed_run(self, folder: RunFolder, listener: Listener, overrides: Overrides = NO_OVERRIDES) -> Run:
        """An earlier run, to be resumed from its last checkpoint, or from its beginning where it has none.

        Args:
            folder: The run.
            listener: Receives its messages.
            overrides: Options to use instead of those that it was made with.

        Raises:
            InputError: Its configuration is damaged, or an override is out of range.
        """
        return Run(self, stored_run(folder, overrides).config, folder, listener, overrides)

    def group(self, check: Callable[[], None]) -> Group:
        """The processes that train each of its runs; the first call, on a training thread, waits for them to join.

        Args:
            check: Called meanwhile; what it raises ends the waiting.

        Raises:
            InputError: They do not find each other, or are of different versions.
        """
        import_pytorch()
        from cifar_tui.training.distributed.group import ALONE

        if self._worker is None or self._worker.processes == 1:
            return ALONE
        if self._group is None:
            from cifar_tui.training.distributed.joined import join

            self._group = ALONE  # Where the others are not found, they are not waited for again.
            self._group = join(self._worker, check)
        return self._group

    @property
    def can_train(self) -> bool:
        """Whether more runs can be trained: the processes of one that has failed have parted."""
        return self._group is None or self._group.processes == 1 or self._group.is_joined

    @property
    def launched_at(self) -> float | None:
        """When its processes were launched, in seconds since the epoch; None where it is alone, or not joined yet."""
        if self._worker is None:
            return None
        return self._group.launched_at if self._group else environment.launched_at()

    def report_failure(self, message: str, state: RunStatus, exit_status: int) -> None:
        """Tell the other processes, if there are any, why this one ends."""
        if self._group is not None:
            self._group.report_failure(message, state, exit_status)

    def end(self, status: int) -> None:
        """Have the other processes end with this exit status, once all runs have ended, or there is nothing to do."""
        if self._worker is None or self._worker.processes == 1:
            return
        with contextlib.suppress(InputError, LostProcessError, ProcessFailedError):
            group = self.group(lambda: None)
            if group.is_joined:
                group.broadcast(status)
            group.close()

    def image_cache(self) -> ImageCache:
        """The images in memory; the first call imports torch."""
        import_pytorch()
        from cifar_tui.training.setup.image_cache import ImageCache

        with self._creating:
            self._image_cache = self._image_cache or ImageCache()
        return self._image_cache

    def lower_priority(self) -> None:
        """Lower the priority of the calling thread by the workspace's niceness, unless it is as low already."""
        if self._niceness and sys.platform == "linux":
            # On Linux it is the thread's own, and that of the threads it will start; elsewhere, the whole process's.
            thread = threading.get_native_id()
            with contextlib.suppress(OSError):
                now = os.getpriority(os.PRIO_PROCESS, thread)
                os.setpriority(os.PRIO_PROCESS, thread, max(now, self._niceness))

    def run_images(self, folder: RunFolder, split: SplitName | None, progress: ProgressCallback) -> PredictedImages:
        """A run's images with the predictions of its best weights so far, on a thread with the priority of its runs'.

        What is recorded is read. Only test images whose predictions are not are evaluated, in a process of its own
        that leaves the processors to all others.

        Args:
            folder: The run, also while it trains; nothing in it is changed.
            split: Which images; None for the test images, or the validation images where only these are recorded.
            progress: What it raises ends this.

        Raises:
            NotRecordedError: The predictions for the validation images are not recorded.
            InputError: The run has no best checkpoint yet, or its images are other ones now, or not there.
            CifarTuiError: The images could not be read.
        """
        self.lower_priority()
        from cifar_tui.runs import predicted_images
        from cifar_tui.runs.inference import evaluation, evaluation_process

        reader = self._reader(progress)
        if split != "validation" and (recorded := evaluation.recorded(folder)) is not None:
            return predicted_images.read_test(folder, recorded.top(), reader)
        if split != "test":
            try:
                return predicted_images.read_validation(folder, reader)
            except predicted_images.NotRecordedError:
                if split is not None:
                    raise
        if (untrusted := untrusted_class.find(folder)) is not None:
            raise InputError(f"{untrusted.what}; press the key again to be asked whether to run it")
        return predicted_images.read_test(folder, evaluation_process.run(folder, progress), reader)

    def paired_images(self, runs: RunPair, progress: ProgressCallback) -> PairedImages:
        """The test images of two runs and the recorded predictions of both, on a thread like that of `run_images`.

        Raises:
            InputError: The predictions are not recorded, or not for the same images; or these are different ones now,
                or not there.
            CifarTuiError: The images could not be read.
        """
        self.lower_priority()
        from cifar_tui.runs import predicted_images

        return predicted_images.read_two(runs, self._reader(progress))

    def _reader(self, progress: ProgressCallback) -> ImageReader:
        """Reads the images of runs for the screen; what would have to be downloaded is not there."""
        from cifar_tui.runs.inference import evaluation
        from cifar_tui.runs.predicted_images import ImageReader

        def image_cache(folder: RunFolder) -> ImageCache:
            import_pytorch(progress)
            cache = self.image_cache()
            evaluation.check_images(folder)
            return cache

        return ImageReader(image_cache, progress)

    def predict(self, folder: RunFolder, names: Sequence[str], progress: ProgressCallback) -> PredictedFiles:
        """The predictions for the first `MOST_FILES` of these image files, on a thread like that of `run_images`.

        Raises:
            InputError: A name means no image, the run has no best checkpoint yet, or its device is not there.
        """
        self.lower_priority()
        import_pytorch(progress)
        from cifar_tui.runs import prediction

        return prediction.predict_first(folder, names, progress, MOST_FILES, _beside_training())

    def missing_data_dir(self, config: TrainingConfig) -> Path | None:
        """The folder that the images would have to be downloaded into; None where there is nothing to download.

        Raises:
            InputError: The folder cannot be.
        """
        if config.data != "cifar10":
            return None
        import_pytorch()
        from cifar_tui.data import cifar10

        return None if cifar10.locate(config.data_dir) else cifar10.download_folder(config.data_dir)


def data_option_for(path: str) -> Literal["data_dir", "data"]:
    """The option for a folder: `data_dir` where it holds CIFAR-10, `data` where it holds classes of images.

    Raises:
        InputError: It does neither, or cannot be looked into.
    """
    import_pytorch()
    from cifar_tui.data import sources

    return sources.data_option_for(path)


def write_report(
    folder: RunFolder, overrides: Overrides = NO_OVERRIDES, progress: ProgressCallback = lambda *_: None
) -> list[str]:
    """Write a run's pictures and its report as far as it is recorded, also while it trains.

    Args:
        folder: The run.
        overrides: Where its images are now, if that is given: then that is kept in its options, and the parts of the
            report that need images are made again.
        progress: Called where they are.

    Returns:
        What went wrong, a line each.

    Raises:
        InputError: Its configuration or its events are damaged; or other images are given.
        OSError: Its configuration could not be written.
    """
    folder.check_own()
    examples = predictions = None
    if overrides.data is not None:
        import_pytorch()
        from cifar_tui.runs.inference import evaluation

        found, examples, predictions = evaluation.report_images(folder, overrides, progress)
        save_paths(folder, found)
    return write_run_files(folder.path, folder.read_any_record(), catalog.live_state(folder), examples, predictions)


def _beside_training() -> int:
    return min(BESIDE_TRAINING, processors.default_threads().count)
