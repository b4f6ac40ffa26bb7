"""The thread that writes a recording to its run folder, ten times a second, and takes requests of other processes."""

from __future__ import annotations

import contextlib
import importlib.metadata
import math
import platform
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui import __version__
from cifar_tui.config import DEFAULT_HEALTH, HealthOptions
from cifar_tui.errors import error_text
from cifar_tui.events import AnyEvent, RunStatus
from cifar_tui.recording.event_maker import EventMaker
from cifar_tui.recording.items import Ended, Item, PauseChanged
from cifar_tui.recording.plan import SOURCE, Plan
from cifar_tui.recording.values import Fetcher
from cifar_tui.records import ScriptRecord
from cifar_tui.runs.device_usage import DeviceReporter
from cifar_tui.runs.notifications.notification import BY_REQUEST
from cifar_tui.runs.ownership import Ownership
from cifar_tui.runs.sinks.health import HealthSink
from cifar_tui.runs.sinks.stream import EventStream, Sink
from cifar_tui.state.run_state import RunState
from cifar_tui.store import run_folder
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.requests import ASKED, is_request
from cifar_tui.training.clock import Clock
from cifar_tui.training.control import Control

if TYPE_CHECKING:
    from cifar_tui.store.run_folder import RunFolder

TICK_SECONDS = 0.1
"""How often what was logged is written."""
MAX_WAITING = 1_000_000
"""Items that wait while the disk hangs; beyond them, the oldest are dropped."""
END_SECONDS, INTERRUPTED_SECONDS = 60.0, 10.0
"""How long the script's end waits for what is not written yet, and after Ctrl+C."""
SUMMARY_SECONDS = 5.0
"""Between two summaries of a run whose epochs take long, or that has none."""
FILES_SECONDS = 0.5
"""Between two writings of the files that follow from the events: a script may validate a hundred times a second."""
UNHANDLED_SECONDS = 10.0
UNHANDLED = "the script has not handled this request: have it call run.batches, run.epochs or run.stop_requested"
"""The note on a request that has had no effect for so long."""
PACKAGES = ("torch", "lightning", "transformers", "keras", "numpy")
"""Packages whose versions are kept, where they are loaded."""


class Writer:
    """One recording's run folder, and the thread that writes it."""

    def __init__(
        self,
        folder: RunFolder,
        maker: EventMaker,
        clock: Clock,
        state: RunState,
        *,
        tensorboard: bool,
        health: HealthOptions = DEFAULT_HEALTH,
    ) -> None:
        """Start the thread.

        Args:
            folder: The run's.
            maker: Has made its events so far.
            clock: The run's.
            state: The fold of these events.
            tensorboard: Whether to write TensorBoard's files too.
            health: When its health check warns.

        Raises:
            OSError: The folder cannot be written.
            CifarTuiError: TensorBoard is asked for and not installed.
        """
        self.folder, self.clock = folder, clock
        self._maker, self._tensorboard, self._health = maker, tensorboard, health
        self._control = Control()
        """Takes requests, and nothing else: the training continues where its folder is lost."""
        self._lost = Control()
        self.stop_taken: tuple[RunStatus, str] | None = None
        """In which state and why the training ends, once it knows of a stop."""
        self._asked_at: float | None = None
        """When something was requested that the script has not taken yet."""
        self._waiting: deque[Item] = deque(maxlen=MAX_WAITING)
        self._fetcher = Fetcher()
        self._ended: Ended | None = None
        self._summary_at = time.monotonic()
        self._open = True
        self._closing = threading.Event()
        self._stack = contextlib.ExitStack()
        try:
            self._stream = self._open_stream(state)
        except BaseException:
            self._stack.close()
            raise
        self._thread = threading.Thread(target=self._main, name="cifar-tui-recorder", daemon=True)
        self._thread.start()

    @classmethod
    def create(cls, plan: Plan, runs_dir: Path, *, tensorboard: bool, health: HealthOptions) -> Writer:
        """That of a new run.

        Raises:
            InputError: Its folder cannot be made.
            CifarTuiError: TensorBoard is asked for and not installed.
        """
        folder = run_folder.create(runs_dir.absolute(), plan.name, datetime.now(), lambda folder: _record(plan, folder))
        try:
            return cls(folder, EventMaker(plan, folder.id), Clock(), RunState(), tensorboard=tensorboard, health=health)
        except BaseException:
            run_folder.discard(folder)
            raise

    def reopen(self) -> Writer:
        """That of the same run, which has ended, for what comes behind its training.

        Raises:
            InputError: Its folder is gone, or another process owns it.
            OSError: It cannot be written.
        """
        state = self._stream.recorder.state
        writer = Writer(self.folder, self._maker, self.clock, state, tensorboard=self._tensorboard, health=self._health)
        writer.put(PauseChanged(self.clock.t, len(state.epochs) + 1, 0, paused=False))
        return writer

    def put(self, item: Item) -> None:
        """Hand over an item, from any thread, without waiting; once the recording has ended, it is dropped."""
        if self._open:
            self._waiting.append(item)

    @property
    def is_asked(self) -> bool:
        """Whether a stop or a pause is requested."""
        return self._control.stop_requested or self._control.pause_requested

    def take_stop(self) -> bool:
        """Whether a stop is requested, which the training knows from now on."""
        if not self._control.stop_requested:
            return False
        self.stop_taken, self._asked_at = self._control.stop_reason, None
        return True

    def wait_while_paused(
        self, epoch: int, batch: int, seconds: float = math.inf, meanwhile: Callable[[], object] | None = None
    ) -> None:
        """Wait after this batch for the end of a pause, where one was requested.

        Args:
            epoch: The current one.
            batch: The last one that was trained in it.
            seconds: How often to call `meanwhile`.
            meanwhile: Called during the pause.
        """
        control = self._control
        if not control.pause_requested:
            return
        self._asked_at = None
        self.put(PauseChanged(self.clock.t, epoch, batch, paused=True))
        self.clock.pause()
        if meanwhile is None:
            control.wait_while_paused()
        while control.pause_requested and meanwhile is not None:
            meanwhile()
            control.wait_for_change(seconds)
        self.clock.resume()
        self.put(PauseChanged(self.clock.t, epoch, batch, paused=False))

    def end(self, state: RunStatus, message: str) -> None:
        """Write what waits and the end of the run, `END_SECONDS` at most, and end the thread."""
        self.put(Ended(self.clock.t, state, message))
        self._open = False
        self._closing.set()
        try:
            self._thread.join(END_SECONDS)
        except KeyboardInterrupt:
            self._thread.join(INTERRUPTED_SECONDS)
            raise
        if self._thread.is_alive():
            print_message(f"{self.folder.id}: {len(self._waiting)} entries could not be written in {END_SECONDS:.0f} s")

    def _open_stream(self, state: RunState) -> EventStream:
        record = self.folder.read_any_record()
        self._ownership = ownership = Ownership(self.folder, self._lost, lambda *_: None)
        self._stack.callback(ownership.release)
        recorder = Recorder(self.folder, record, state, lazy=True)
        self._stack.callback(recorder.close)
        sinks: list[Sink] = [HealthSink(self._health, None, recorder.state)]
        if self._tensorboard:
            from cifar_tui.runs.sinks.tensorboard import TensorBoardSink, require

            require()
            sink = TensorBoardSink(self.folder)
            self._stack.callback(sink.close)
            sinks.append(sink)
        stream = EventStream(recorder, sinks, ownership, self.clock)
        self._devices = DeviceReporter(stream.emit_while_running, self.clock, self.folder.path)
        self._stack.callback(self._devices.close)
        ownership.handle_requests(lambda line: self._handle_request(line, stream))
        return stream

    def _handle_request(self, line: str, stream: EventStream) -> None:
        with contextlib.suppress(OSError):  # The thread will meet it too.
            if line == "checkpoint" or not is_request(line):
                stream.note("warning", f"request {line[:40]!r} ignored: a script saves its own checkpoints")
            else:
                stream.note("info", ASKED + line)
        match line:
            case "stop":
                self._asked_at = time.monotonic()
                self._control.stop("stopped", BY_REQUEST)
            case "pause":
                self._asked_at = time.monotonic()
                self._control.pause()
            case "resume":
                self._asked_at = None
                self._control.resume()

    def _main(self) -> None:
        with self._stack:
            try:
                self._emit(self._maker.begin(self.clock.t))
                while not self._closing.wait(TICK_SECONDS):
                    self._write()
                self._write()
                self._finish()
            except Exception as error:  # noqa: BLE001  (whatever it is, the script's training continues)
                print_message(f"{self.folder.id}: the recording has ended: {error_text(error)}")
            finally:
                self._open = False
                self._waiting.clear()

    def _write(self) -> None:
        """Write what waits."""
        self._lost.check_abandoned()
        items: list[Item] = []
        while self._waiting:
            items.append(self._waiting.popleft())
        self._ended = next((item for item in items if isinstance(item, Ended)), self._ended)
        self._emit(self._maker.events([item for item in items if not isinstance(item, Ended)], self._fetcher))
        with contextlib.suppress(OSError):  # The next event meets it too.
            self._stream.recorder.write_due(FILES_SECONDS)
            if time.monotonic() - self._summary_at > SUMMARY_SECONDS:
                self._summary_at = time.monotonic()
                self._stream.recorder.write_summary()
        if self._asked_at is not None and time.monotonic() - self._asked_at > UNHANDLED_SECONDS:
            self._asked_at = None
            self._stream.note("warning", UNHANDLED)

    def _emit(self, events: Iterable[AnyEvent]) -> None:
        for event in events:
            self._stream.emit(event)

    def _finish(self) -> None:
        """Write the report, and the last event."""
        self._devices.close()
        ended, stream, state = self._ended, self._stream, self._stream.recorder.state
        if ended is None:
            return
        self._ownership.check()
        self._ownership.close_requests()
        if self._ownership.error is not None:
            raise self._ownership.error
        final = state.ending(ended.state, ended.message, ended.t)
        if ended.state != "interrupted":
            from cifar_tui.report.run_files import write_run_files

            complete = replace(state, finished=final, status=final.state)
            for problem in write_run_files(self.folder.path, self.folder.read_any_record(), complete):
                stream.note("warning", problem)
        stream.emit(final)


def print_message(message: str) -> None:
    """Print a line on standard error, where there is one."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"cifar-tui: {message}\n")


def _record(plan: Plan, folder: RunFolder) -> ScriptRecord:
    loaded = [name for name in PACKAGES if name in sys.modules]
    versions = {"cifar-tui": __version__, "python": platform.python_version()}
    for name in loaded:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return ScriptRecord(
        id=folder.id,
        source=SOURCE,
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=tuple(sys.argv),
        runs_dir=str(folder.path.parent),
        model=plan.model,
        data=plan.data,
        config=plan.config,
        versions=versions,
    )
