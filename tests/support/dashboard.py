"""A dashboard without training: fake runs, whose trainers say what a test tells them to, and the keys and screen."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

import cifar_tui.tui
from cifar_tui.config import DEFAULT_HEALTH, TrainingConfig
from cifar_tui.events import AnyEvent, Epoch, Evaluated, RunFinished, RunStarted, RunStatus, SplitName, to_json
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.runs.messages import Ended, Listener, Message, ProgressCallback
from cifar_tui.runs.predicted_images import PairedImages, PredictedImages
from cifar_tui.runs.prediction import PredictedFiles
from cifar_tui.runs.run import Run
from cifar_tui.runs.workspace import Workspace
from cifar_tui.store.predictions import RunPair
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.preferences.settings import Settings
from cifar_tui.tui.preferences.theme_choice import ThemeChoice
from cifar_tui.tui.runs.reading import WatchedLogs
from tests.support.recorded import finished, on_hosts, recorded_state, run_record, started, uninterrupted
from tests.tui.textual_compat import screen_strips

STARTED = "20260101-000000-cnn"
"""The id of `DashboardPilot.started_run`."""


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


class FakeWorkspace:
    """Makes fake runs and keeps them."""

    tensorboard = False
    health = DEFAULT_HEALTH

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self.runs: list[FakeRun] = []
        self.missing_in: Path | None = None
        """Where CIFAR-10 would have to be fetched into."""
        self.images: dict[str, PredictedImages | Exception] = {}
        """What comes of opening a run's images, by its id, or by that and the split: `ID validation`."""
        self.pair: PairedImages | Exception | None = None
        """What comes of opening the images of two runs."""
        self.predictions: PredictedFiles | Exception | None = None
        """What comes of predicting image files."""
        self.given = NO_OVERRIDES
        """What was given for the run that was resumed last."""
        self.named: list[tuple[str, ...]] = []
        """Those that were."""
        self.gate = threading.Event()
        """Where it is not set, images are opened, and files predicted, for ever."""
        self.gate.set()
        self.opened: list[str] = []
        """The ids of the runs whose images were opened."""
        self.splits: list[SplitName | None] = []
        """And which of them were wanted, where that is one run's."""

    def new_run(self, config: TrainingConfig, listener: Listener) -> Run:
        self.runs.append(FakeRun(config, None, listener, self.runs_dir))
        return cast(Run, self.runs[-1])

    def resumed_run(self, folder: RunFolder, listener: Listener, given: Overrides = NO_OVERRIDES) -> Run:
        self.given = given
        self.runs.append(FakeRun(TrainingConfig(), folder, listener, self.runs_dir))
        return cast(Run, self.runs[-1])

    def run_images(self, folder: RunFolder, split: SplitName | None, progress: ProgressCallback) -> PredictedImages:
        self.opened.append(folder.id)
        self.splits.append(split)
        progress("evaluating", 0, 10)
        while not self.gate.wait(0.01):
            progress("evaluating", 3, 10)
        found = self.images.get(f"{folder.id} {split}") or self.images[folder.id]
        if isinstance(found, Exception):
            raise found
        return found

    def paired_images(self, runs: RunPair, progress: ProgressCallback) -> PairedImages:
        self.opened += [run.folder.id for run in runs]
        progress("reading images", 3, 4)
        while not self.gate.wait(0.01):
            progress("reading images", 3, 4)
        assert self.pair is not None
        if isinstance(self.pair, Exception):
            raise self.pair
        return self.pair

    def predict(self, folder: RunFolder, names: Sequence[str], progress: ProgressCallback) -> PredictedFiles:
        self.named.append((folder.id, *names))
        progress("predicting", 7, 1234)
        while not self.gate.wait(0.01):
            progress("predicting", 7, 1234)
        assert self.predictions is not None
        if isinstance(self.predictions, Exception):
            raise self.predictions
        return self.predictions

    def missing_data_dir(self, config: TrainingConfig) -> Path | None:
        return self.missing_in if config.data == "cifar10" and config.data_dir is None else None


def workspace_of(fake: FakeWorkspace) -> Callable[[], Workspace]:
    """What the dashboard takes in place of a workspace."""
    return lambda: cast(Workspace, fake)


def digits(*models: str, **options: Any) -> Sequence[TrainingConfig]:
    """A configuration for each model, on the digits unless `options` say otherwise."""
    return [TrainingConfig(**{"model": model, "data": "digits", **options}) for model in models]


class DashboardPilot:
    """A dashboard that runs, its keys, and its fake workspace."""

    def __init__(self, app: Dashboard, pilot: Pilot[Any], workspace: FakeWorkspace) -> None:
        self.app = app
        self.pilot = pilot
        self.workspace = workspace

    @property
    def view(self) -> str:
        """The view that is on."""
        views = self.app.main.views
        assert views is not None
        return views.shown

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until(self, true: Callable[[], object]) -> None:
        """Wait for what comes from other threads."""
        for _ in range(500):
            if true():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"it never came; the screen says:\n{self.screen()}")

    async def run(self, number: int = -1) -> FakeRun:
        """The run that was made last, once it is made."""
        await self.until(lambda: self.workspace.runs)
        return self.workspace.runs[number]

    async def started_run(self) -> tuple[FakeRun, RunStarted, Evaluated, list[Epoch]]:
        """Start the selected run; it, in the folder of `STARTED`, and the events that it may tell."""
        await self.until(lambda: self.app.main.views is not None)
        await self.press("s")
        run, state = await self.run(), recorded_state(ending=None)
        assert state.started is not None
        assert state.test is not None
        run.folder = RunFolder(self.workspace.runs_dir / STARTED)
        return run, state.started, state.test, state.epochs

    async def type_ahead(self, *keys: str) -> None:
        """Press keys faster than any of them acts."""
        await self.until(lambda: self.app.main.views is not None)
        for key in keys:
            name = {"?": "question_mark", "/": "slash", " ": "space"}.get(key, key)
            self.app.post_message(events.Key(name, key if len(key) == 1 else None))

    def screen(self) -> str:
        """All that stands on the screen, line by line."""
        width, height = self.app.size
        lines = screen_strips(self.app.screen)
        return "\n".join(strip.text.rstrip() for strip in lines[:height] if width)

    async def shows(self, *texts: str) -> None:
        """Wait until the screen shows all of these, elsewhere than in the path of the folder of runs."""

        def searched() -> str:
            # The path in the first line holds the test's name, and so may hold what is waited for.
            return re.sub(r"(?<= in )/\S*", "", self.screen(), count=1)

        await self.until(lambda: all(text in searched() for text in texts))


@asynccontextmanager
async def dashboard(
    runs_dir: Path,
    *models: str,
    size: tuple[int, int] = (120, 40),
    start: bool = False,
    logs: WatchedLogs | None = None,
    **options: Any,
) -> AsyncIterator[DashboardPilot]:
    workspace = FakeWorkspace(runs_dir)
    configs = [] if logs is not None else digits(*(models or ("cnn", "mlp")), **options)
    app = Dashboard(runs_dir, configs, workspace_of(workspace), start=start, logs=logs)
    async with app.run_test(size=size) as pilot:
        yield DashboardPilot(app, pilot, workspace)
        for run in workspace.runs:
            # What nobody ended would be asked about.
            app.runs.receive(run, Ended(None))  # type: ignore[arg-type]


def recorded_folder(
    runs_dir: Path, name: str, epochs: int = 2, processes: int = 1, state: RunStatus = "stopped"
) -> RunFolder:
    """A folder as a run leaves it that was stopped, or ended otherwise, after some epochs."""
    folder = RunFolder(runs_dir / f"20250101-000000-{name}")
    folder.path.mkdir(parents=True)
    options = TrainingConfig(model="mlp", data="digits", epochs=5, name=name)
    together = on_hosts(1, processes) if processes > 1 else []
    folder.write_record(run_record(options, id=folder.id, processes=together))
    events = [*uninterrupted(epochs, processes), finished(state)]
    folder.events_file.write_text("".join(f"{to_json(event)}\n" for event in events))
    folder.summary_file.write_text(
        f'{{"id": "{folder.id}", "state": "{state}", "model": "mlp", "data": "digits", "epochs": {epochs}}}'
    )
    return folder


class ScreenHost(App[None]):
    """Opens a screen, and keeps what it gives."""

    CSS_PATH = str(Path(cifar_tui.tui.__file__).parent / "dialogs.tcss")
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, screen: Callable[[], Screen[Any]]) -> None:
        super().__init__()
        self.animation_level = "none"
        self.themes = ThemeChoice(self, Settings(), ascii_only=False)
        self.themes.start("dark", light=False)
        self._opened = screen
        self.answers: list[Any] = []

    def on_mount(self) -> None:
        self.open(self._opened())

    def open(self, screen: Screen[Any]) -> None:
        """Open another one."""
        self.push_screen(screen, self.answers.append)

    def text(self) -> list[str]:
        """The lines of the screen."""
        return ["".join(segment.text for segment in strip) for strip in screen_strips(self.screen)]
