"""The public recorder: `record(...)` makes a run of a script's training."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sized
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from cifar_tui.config import DEFAULT_RUNS_DIR, HEALTH_OPTIONS, OPTIONS, HealthOptions
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.errors import InputError, one_line
from cifar_tui.events import Level, RunStatus, SplitName
from cifar_tui.formatting import shortened
from cifar_tui.recording import ranks
from cifar_tui.recording.items import Ended, EpochEnded, Evaluation, Logged, Noted
from cifar_tui.recording.plan import Plan
from cifar_tui.recording.values import capture, check_name, counts_of
from cifar_tui.recording.writer import Writer

T = TypeVar("T")


def record(
    name: str = "run",
    *,
    epochs: int | None = None,
    batches: int | None = None,
    batch_size: int | None = None,
    model: str | None = None,
    data: str = "",
    classes: Iterable[str] = (),
    config: Mapping[str, Any] | object | None = None,
    runs_dir: str | Path = DEFAULT_RUNS_DIR,
    tensorboard: bool = False,
    quiet: bool = False,
    mute: Iterable[str] = (),
) -> Recording:
    """Record the training of a script as a run, to be entered as a context.

    Args:
        name: What the run's id ends in.
        epochs: How many there will be, where that is known.
        batches: Those of an epoch; `Recording.batches` finds it out from a loader that has a length.
        batch_size: Images of a batch. With it, speeds are in images per second and the x axis counts images; without
            it, both count steps.
        model: What the model is called; the run's name where it is not given.
        data: What it is trained on, in words.
        classes: The names of the classes, in the order of a confusion matrix.
        config: Options of the script, to be kept with the run: a mapping, or an object such as `argparse`'s namespace.
        runs_dir: The folder of all runs.
        tensorboard: Whether to write TensorBoard's files too.
        quiet: Whether not to say on standard error where the run is.
        mute: What the health check is to leave out, such as `plateau`; `all` turns it off.

    Raises:
        InputError: An argument is unusable.
    """
    OPTIONS["name"].check(name, "name")
    plan = Plan.of(name, epochs, batches, batch_size, model, data, classes, config)
    muted = (mute,) if isinstance(mute, str) else tuple(mute)
    for topic in muted:
        HEALTH_OPTIONS["mute"].check(topic, "mute")
    return Recording(plan, Path(runs_dir), tensorboard=tensorboard, quiet=quiet, mute=muted)


class Recording:
    """A run that a script trains. Every method may be called from any thread, and none waits for a device or a disk.

    Processes that the script forks, such as workers that load data, record nothing.
    """

    def __init__(
        self,
        plan: Plan,
        runs_dir: Path,
        *,
        tensorboard: bool = False,
        quiet: bool = False,
        mute: tuple[str, ...] = (),
    ) -> None:
        """Record nothing before `start`, which entering the context calls; `record` makes the arguments."""
        self._plan = plan
        self._runs_dir = runs_dir
        self._tensorboard = tensorboard
        self._quiet = quiet
        self._health = HealthOptions(mute=mute)
        self._writer: Writer | None = None
        self._lock = threading.Lock()
        self._counts_epochs = self._counts_batches = False
        self._epoch = 1
        self._batch = 0
        self._step = 0
        self._known: set[str] = set()
        """Names that have been checked."""
        self._ended = False
        self._cut = False
        """Whether the current epoch was left before its last batch."""

    @property
    def folder(self) -> Path | None:
        """The run's folder; None before it has started, and in processes that record nothing."""
        return self._writer.folder.path if self._writer is not None else None

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked the training to stop."""
        return self._writer is not None and self._writer.control.stop_requested

    def start(self) -> Self:
        """Make the run's folder, and begin to record; of several processes, on rank 0 alone.

        Raises:
            InputError: The folder cannot be made.
        """
        if self._writer is not None or self._ended:
            raise InputError("this recording has been started already: call record() for another one")
        if ranks.is_first():
            self._writer = Writer(self._plan, self._runs_dir, tensorboard=self._tensorboard, health=self._health)
            if not self._quiet:
                path = self._writer.folder.path
                sys.stderr.write(f"cifar-tui: recording to {path}; `cifar-tui attach {path.name}` shows it\n")
            _recordings.add(self)
        return self

    def finish(self, state: RunStatus | None = None, message: str = "") -> None:
        """End the run, and write its files; a second call does nothing.

        Args:
            state: How it ended; None for finished, or stopped where that was requested.
            message: Why.
        """
        with self._lock:
            if self._ended:
                return
            self._ended = True
        if self._writer is None:
            return
        reason = self._writer.control.stop_reason
        if state is None:
            state, message = reason or ("finished", message or "the script has ended")
        self._writer.put(Ended(self._writer.clock.t, state, message))
        self._writer.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.finish()
        elif isinstance(error, KeyboardInterrupt):
            self.finish("interrupted", "interrupted by SIGINT")
        elif isinstance(error, GeneratorExit):
            self.finish("interrupted", "the script has left it")
        else:
            self.finish("failed", one_line(error))

    def epochs(self) -> Iterator[int]:
        """The numbers of the epochs, from 1, until the last one or until somebody asks the training to stop."""
        number = 0
        while self._plan.epochs is None or number < self._plan.epochs:
            number += 1
            self.start_epoch(number)
            yield number
            self.end_epoch()
            if ranks.agree(self.stop_requested):
                return

    def batches(self, loader: Iterable[T]) -> Iterator[T]:
        """The batches of an epoch, until its last one or until somebody asks the training to stop.

        It is also where a pause happens. Of several processes, all end their epochs: a stop takes effect then.
        """
        if self._plan.batches is None and isinstance(loader, Sized):
            with contextlib.suppress(TypeError):  # PyTorch's loaders have the method, even those without a length.
                self._plan.batches = len(loader) or None
        for batch in loader:
            if not self.start_batch():
                return
            yield batch

    def start_epoch(self, number: int) -> None:
        """Begin an epoch, in place of `epochs`: for loops that are not the script's own."""
        with self._lock:
            self._counts_epochs, self._epoch, self._batch, self._cut = True, number, 0, False

    def end_epoch(self) -> None:
        """End it after its last batch and its validation; one that a stop has cut short is not counted."""
        with self._lock:
            if not self._cut:
                self._put(EpochEnded, self._epoch)

    def start_batch(self) -> bool:
        """Begin the next batch, in place of `batches`, and wait before it while the run is paused.

        Returns:
            Whether to train it: False once somebody has asked the training to stop.
        """
        if self._writer is not None:
            self._writer.wait_while_paused(self._epoch, self._batch)
            # Of several processes, none may leave the others alone within an epoch.
            if self.stop_requested and not ranks.are_several():
                self._cut = True
                return False
        with self._lock:
            self._counts_batches = True
            self._batch += 1
            self._step += 1
        return True

    def log(self, values: Mapping[str, Any] | None = None, /, *, step: int | None = None, **named: Any) -> None:
        """Record numbers of the training: `loss`, `accuracy` (a fraction), `lr`, and any others by their names.

        Args:
            values: Numbers by names that are no words of Python: `{"loss/box": 0.3}`.
            step: Where the training is; by default what `batches` has counted, or else the number of this call.
            named: Numbers, or tensors of one number on any device. One on a GPU is fetched later: it is not to be
                changed in place.

        Raises:
            InputError: A name or a value is unusable.
        """
        if values:
            named = {**values, **named}
        captured = {}
        for name, value in named.items():
            if name not in self._known:
                check_name(name)
                self._known.add(name)
            captured[name] = value if type(value) is float else capture(name, value)
        writer = self._writer
        if writer is None:
            return
        with self._lock:
            if step is not None:
                if type(step) is not int or step < 0:
                    raise InputError(f"step is {shortened(step)}: give a whole number from 0 on")
                self._step = step
            elif not self._counts_batches:
                self._step += 1
            writer.put(Logged(writer.clock.t, self._step, self._epoch, self._batch, captured))

    def validated(self, *, loss: Any = None, accuracy: Any = None, confusion: Any = None, **metrics: Any) -> None:
        """Record the validation of the current epoch, which without `epochs` ends with it.

        Args:
            loss: A number or a tensor of one; so are the others.
            accuracy: A fraction, from 0 to 1.
            confusion: Counts, (K, K), rows true classes and columns predicted ones: lists, an array or a tensor.
            metrics: Others by their names.

        Raises:
            InputError: A name or a value is unusable.
        """
        self._evaluated("validation", loss, accuracy, confusion, metrics)

    def tested(self, *, loss: Any = None, accuracy: Any = None, confusion: Any = None, **metrics: Any) -> None:
        """Record the test of the final weights; the arguments are those of `validated`.

        Raises:
            InputError: A name or a value is unusable.
        """
        self._evaluated("test", loss, accuracy, confusion, metrics)

    def note(self, message: str, level: Level = "info") -> None:
        """Record a message for people."""
        self._put(Noted, level, str(message))

    def leave_in_child(self) -> None:
        """Record nothing more in a process that was forked: the thread that writes is not in it."""
        self._writer, self._lock = None, threading.Lock()

    def _evaluated(
        self,
        split: SplitName,
        loss: object,
        accuracy: object,
        confusion: object,
        metrics: Mapping[str, object],
    ) -> None:
        values = {}
        for name, value in {"loss": loss, "accuracy": accuracy, **metrics}.items():
            check_name(name)
            if value is not None:
                values[name] = capture(name, value)
        matrix = None if confusion is None else ConfusionMatrix.of(counts_of(confusion))
        if matrix is not None and self._plan.classes and len(matrix) != len(self._plan.classes):
            raise InputError(f"confusion is of {len(matrix)} classes, and {len(self._plan.classes)} are named")
        with self._lock:
            self._put(Evaluation, split, self._epoch, values, matrix)
            if split == "validation" and not self._counts_epochs:
                self._put(EpochEnded, self._epoch)
                self._epoch += 1

    def _put(self, kind: Any, *content: Any) -> None:
        if self._writer is not None:
            self._writer.put(kind(self._writer.clock.t, *content))


_recordings: weakref.WeakSet[Recording] = weakref.WeakSet()
"""Those that have been started in this process."""


def _leave_in_child() -> None:
    for recording in list(_recordings):
        recording.leave_in_child()


os.register_at_fork(after_in_child=_leave_in_child)
