"""The thread that writes a recording to its run folder, ten times a second, and takes requests of other processes."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import sys
import threading
from collections import deque
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui import __version__
from cifar_tui.config import DEFAULT_HEALTH, HealthOptions
from cifar_tui.errors import error_text
from cifar_tui.recording.event_maker import EventMaker
from cifar_tui.recording.items import Ended, Item, PauseChanged
from cifar_tui.recording.plan import SOURCE, Plan
from cifar_tui.recording.values import Fetcher
from cifar_tui.records import ScriptRecord
from cifar_tui.runs.device_usage import DeviceReporter
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
END_SECONDS = 60.0
"""How long the script's end waits for what is not written yet."""
PACKAGES = ("torch", "lightning", "transformers", "keras", "numpy")
"""Packages whose versions are kept, where they are loaded."""


class Writer:
    """One recording's run folder, and the thread that writes it."""

    def __init__(
        self, plan: Plan, runs_dir: Path, *, tensorboard: bool, health: HealthOptions = DEFAULT_HEALTH
    ) -> None:
        """Make the folder and start the thread.

        Raises:
            InputError: The folder cannot be made.
            CifarTuiError: TensorBoard is asked for and not installed.
        """
        self.control = Control()
        self.clock = Clock()
        self.folder = run_folder.create(
            runs_dir.absolute(), plan.name, datetime.now(), lambda folder: _record(plan, folder)
        )
        self._waiting: deque[Item] = deque(maxlen=MAX_WAITING)
        self._maker = EventMaker(plan, self.folder.id)
        self._fetcher = Fetcher()
        self._ended: Ended | None = None
        self._closing = threading.Event()
        self._stack = contextlib.ExitStack()
        try:
            self._stream = self._open(tensorboard=tensorboard, health=health)
        except BaseException:
            self._stack.close()
            run_folder.discard(self.folder)
            raise
        self._thread = threading.Thread(target=self._main, name="cifar-tui-recorder", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over an item, from any thread, without waiting."""
        self._waiting.append(item)

    def wait_while_paused(self, epoch: int, batch: int) -> None:
        """Wait after this batch for the end of a pause, where one was requested."""
        if not self.control.pause_requested:
            return
        self.put(PauseChanged(self.clock.t, epoch, batch, paused=True))
        self.clock.pause()
        self.control.wait_while_paused()
        self.clock.resume()
        self.put(PauseChanged(self.clock.t, epoch, batch, paused=False))

    def close(self) -> None:
        """Write what waits, `END_SECONDS` at most, and end the thread."""
        self._closing.set()
        self._thread.join(END_SECONDS)

    def _open(self, *, tensorboard: bool, health: HealthOptions) -> EventStream:
        record = self.folder.read_any_record()
        self._ownership = ownership = Ownership(self.folder, self.control, lambda *_: None)
        self._stack.callback(ownership.release)
        recorder = Recorder(self.folder, record, RunState())
        self._stack.callback(recorder.close)
        sinks: list[Sink] = [HealthSink(health, None, recorder.state)]
        if tensorboard:
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
                self.control.stop("stopped", "stopped by request")
            case "pause":
                self.control.pause()
            case "resume":
                self.control.resume()

    def _main(self) -> None:
        with self._stack:
            try:
                while not self._closing.wait(TICK_SECONDS):
                    self._write()
                self._write()
                self._finish()
            except Exception as error:  # noqa: BLE001  (whatever it is, the script's training goes on)
                sys.stderr.write(f"cifar-tui: {self.folder.id} is recorded no more: {error_text(error)}\n")

    def _write(self) -> None:
        """Write what waits."""
        items: list[Item] = []
        while self._waiting:
            items.append(self._waiting.popleft())
        for event in self._maker.events([item for item in items if not isinstance(item, Ended)], self._fetcher):
            self._stream.emit(event)
        self._ended = next((item for item in items if isinstance(item, Ended)), self._ended)

    def _finish(self) -> None:
        """Write the report, and the last event."""
        self._devices.close()
        ended, stream, state = self._ended, self._stream, self._stream.recorder.state
        if ended is None:
            return
        for event in self._maker.begin(ended.t):  # A script may end before it has logged anything.
            stream.emit(event)
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
