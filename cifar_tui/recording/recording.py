"""The public recorder: `record(...)` makes a run of a script's training."""

from __future__ import annotations

import contextlib
import operator
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sized
from pathlib import Path
from types import TracebackType
from typing import Any, Self, SupportsIndex, TypeVar

from cifar_tui.config import DEFAULT_RUNS_DIR, HEALTH_OPTIONS, OPTIONS, HealthOptions
from cifar_tui.errors import InputError, one_line
from cifar_tui.events import Level, RunStatus, SplitName
from cifar_tui.formatting import shortened
from cifar_tui.recording import lifetime, ranks
from cifar_tui.recording.items import EpochEnded, EpochStarted, Evaluation, Logged, Noted
from cifar_tui.recording.plan import MAX_PLANNED, Plan
from cifar_tui.recording.values import capture, check_name, matrix_of
from cifar_tui.recording.writer import Writer, print_message

T = TypeVar("T")
ENDED = ("finished", "stopped", "interrupted", "diverged", "failed")


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
    """Record the training of a script as a run, from the first use of the result to the end of its context.

    Without a context, it ends with `finish`, or with the script.

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
        quiet: Whether to print nothing on standard error.
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
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._agreement: ranks.Agreement | None = None
        # A signal handler may end the run while its thread holds it.
        self._lock = threading.RLock()
        self._counts_epochs = self._counts_batches = False
        self._epoch = 1
        self._batch = 0
        self._step = 0
        self._known: set[str] = set()
        """Names that have been checked."""
        self._ended = False
        self._end: tuple[RunStatus, str] = ("finished", "")
        self._open_epoch = self._validated = False
        """Whether an epoch has begun that has not ended, and whether it has been validated."""
        self._stop_agreed = False
        """Whether all processes of the script have agreed to stop."""

    @property
    def folder(self) -> Path | None:
        """The run's folder; None before it has started, and in processes that record nothing."""
        return self._writer.folder.path if self._writer is not None else None

    @property
    def ended(self) -> bool:
        """Whether `finish` has been called, by the end of the context or by the script."""
        return self._ended

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked the training to stop; of several processes, once all know it by `epochs`."""
        if ranks.are_several():
            return self._stop_agreed
        return self._writer is not None and self._writer.take_stop()

    def start(self) -> Self:
        """Make the run's folder, and begin to record; of several processes, on rank 0 alone.

        Where `finish` is not called, the run ends with the script.

        Raises:
            InputError: The folder cannot be made.
        """
        if self._writer is not None or self._ended or self._agreement is not None:
            raise InputError("this recording has been started already: call record() for another one")
        self._agreement = ranks.Agreement()
        if ranks.is_first():
            self._writer = Writer.create(self._plan, self._runs_dir, tensorboard=self._tensorboard, health=self._health)
            self._finalizer = weakref.finalize(self, lifetime.end_abandoned, self._writer)
            if not self._quiet:
                path = self._writer.folder.path
                print_message(f"recording to {path}; `cifar-tui attach {path.name}` shows it")
            lifetime.started.add(self)
        return self

    def finish(self, state: RunStatus | None = None, message: str = "") -> None:
        """End the run, and write its files; a second call does nothing.

        Args:
            state: How it ended; None for finished, or stopped where that was requested and the script knows of it.
            message: Why.

        Raises:
            InputError: The state is not that of a run that has ended.
        """
        if state is not None and state not in ENDED:
            raise InputError(f"state is {shortened(state)}: give one of {', '.join(ENDED)}")
        with self._lock:
            if self._ended:
                return
            self._ended = True
            if self._open_epoch and self._validated:
                self._end_epoch({})  # It was left by `break`, as early stopping does.
        writer, finalizer = self._writer, self._finalizer
        if writer is None:
            return
        if finalizer is not None:
            finalizer.detach()
        if state is None:
            state, message = writer.stop_taken or ("finished", message or "the script has ended")
        self._end = state, message
        writer.end(state, message)

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
        """The numbers of the epochs, from 1, until the last one or until somebody asks the training to stop.

        Of several processes that train together, either all iterate over it or rank 0 alone; a stop or a pause takes
        effect where all do.
        """
        number = 0
        while self._plan.epochs is None or number < self._plan.epochs:
            number += 1
            self.start_epoch(number)
            yield number
            self.end_epoch()
            if self.agree_to_stop():
                return

    def batches(self, loader: Iterable[T]) -> Iterator[T]:
        """The batches of an epoch, until its last one or until somebody asks the training to stop.

        It is also where a pause happens. Of several processes, all end their epochs: both take effect then.
        """
        if self._plan.batches is None and isinstance(loader, Sized):
            with contextlib.suppress(Exception):  # PyTorch's loaders have the method, even those without a length.
                self._plan.batches = len(loader) or None
        for batch in loader:
            if not self.start_batch():
                return
            yield batch

    def start_epoch(self, number: int) -> None:
        """Begin an epoch, in place of `epochs`: for loops that are not the script's own."""
        self._running()
        with self._lock:
            self._counts_epochs, self._epoch, self._batch = True, number, 0
            self._open_epoch, self._validated = True, False
            self._put(EpochStarted)

    def end_epoch(self, means: Mapping[str, Any] | None = None) -> None:
        """End it after its last batch and its validation; one that a stop has cut short is not counted.

        Args:
            means: `loss` and `accuracy` of its training, where they are known better than by what was logged.
        """
        with self._lock:
            if self._open_epoch:
                self._end_epoch({name: capture(name, value) for name, value in (means or {}).items()})

    def _end_epoch(self, means: dict[str, Any]) -> None:
        self._open_epoch = False
        self._put(EpochEnded, self._epoch, means)

    def start_batch(self) -> bool:
        """Begin the next batch, in place of `batches`, and wait before it while the run is paused.

        Returns:
            Whether to train it: False once somebody has asked the training to stop.
        """
        writer = self._running()
        # Of several processes, none may leave the others alone within an epoch.
        if writer is not None and writer.is_asked and not ranks.are_several():
            writer.wait_while_paused(self._epoch, self._batch)
            if self.stop_requested:
                self._open_epoch = False
                return False
        with self._lock:
            self._counts_batches = True
            self._batch += 1
            self._step += 1
        return True

    def agree_to_stop(self) -> bool:
        """Whether the training is to stop, in place of `epochs`: called behind each epoch by all processes alike.

        It waits while the run is paused.
        """
        if not ranks.are_several() or self._agreement is None:
            return self.stop_requested
        self._stop_agreed = self._agreement.stops(self._writer, self._epoch, self._batch)
        return self._stop_agreed

    def log(
        self, values: Mapping[str, Any] | None = None, /, *, step: SupportsIndex | None = None, **named: Any
    ) -> None:
        """Record numbers of the training: `loss`, `accuracy` (a fraction), `lr`, and any others by their names.

        Args:
            values: Numbers by names that are no words of Python: `{"loss/box": 0.3}`.
            step: Where the training is; by default what `batches` has counted, or else the number of this call.
            named: Numbers, or tensors of one number on any device, which are fetched later.

        Raises:
            InputError: A name or a value is unusable.
        """
        if values is not None:
            named = {**_checked_mapping(values), **named}
        captured = {}
        for name, value in named.items():
            if name not in self._known:
                check_name(name)
                self._known.add(name)
            captured[name] = capture(name, value)
        writer = self._running()
        if writer is None:
            return
        with self._lock:
            at = self._step_of(step)
            writer.put(Logged(writer.clock.t, at, self._epoch, self._batch, captured))

    def _step_of(self, given: SupportsIndex | None) -> int:
        """The step of a call that is given this one, or None."""
        if given is None:
            if not self._counts_batches:
                self._step += 1
            return self._step
        try:
            step = operator.index(given)
        except TypeError:
            step = -1
        if not 0 <= step <= MAX_PLANNED:
            raise InputError(f"step is {shortened(given)}: give a whole number from 0 on")
        if not self._counts_batches:
            self._step = step
        return step

    def validated(self, *, loss: Any = None, accuracy: Any = None, confusion: Any = None, **metrics: Any) -> None:
        """Record the validation of the current epoch, which without `epochs` ends with it.

        Of several validations of one epoch, the last is the epoch's; the others become points of the metrics
        `validation/loss` and `validation/accuracy`.

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
        """Record the test of the final weights, also after the end of the run; the arguments are those of `validated`.

        Raises:
            InputError: A name or a value is unusable.
        """
        if not self._ended or self._writer is None:
            self._evaluated("test", loss, accuracy, confusion, metrics)
            return
        self._writer = self._writer.reopen()
        try:
            self._evaluated("test", loss, accuracy, confusion, metrics)
        finally:
            self._writer.end(*self._end)

    def note(self, message: str, level: Level = "info") -> None:
        """Record a message for people."""
        self._put(Noted, level, str(message))

    def disable_in_child(self) -> None:
        """Record nothing more in a process that was forked: the thread that writes is not in it."""
        if self._finalizer is not None:
            self._finalizer.detach()
        self._writer, self._lock = None, threading.RLock()

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
        matrix = None if confusion is None else matrix_of(confusion)
        if matrix is not None and self._plan.classes and len(matrix) != len(self._plan.classes):
            raise InputError(f"confusion is of {len(matrix)} classes, and {len(self._plan.classes)} are named")
        self._running()
        with self._lock:
            self._put(Evaluation, split, self._epoch, values, matrix)
            if split == "validation":
                self._validated = True
                if not self._counts_epochs:
                    self._put(EpochEnded, self._epoch)
                    self._epoch, self._batch = self._epoch + 1, 0

    def _running(self) -> Writer | None:
        """The writer, of a recording that its first use starts where the script has not."""
        if self._agreement is None:
            self.start()
        return self._writer

    def _put(self, kind: Any, *content: Any) -> None:
        if self._writer is not None:
            self._writer.put(kind(self._writer.clock.t, *content))


def _checked_mapping(values: object) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise InputError(f"{shortened(values)} has no name: log(loss=…), or log({{'loss': …}})")
    return values
