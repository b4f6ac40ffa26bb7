"""A run in a thread: it trains, is recorded in its folder, and tells one listener what happens."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, DivergedError, InputError
from cifar_tui.events import AnyEvent, Checkpoint, Level, Note, RunFinished, RunStatus
from cifar_tui.report.plots.examples import SHOWN, Examples
from cifar_tui.report.run_files import HTML, REPORT, missing_fonts, write_run_files
from cifar_tui.runs.failures import explain
from cifar_tui.runs.provenance import predictions_of, record_of
from cifar_tui.runs.shared import Shared, load_pytorch
from cifar_tui.runs.tensorboard import Mirror, is_mirrored
from cifar_tui.state import RunState
from cifar_tui.store import run_folder
from cifar_tui.store.lock import NotOwnedError, RunLock
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.relocation import remember, stored_run
from cifar_tui.store.requests import ASKED, Request, Requests, is_request
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.stored import AS_MADE, Overrides
from cifar_tui.system.memory import give_memory_back
from cifar_tui.training.control import Control, StopTraining

if TYPE_CHECKING:
    from cifar_tui.training.checkpoints.storage import Snapshot
    from cifar_tui.training.setup.prepare import Setup


@dataclass(frozen=True, slots=True)
class Loading:
    """What a run does before it begins; `total` is 0 where it is not known."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A run's thread is done. `error` is why it failed, or why it never began."""

    error: BaseException | None


LOCK_REMOVED = "interrupted, since its lock was removed and another process could have trained it too,"
"""Why a run was stopped whose lock is not what it was; the place in the training follows."""
OTHERWISE = "from here on its numbers are not bit for bit those of a run without a break"
"""What it means for a run to be resumed otherwise than it began; in what follows."""
NO_LOCKS = (
    "the file system of the runs has no locks: a heartbeat in the run's folder says which process trains it; "
    "do not remove it"
)
Message = AnyEvent | Loading | Ended
Listener = Callable[[Message], None]
"""Called on the run's thread, which it must not hold up: hand the message on and return."""


class Run:
    """One run and its thread. `stop`, `pause` and `resume` may be called from any thread and do not wait."""

    def __init__(
        self,
        shared: Shared,
        config: TrainingConfig,
        folder: RunFolder | None,
        listener: Listener,
        given: Overrides = AS_MADE,
    ) -> None:
        self.config = config
        self._given = given
        self.folder = folder
        """None until the run has begun."""
        self.error: BaseException | None = None
        self.traceback = ""
        self._shared = shared
        self._listener = listener
        self.lost = False
        """Whether another process owns the run by now, or its folder is gone: nothing more is written there."""
        self._loss: NotOwnedError | None = None
        self._control = Control()
        self._thread = threading.Thread(target=self._main, name=f"train-{config.run_name}")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, state: RunStatus, why: str) -> None:
        """Ask it to end after this batch, with a checkpoint."""
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
            self._shared.give_way()
            self._run()
        except StopTraining:
            pass  # It was asked to stop before it began: nothing was made, nothing is lost.
        except BaseException as error:  # noqa: BLE001
            self._fail(error)
        give_memory_back()
        self._listener(Ended(self.error))

    def _fail(self, error: BaseException) -> None:
        """Keep the first error, its traceback as text: as an object it would keep the whole run in memory."""
        if self.error is None:
            self.error, self.traceback = error, traceback.format_exc().rstrip()
        error.__traceback__ = error.__cause__ = error.__context__ = None

    def _run(self) -> None:
        """Everything of the run but the catching of its errors.

        Raises:
            InputError: Its images, its device or its checkpoint are unusable; nothing was made or changed.
            CifarTuiError: Its images could not be read.
            OSError: Its folder could not be written.
        """
        folder, state, saved = self.folder, RunState(), None
        with contextlib.ExitStack() as stack:
            if folder is not None:
                lock, requests = self._own(folder, stack)
                record, state = folder.read_record(), folder.read_state()
                if state.status == "finished":
                    raise InputError(f"{folder.id} is finished; start a new run to train longer")
            self._loading("loading PyTorch", 0, 0)
            load_pytorch()
            from cifar_tui.training.checkpoints import storage
            from cifar_tui.training.devices import differences
            from cifar_tui.training.setup.prepare import prepare, prepare_stored

            warnings: list[str] = []
            if folder is None:
                setup = prepare(self.config, self._shared.shelf(), self._loading)
                self._control.check()
                name, runs_dir = self.config.run_name, self._shared.runs_dir
                folder = run_folder.create(runs_dir, name, datetime.now(), lambda made: record_of(setup, made))
                try:
                    lock, requests = self._own(folder, stack)
                except OSError:
                    run_folder.discard(folder)
                    raise
                self.folder, record = folder, folder.read_record()
            else:
                stored = stored_run(folder, self._given)
                setup = prepare_stored(stored, self._shared.shelf(), self._loading, "resume")
                self._control.check()
                saved, fallen_back = storage.load_last(folder.checkpoints, setup.identity, storage.bounds(setup.model))
                if saved is not None:
                    # The loop restores it all; this refuses what does not fit before anything is written.
                    storage.restore(saved, setup.model)
                elif state.started:
                    warnings.append("it has no checkpoint: it begins anew")
                if fallen_back:
                    warnings.append(fallen_back)
                if changed := differences(stored, setup.placement):
                    warnings.append(f"{OTHERWISE}: {'; '.join(changed)}")
                if self._given.data is not None or self._given.model_dir is not None:
                    remember(folder, setup.config)
                    record = folder.read_record()
                self.config = setup.config
            folder.files.folder(run_folder.CHECKPOINTS).make()
            recorder = Recorder(folder, record, state)
            stack.callback(recorder.close)
            mirror = Mirror(folder) if self._shared.tensorboard or is_mirrored(folder) else None
            if mirror is not None:
                stack.callback(mirror.close)
            self._train(setup, folder, recorder, mirror, lock, requests, saved, warnings)

    def _own(self, folder: RunFolder, stack: contextlib.ExitStack) -> tuple[RunLock, Requests]:
        """Own the run until `stack` ends, and be there for requests.

        Raises:
            InputError: Another process owns it, or it leads elsewhere.
        """
        folder.check_own()
        lock = RunLock(folder.path, self._loading)
        stack.callback(lock.release)
        for files in (folder.files, folder.files.folder(run_folder.CHECKPOINTS)):
            files.remove_leftovers()
        requests = Requests(folder.path)
        stack.callback(lambda: requests.close(remove=not self.lost))
        return lock, requests

    def _check_owned(self, lock: RunLock) -> None:
        """Have the run end where its lock was removed or replaced: another process may train it, now or soon."""
        try:
            if not lock.check():
                self.stop("interrupted", LOCK_REMOVED)
        except NotOwnedError as error:
            self.lost, self._loss = True, error
            self._control.abandon(error)
        except OSError:
            pass  # It cannot be told now; at the next look it may be.

    def _train(
        self,
        setup: Setup,
        folder: RunFolder,
        recorder: Recorder,
        mirror: Mirror | None,
        lock: RunLock,
        requests: Requests,
        saved: Snapshot | None,
        warnings: Sequence[str],
    ) -> None:
        """Train, and leave a folder that tells how it ended, whichever way that was."""
        from cifar_tui.training.clock import Clock
        from cifar_tui.training.loop import Outcome, train

        clock = Clock(recorder.state.t)

        recording = threading.Lock()

        def tell(event: AnyEvent) -> None:
            recorder.record(event)
            self._listener(event)
            if mirror is not None:
                mirror.take(event)

        def emit(event: AnyEvent) -> None:
            if isinstance(event, Checkpoint) or lock.is_overdue():
                self._check_owned(lock)
            with recording:
                if self.lost:
                    recorder.abandon()
                tell(event)
                for note in (*recorder.trouble(event.t), *(mirror.trouble(event.t) if mirror else ())):
                    tell(note)

        def note(level: Level, message: str) -> None:
            emit(Note(t=clock.t, level=level, message=message))

        def answer(line: str) -> None:
            # Told at once: what is asked is done after this batch, which may take a while.
            with contextlib.suppress(OSError):  # The training thread will meet it too, and tell.
                if is_request(line):
                    note("info", ASKED + line)
                else:
                    note("warning", f"{line[:40]!r} is no request; it was passed over")
            if is_request(line):
                self._heed(line)

        examples = predictions = None
        try:
            for warning in warnings:
                note("warning", warning)
            if lock.is_a_heartbeat:
                note("warning", NO_LOCKS)
            requests.handle(answer, lambda: self._check_owned(lock))
            outcome = train(setup, folder.id, folder.checkpoints, self._control, emit, clock, saved)
            if outcome.test and recorder.state.test:
                examples = Examples(*outcome.test.examples(setup.dataset.test, SHOWN))
                predictions = predictions_of(outcome.test, setup.dataset, recorder.state.test.epoch)
        except Exception as error:  # noqa: BLE001  (an error in one run is that run's end, and told as such)
            # What could not be written may be another process's run by now, which says more.
            self._check_owned(lock)
            self._fail(self._loss or error)
            outcome = Outcome("diverged" if isinstance(error, DivergedError) else "failed", explain(error, self.config))
            with contextlib.suppress(OSError):
                note("debug", self.traceback)
        self._check_owned(lock)
        requests.close(remove=not self.lost)
        state = recorder.state
        final = RunFinished(
            t=clock.t,
            state=outcome.state,
            message=outcome.message,
            epochs=len(state.epochs),
            best_epoch=state.best.epoch if state.best else None,
            best_val_accuracy=state.best.val_accuracy if state.best else None,
            test_loss=state.test.loss if state.test else None,
            test_accuracy=state.test.accuracy if state.test else None,
            seconds=state.seconds,
        )
        try:
            if self._loss is not None:
                # It may have been lost after its last batch.
                self._fail(self._loss)
                recorder.abandon()
            elif outcome.state == "interrupted":
                # Who interrupts is waiting, and will resume from the checkpoint; an earlier ending's report is void.
                for name in (REPORT, HTML):
                    folder.files.remove(name)
            else:
                if state.started is not None and (missing := missing_fonts(state.started.classes)):
                    note("info", missing)
                ended = replace(state, finished=final, status=final.state)
                for problem in write_run_files(folder.path, recorder.config, ended, examples, predictions):
                    note("warning", problem)
            emit(final)
        except OSError as error:
            self._check_owned(lock)
            self._fail(self._loss or error)
            self._listener(final)

    def _heed(self, request: Request) -> None:
        match request:
            case "stop":
                self.stop("stopped", "stopped from outside")
            case "pause":
                self.pause()
            case "resume":
                self.resume()
            case "checkpoint":
                self.checkpoint()

    def _loading(self, what: str, done: int, total: int) -> None:
        """Tell of what comes before training; this is also where a stop is answered there."""
        self._control.check()
        self._listener(Loading(what, done, total))


def exit_status(run: Run, state: RunState) -> int:
    """What the process is to end with for a run that ended in this state: 0, or why not."""
    if run.error is not None:
        return run.error.exit_status if isinstance(run.error, CifarTuiError) else 1
    return {"failed": 1, "interrupted": 1, "diverged": 3}.get(state.status, 0)
