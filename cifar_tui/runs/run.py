"""One run in one thread: it prepares, trains, and leaves a run folder that records how it ended."""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from cifar_tui.analysis.predictions import Predictions
from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.events import RunStatus
from cifar_tui.records import NO_OVERRIDES, Overrides, RunRecord
from cifar_tui.report.plots.examples import SHOWN, Examples
from cifar_tui.report.run_files import HTML, REPORT, missing_fonts, write_run_files
from cifar_tui.runs.device_usage import DeviceReporter
from cifar_tui.runs.failures import explain, run_state_after, status_of
from cifar_tui.runs.launched import earlier
from cifar_tui.runs.launched.assignment import Assignment
from cifar_tui.runs.launched.earlier import AlreadyEndedError
from cifar_tui.runs.messages import Ended, Listener, Loading, ProgressCallback
from cifar_tui.runs.notifications.notification import BY_REQUEST
from cifar_tui.runs.ownership import Ownership
from cifar_tui.runs.provenance import predictions_of, record_of, validation_predictions_of
from cifar_tui.runs.sinks.health import HealthSink
from cifar_tui.runs.sinks.stream import EventStream, ListenerSink, Sink
from cifar_tui.runs.sinks.tensorboard import TensorBoardSink, is_mirrored
from cifar_tui.state.run_state import RunState
from cifar_tui.store import run_folder
from cifar_tui.store.predictions import save_validation
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.requests import ASKED, Request, is_request
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import save_paths, stored_run
from cifar_tui.system.import_lock import import_lock
from cifar_tui.system.memory import release_freed_memory
from cifar_tui.training.control import Control, StopTraining
from cifar_tui.training.distributed.process_errors import LostProcessError

if TYPE_CHECKING:
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.training.checkpoints.storage import Snapshot
    from cifar_tui.training.distributed.group import Group
    from cifar_tui.training.loop import Outcome
    from cifar_tui.training.setup.prepare import Setup

NOT_REPRODUCIBLE = "from here on its results are not bit for bit those of an uninterrupted run"
"""The warning of a run that is resumed on something else than it started on, which follows."""
NO_LOCKS = (
    "the file system of the runs has no locks: a heartbeat in the run's folder shows which process trains it; "
    "do not remove it"
)


def import_pytorch(progress: ProgressCallback = lambda *_: None) -> None:
    """Import PyTorch and `cifar_tui.training` whole, before any other import on this thread asks for a part of them.

    Args:
        progress: Called first where it takes a while.
    """
    if "torch" not in sys.modules:
        progress("loading PyTorch", 0, 0)
    with import_lock:
        from cifar_tui.training import loop  # noqa: F401


@dataclass(frozen=True, slots=True)
class _PreparedRun:
    """A run that is ready to train.

    Attributes:
        state: What its events amount to so far.
        saved: The checkpoint to resume from; None to train from the beginning.
        warnings: What a person should know of how it is resumed.
    """

    folder: RunFolder
    ownership: Ownership
    setup: Setup
    record: RunRecord
    state: RunState
    saved: Snapshot | None = None
    warnings: tuple[str, ...] = ()


class Run:
    """One run and its thread. `stop`, `pause`, `resume` and `checkpoint` may be called from any thread; none waits."""

    def __init__(
        self,
        workspace: Workspace,
        config: TrainingConfig,
        folder: RunFolder | None,
        listener: Listener,
        overrides: Overrides = NO_OVERRIDES,
        launch: str = "",
    ) -> None:
        self.config = config
        self.folder = folder
        """None until a new run has prepared."""
        self.earlier: RunState | None = None
        """What earlier processes of the same launch made of a new run; None where there are none."""
        self.error: BaseException | None = None
        self.traceback = ""
        self._workspace = workspace
        self._listener = listener
        self._overrides = overrides
        self._launch = launch
        self._control = Control()
        self._ownership: Ownership | None = None
        self._thread = threading.Thread(target=self._main, name=f"train-{config.run_name}")

    @property
    def lost(self) -> bool:
        """Whether another process owns the run by now, or its folder is gone: nothing more is written there."""
        return self._ownership is not None and self._ownership.lost

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, state: RunStatus, why: str) -> None:
        """Ask it to end in this state after this batch, with a checkpoint."""
        self._control.stop(state, why)

    def pause(self) -> None:
        """Ask it to wait after this batch, with a checkpoint."""
        self._control.pause()

    def resume(self) -> None:
        """End a pause."""
        self._control.resume()

    def checkpoint(self) -> None:
        """Ask it for a checkpoint after this batch."""
        self._control.checkpoint()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for its end, `timeout` seconds at most; whether it came."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        """The run's thread: whatever goes wrong here ends this run, not the program."""
        try:
            self._workspace.lower_priority()
            self._execute()
        except StopTraining as stop:
            # It was asked to stop while it prepared: nothing was made, nothing is lost.
            self._workspace.report_failure(stop.why, stop.state, 0)
        except AlreadyEndedError as error:
            self._fail(error)
        except BaseException as error:  # noqa: BLE001
            self._fail(error)
            self._workspace.report_failure(explain(error, self.config), "failed", status_of(error))
        release_freed_memory()
        self._listener(Ended(self.error))

    def _fail(self, error: BaseException) -> None:
        """Keep the first error, its traceback as text: as an object it would keep the whole run in memory."""
        if self.error is None:
            self.error, self.traceback = error, traceback.format_exc().rstrip()
        error.__traceback__ = error.__cause__ = error.__context__ = None

    def _execute(self) -> None:
        """Prepare, train, and finish the run folder.

        Raises:
            InputError: The run's images, device or checkpoint are unusable; nothing was made or changed.
            CifarTuiError: Its images could not be read.
            OSError: Its folder could not be written.
        """
        with contextlib.ExitStack() as stack:
            job = self._prepare_new(stack) if self.folder is None else self._prepare_resumed(self.folder, stack)
            job.setup.group.broadcast((job.saved, job.state.t))
            stream = self._open_stream(job, stack)
            outcome, examples, predictions = self._train(job, stream)
            self._finish(job, stream, outcome, examples, predictions)

    def _prepare_new(self, stack: contextlib.ExitStack) -> _PreparedRun:
        self._loading("loading PyTorch", 0, 0)
        group, launched_at = self._join(), self._workspace.launched_at
        if self._launch and launched_at is not None:
            # The launcher may have restarted its processes.
            made = earlier.find(self._workspace.runs_dir, self._launch, self.config, launched_at)
            if made is not None:
                self.earlier = made.read_state()
                if self.earlier.status == "paused":
                    self._control.pause()
                return self._prepare_resumed(made, stack)
        from cifar_tui.training.setup.prepare import prepare

        group.broadcast(Assignment(self.config))
        setup = prepare(self.config, self._workspace.image_cache(), self._loading, group)
        self._control.check()
        name, runs_dir = self.config.run_name, self._workspace.runs_dir
        folder = run_folder.create(
            runs_dir, name, datetime.now(), lambda made: record_of(setup, made, group.members, self._launch)
        )
        try:
            ownership = self._own(folder, stack)
        except OSError:
            run_folder.discard(folder)
            raise
        self.folder = folder
        return _PreparedRun(folder, ownership, setup, folder.read_record(), RunState())

    def _prepare_resumed(self, folder: RunFolder, stack: contextlib.ExitStack) -> _PreparedRun:
        if self._workspace.launched_at is not None:
            earlier.check_not_ended(folder, self._workspace.launched_at)
        ownership = self._own(folder, stack)
        self.folder = folder
        record, state = folder.read_record(), folder.read_state()
        if state.status == "finished":
            raise InputError(f"{folder.id} is finished; start a new run to train longer")
        self._loading("loading PyTorch", 0, 0)
        group = self._join()
        from cifar_tui.training.checkpoints import storage
        from cifar_tui.training.devices import environment_changes
        from cifar_tui.training.setup.prepare import prepare_stored

        stored = stored_run(folder, self._overrides)
        group.broadcast(Assignment(stored.config, stored))
        setup = prepare_stored(stored, self._workspace.image_cache(), self._loading, "resume", group)
        self._control.check()
        limits = storage.size_limits(setup.model)
        saved, fallen_back = storage.load_last(folder.checkpoints, setup.identity, limits)
        warnings: list[str] = []
        if saved is not None:
            # The loop restores it all; this refuses what does not fit before anything is written.
            storage.restore(saved, setup.model)
        elif state.started:
            warnings.append("it has no checkpoint: it starts over")
        if fallen_back:
            warnings.append(fallen_back)
        if self.earlier is not None:
            warnings.append("its processes were started again, as after one is lost")
        if changes := environment_changes(stored, setup.placement, group.processes):
            warnings.append(f"{NOT_REPRODUCIBLE}: {'; '.join(changes)}")
        if self._overrides.data is not None or self._overrides.model_dir is not None:
            save_paths(folder, setup.config)
            record = folder.read_record()
        self.config = setup.config
        return _PreparedRun(folder, ownership, setup, record, state, saved, tuple(warnings))

    def _join(self) -> Group:
        """The processes that train this run, once all are there.

        Raises:
            InputError: As of `Workspace.group`.
            StopTraining: It was asked to stop meanwhile.
        """
        import_pytorch()
        return self._workspace.group(self._control.check)

    def _own(self, folder: RunFolder, stack: contextlib.ExitStack) -> Ownership:
        """Own the run until `stack` ends.

        Raises:
            InputError: Another process owns it, or its folder is a link.
            OSError: Its folder cannot be written.
        """
        self._ownership = Ownership(folder, self._control, self._loading)
        stack.callback(self._ownership.release)
        return self._ownership

    def _open_stream(self, job: _PreparedRun, stack: contextlib.ExitStack) -> EventStream:
        from cifar_tui.training.clock import Clock

        job.folder.files.folder(run_folder.CHECKPOINTS).make()
        recorder = Recorder(job.folder, job.record, job.state)
        stack.callback(recorder.close)
        sinks: list[Sink] = [
            ListenerSink(self._listener),
            HealthSink(self._workspace.health, self.config.patience, job.state),
        ]
        if self._workspace.tensorboard or is_mirrored(job.folder):
            tensorboard = TensorBoardSink(job.folder)
            stack.callback(tensorboard.close)
            sinks.append(tensorboard)
        return EventStream(recorder, sinks, job.ownership, Clock(job.state.t))

    def _train(self, job: _PreparedRun, stream: EventStream) -> tuple[Outcome, Examples | None, Predictions | None]:
        """Train; whatever goes wrong is the run's outcome.

        Returns:
            The outcome; and for the report of a run that has been tested, some of its test images with their
            predicted classes, and the predictions for all of them.
        """
        from cifar_tui.training.loop import Outcome, train

        examples = predictions = None
        try:
            for warning in job.warnings:
                stream.note("warning", warning)
            if job.ownership.by_heartbeat:
                stream.note("warning", NO_LOCKS)
            job.ownership.handle_requests(lambda line: self._handle_request(line, stream))
            folder, dataset = job.folder, job.setup.dataset
            with DeviceReporter(stream.emit_while_running, stream.clock, folder.path):
                outcome = train(
                    job.setup,
                    folder.id,
                    folder.checkpoints,
                    self._control,
                    stream.emit,
                    stream.clock,
                    job.saved,
                    save_predictions=lambda best: save_validation(folder, validation_predictions_of(best, dataset)),
                )
            if outcome.test and job.state.test:
                examples = Examples(*outcome.test.examples(job.setup.dataset.test, SHOWN))
                predictions = predictions_of(outcome.test, job.setup.dataset, job.state.test.epoch)
        except LostProcessError:
            # The run has not ended: it is resumed as after a crash of this process.
            raise
        except Exception as error:  # noqa: BLE001  (an error in one run is that run's end, and reported as such)
            # What could not be written may be another process's run by now, which says more.
            job.ownership.check()
            self._fail(job.ownership.error or error)
            outcome = Outcome(run_state_after(error), explain(error, self.config, job.setup.group))
            self._workspace.report_failure(outcome.message, outcome.state, status_of(error))
            with contextlib.suppress(OSError):
                stream.note("debug", self.traceback)
        return outcome, examples, predictions

    def _handle_request(self, line: str, stream: EventStream) -> None:
        """Confirm a request of another process at once, before the batch ends after which it is done; then pass it on.

        What is no request is only reported.
        """
        with contextlib.suppress(OSError):  # The training thread will meet it too, and report it.
            if is_request(line):
                stream.note("info", ASKED + line)
            else:
                stream.note("warning", f"unknown request {line[:40]!r} ignored")
        if is_request(line):
            self._apply_request(line)

    def _apply_request(self, request: Request) -> None:
        match request:
            case "stop":
                self.stop("stopped", BY_REQUEST)
            case "pause":
                self.pause()
            case "resume":
                self.resume()
            case "checkpoint":
                self.checkpoint()

    def _finish(
        self,
        job: _PreparedRun,
        stream: EventStream,
        outcome: Outcome,
        examples: Examples | None,
        predictions: Predictions | None,
    ) -> None:
        """Write the report and the run's last event, unless the run is another process's by now."""
        ownership, state = job.ownership, job.state
        ownership.check()
        ownership.close_requests()
        final = state.ending(outcome.state, outcome.message, stream.clock.t)
        try:
            if ownership.error is not None:
                # It may have been lost after its last batch.
                self._fail(ownership.error)
                stream.recorder.abandon()
            elif outcome.state == "interrupted":
                # Who interrupts is waiting, and will resume from the checkpoint; an earlier ending's report is void.
                for name in (REPORT, HTML):
                    job.folder.files.remove(name)
            else:
                if state.started is not None and (missing := missing_fonts(state.started.classes)):
                    stream.note("info", missing)
                ended = replace(state, finished=final, status=final.state)
                for problem in write_run_files(job.folder.path, job.record, ended, examples, predictions):
                    stream.note("warning", problem)
            stream.emit(final)
        except OSError as error:
            ownership.check()
            self._fail(ownership.error or error)
            self._listener(final)

    def _loading(self, what: str, done: int, total: int) -> None:
        """Report a step before training; this is also where a stop takes effect then."""
        self._control.check()
        self._listener(Loading(what, done, total))


def exit_status(run: Run, state: RunState) -> int:
    """The exit status of a process whose run ended in this state: 0, or why not."""
    if run.error is not None:
        return status_of(run.error)
    return {"failed": 1, "interrupted": 1, "diverged": 3}.get(state.status, 0)
