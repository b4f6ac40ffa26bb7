"""A session whose runs do nothing by themselves: a test tells what their trainers would say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from cifar_tui.config import TrainingConfig
from cifar_tui.events import AnyEvent, RunFinished, RunStatus
from cifar_tui.runs.prediction import PredictedFiles
from cifar_tui.runs.run import Ended, Listener, Message, Run
from cifar_tui.runs.test_images import PairedImages, PredictedImages
from cifar_tui.runs.workspace import Progress, Session
from cifar_tui.store.predictions import RunPair
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.stored import AS_MADE, Overrides
from tests.core.test_state import finished, started, uninterrupted


class FakeRun:
    """Remembers what was asked of it."""

    def __init__(self, config: TrainingConfig, folder: RunFolder | None, listener: Listener, runs_dir: Path) -> None:
        self.config = config
        self.folder = folder
        self.error: BaseException | None = None
        self.traceback = ""
        self.lost = False
        self.asked: list[str] = []
        self._listener = listener
        self._runs_dir = runs_dir

    def start(self) -> None:
        self.asked.append("start")

    def stop(self, state: RunStatus, why: str) -> None:
        self.asked.append(state)

    def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def join(self, timeout: float | None = None) -> bool:
        return True

    def tell(self, *messages: Message) -> None:
        """Have its trainer say this, on a thread that is not the screen's."""
        thread = threading.Thread(target=lambda: [self._listener(message) for message in messages])
        thread.start()
        thread.join()

    def begin(self, *events: AnyEvent) -> None:
        """Have it begin, and go on with `events`."""
        self.folder = self.folder or RunFolder(self._runs_dir / f"20260101-000000-{self.config.run_name}")
        self.tell(started(), *events)

    def learn(self, epochs: int) -> None:
        """Have it begin and train so many whole epochs."""
        self.begin(*uninterrupted(epochs)[1:])

    def end(self, state: RunStatus = "stopped", error: BaseException | None = None) -> None:
        """Have it come to its end."""
        self.error = error
        ending: RunFinished = finished(state)
        self.tell(ending, Ended(error))


class FakeSession:
    """Makes fake runs and keeps them."""

    tensorboard = False

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self.runs: list[FakeRun] = []
        self.missing_in: Path | None = None
        """Where CIFAR-10 would have to be fetched into."""
        self.images: dict[str, PredictedImages | Exception] = {}
        """What comes of opening a run's images, by the run's id."""
        self.pair: PairedImages | Exception | None = None
        """What comes of opening the images of two runs."""
        self.predictions: PredictedFiles | Exception | None = None
        """What comes of predicting image files."""
        self.given = AS_MADE
        """What was given for the run that was resumed last."""
        self.named: list[tuple[str, ...]] = []
        """Those that were."""
        self.gate = threading.Event()
        """Where it is not set, images are opened, and files predicted, for ever."""
        self.gate.set()
        self.opened: list[str] = []
        """The ids of the runs whose images were opened."""

    def new(self, config: TrainingConfig, listener: Listener) -> Run:
        self.runs.append(FakeRun(config, None, listener, self.runs_dir))
        return cast(Run, self.runs[-1])

    def continued(self, folder: RunFolder, listener: Listener, given: Overrides = AS_MADE) -> Run:
        self.given = given
        self.runs.append(FakeRun(TrainingConfig(), folder, listener, self.runs_dir))
        return cast(Run, self.runs[-1])

    def warm_up(self, config: TrainingConfig, progress: Progress) -> str:
        return "cpu: a fast one"

    def test_images(self, folder: RunFolder, progress: Progress) -> PredictedImages:
        self.opened.append(folder.id)
        progress("evaluating", 0, 0)
        while not self.gate.wait(0.01):
            progress("evaluating", 0, 0)
        found = self.images[folder.id]
        if isinstance(found, Exception):
            raise found
        return found

    def paired_images(self, runs: RunPair, progress: Progress) -> PairedImages:
        self.opened += [run.folder.id for run in runs]
        progress("reading images", 3, 4)
        while not self.gate.wait(0.01):
            progress("reading images", 3, 4)
        assert self.pair is not None
        if isinstance(self.pair, Exception):
            raise self.pair
        return self.pair

    def predict(self, folder: RunFolder, names: Sequence[str], progress: Progress) -> PredictedFiles:
        self.named.append((folder.id, *names))
        progress("predicting", 7, 1234)
        while not self.gate.wait(0.01):
            progress("predicting", 7, 1234)
        assert self.predictions is not None
        if isinstance(self.predictions, Exception):
            raise self.predictions
        return self.predictions

    def missing(self, config: TrainingConfig) -> Path | None:
        return self.missing_in if config.data == "cifar10" and config.data_dir is None else None


def session_of(fake: FakeSession) -> Callable[[], Session]:
    """What the dashboard takes in place of a session."""
    return lambda: cast(Session, fake)


def digits(*models: str, **options: Any) -> Sequence[TrainingConfig]:
    """A configuration for each model, on the digits unless `options` say otherwise."""
    return [TrainingConfig(**{"model": model, "data": "digits", **options}) for model in models]
