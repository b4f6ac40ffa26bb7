"""What runs look like off a terminal: plain lines, JSON, or the result alone."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Self

from cifar_tui.events import AnyEvent, BatchThrottle, Epoch, Note, Resumed, RunFinished, RunStarted, to_json
from cifar_tui.headless.tables import comparison_table, console
from cifar_tui.session import Loading
from cifar_tui.state import RunState
from cifar_tui.store.commands import run_command, shell_line
from cifar_tui.text import count, duration, percent, plural, printable

P = ParamSpec("P")
LOADING_SECONDS = 5.0
"""The least time between two lines on the same slow step."""


class Display:
    """Shows runs, one after the other. This one shows nothing of what is not overridden."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def loading(self, loading: Loading) -> None:
        """A step before training."""

    def event(self, event: AnyEvent, state: RunState) -> None:
        """An event of the run, already applied to its state."""

    def result(self, state: RunState, folder: Path) -> None:
        """How a run ended."""

    def comparison(self, states: list[RunState]) -> None:
        """Several runs that ended."""

    def notice(self, text: str) -> None:
        """Something to say at once that is no event of a run; on standard error."""
        print(f"cifar-tui: {text}", file=sys.stderr, flush=True)

    def abort(self) -> None:
        """Leave the terminal usable: the process ends now."""


class Forgiving(Display):
    """Another display, until it cannot be written to: training goes on where nobody reads what is printed."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._try(self._display.__exit__)

    def loading(self, loading: Loading) -> None:
        """As the other one."""
        self._try(self._display.loading, loading)

    def event(self, event: AnyEvent, state: RunState) -> None:
        """As the other one."""
        self._try(self._display.event, event, state)

    def result(self, state: RunState, folder: Path) -> None:
        """As the other one."""
        self._try(self._display.result, state, folder)

    def comparison(self, states: list[RunState]) -> None:
        """As the other one."""
        self._try(self._display.comparison, states)

    def notice(self, text: str) -> None:
        """As the other one."""
        self._try(self._display.notice, text)

    def abort(self) -> None:
        """As the other one."""
        self._display.abort()

    def _try(self, show: Callable[P, None], *arguments: P.args, **more: P.kwargs) -> None:
        try:
            show(*arguments, **more)
        except OSError as error:
            self._display = Display()
            with contextlib.suppress(OSError):
                self.notice(f"cannot print any more ({error.strerror}); training goes on")


class QuietDisplay(Display):
    """The results alone, on standard output."""

    def result(self, state: RunState, folder: Path) -> None:
        """One line: how the run ended, and where it is."""
        if state.finished is not None:
            _print(result_line(state, state.finished, folder))


class PlainDisplay(QuietDisplay):
    """One line an epoch on standard output; what happens before training goes to standard error."""

    def __init__(self) -> None:
        self._step = ""
        self._next_line = 0.0

    def loading(self, loading: Loading) -> None:
        """A line for each step, and every few seconds where it takes long."""
        now = time.monotonic()
        if loading.what == self._step and (now < self._next_line or not loading.total):
            return
        share = f" {100 * loading.done // loading.total} %" if loading.total and loading.what == self._step else ""
        print(f"{printable(loading.what)} …{share}", file=sys.stderr, flush=True)
        self._step, self._next_line = loading.what, now + LOADING_SECONDS

    def event(self, event: AnyEvent, state: RunState) -> None:
        """A line for what a person would want to find in a log."""
        line = event_line(event, state)
        if line:
            _print(line)

    def comparison(self, states: list[RunState]) -> None:
        """A table without colours."""
        console().print(comparison_table(states))


class JsonDisplay(Display):
    """The events as the run's folder has them, one a line; quiet: only those that end a run."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._throttle = BatchThrottle()

    def event(self, event: AnyEvent, state: RunState) -> None:  # noqa: ARG002
        """One line of JSON."""
        if isinstance(event, RunStarted):
            self._throttle = BatchThrottle()
        if self._throttle.admits(event) and (isinstance(event, RunFinished) or not self._quiet):
            _print(to_json(event))


def event_line(event: AnyEvent, state: RunState, width: int | None = None) -> str | None:
    """An event in words; None for those that a log can do without. An epoch is shortened where `width` asks for it."""
    match event:
        case RunStarted():
            return (
                f"{printable(event.id)}: {event.model} ({plural(event.parameters, 'parameter')}) on"
                f" {printable(event.data)}, {plural(event.train_samples, 'training image')} of"
                f" {len(event.classes)} classes; {event.device}, {event.precision},"
                f" {plural(event.threads, 'thread')}, batch {event.batch_size}"
            )
        case Epoch():
            line = _epoch_line(event, state)
            return line if width is None or len(line) <= width else _short_epoch_line(event, state)
        case Resumed() if state.started:
            return f"{printable(state.started.id)}: goes on {_place(event, state.started)}"
        case Note() if event.level != "debug":
            return f"{event.level}: {printable(event.message)}"
        case _:
            return None


def _epoch_line(event: Epoch, state: RunState) -> str:
    return (
        f"epoch {_number_of(event, state)}"
        f"  train loss {event.train_loss:.4f} accuracy {percent(event.train_accuracy)}"
        f"  validation loss {event.val_loss:.4f} accuracy {percent(event.val_accuracy)}"
        f"  lr {event.lr:.2e}  {count(round(event.images_per_second))} images/s"
        f"  {duration(event.seconds)}{'  best' if event.best else ''}"
    )


def _short_epoch_line(event: Epoch, state: RunState) -> str:
    return (
        f"epoch {_number_of(event, state)}"
        f"  train {event.train_loss:.4f} {percent(event.train_accuracy)}"
        f"  val {event.val_loss:.4f} {percent(event.val_accuracy)}"
        f"  {duration(event.seconds)}{'  best' if event.best else ''}"
    )


def _number_of(event: Epoch, state: RunState) -> str:
    planned = state.started.epochs if state.started else event.epoch
    return f"{event.epoch:{len(str(planned))}}/{planned}"


def result_line(state: RunState, finished: RunFinished, folder: Path) -> str:
    """How a run ended, in one line."""
    model = state.started.model if state.started else "run"
    ending = (
        finished.message if finished.message.startswith(finished.state) else f"{finished.state}: {finished.message}"
    )
    parts = [f"{model} {printable(ending)}"]
    if finished.test_accuracy is not None and finished.test_loss is not None:
        parts.append(f"test accuracy {percent(finished.test_accuracy)}, loss {finished.test_loss:.4f}")
    if finished.best_val_accuracy is not None:
        parts.append(f"best validation accuracy {percent(finished.best_val_accuracy)} in epoch {finished.best_epoch}")
    parts.append(duration(finished.seconds))
    parts.append(f"saved in {printable(str(folder))}")
    if finished.state in ("stopped", "interrupted", "failed") and state.checkpoint is not None:
        parts.append(f"go on with: {shell_line(run_command('resume', folder.name, str(folder.parent)))}")
    return "; ".join(parts)


def _place(event: Resumed, started: RunStarted) -> str:
    if event.batch:
        return f"in epoch {event.epoch}, after batch {event.batch} of {started.batches}"
    return "with the test" if event.epoch > started.epochs else f"with epoch {event.epoch}"


def _print(line: str) -> None:
    print(line, flush=True)
