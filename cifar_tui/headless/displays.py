"""Runs as shown without a dashboard: plain lines, JSON, or the result alone."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Self

from cifar_tui.events import AnyEvent, BatchThrottle, Paused, Resumed, RunFinished, RunStarted, to_json
from cifar_tui.formatting import printable
from cifar_tui.headless.tables import comparison_table, console
from cifar_tui.report.event_lines import event_line, result_line
from cifar_tui.runs.messages import Loading
from cifar_tui.runs.run import Run
from cifar_tui.state.run_state import RunState
from cifar_tui.system import output

P = ParamSpec("P")
LOADING_SECONDS = 5.0
"""The least time between two lines on the same slow step."""


class Display:
    """Shows runs, one after the other; this one shows nothing but notices."""

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
        """A line about something that is no event of a run; on standard error."""
        print(f"cifar-tui: {printable(text)}", file=sys.stderr, flush=True)

    def abort(self) -> None:
        """Leave the terminal usable: the process ends now."""


class FaultTolerantDisplay(Display):
    """Wraps a display until it cannot be written to: training continues where nobody reads what is printed."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._failed: Display | None = None

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._try(self._display.__exit__)

    def loading(self, loading: Loading) -> None:
        """As the wrapped display."""
        self._try(self._display.loading, loading)

    def event(self, event: AnyEvent, state: RunState) -> None:
        """As the wrapped display."""
        self._try(self._display.event, event, state)

    def result(self, state: RunState, folder: Path) -> None:
        """As the wrapped display."""
        self._try(self._display.result, state, folder)

    def comparison(self, states: list[RunState]) -> None:
        """As the wrapped display."""
        self._try(self._display.comparison, states)

    def notice(self, text: str) -> None:
        """As the wrapped display."""
        self._try(self._display.notice, text)

    def abort(self) -> None:
        """As the wrapped display."""
        self._display.abort()

    def switch_to(self, display: Display) -> None:
        """Show on another display from now on."""
        with contextlib.suppress(OSError):
            (self._failed or self._display).__exit__()
        self._display, self._failed = display, None

    def _try(self, show: Callable[P, None], *arguments: P.args, **more: P.kwargs) -> None:
        try:
            show(*arguments, **more)
        except OSError as error:
            self._display, self._failed = Display(), self._display
            with contextlib.suppress(OSError):
                self.notice(f"cannot print any more ({error.strerror}); training continues")


class QuietDisplay(Display):
    """The results alone, on standard output."""

    def result(self, state: RunState, folder: Path) -> None:
        """One line: how the run ended, and where it is."""
        if state.finished is not None:
            self.print(result_line(state, state.finished, folder))

    def print(self, line: str) -> None:
        """Print a line."""
        output.line(line)


class PlainDisplay(QuietDisplay):
    """One line an epoch on standard output; what happens before training goes to standard error."""

    def __init__(self, name: str = "") -> None:
        """Start lines with this name, where several runs are shown at once."""
        self._prefix = f"{name}: " if name else ""
        self._step = ""
        self._next_line = 0.0

    def loading(self, loading: Loading) -> None:
        """A line for each step, and every few seconds where it takes long."""
        now = time.monotonic()
        if loading.what == self._step and (now < self._next_line or not loading.total):
            return
        share = f" {100 * loading.done // loading.total} %" if loading.total and loading.what == self._step else ""
        print(f"{self._prefix}{printable(loading.what)} …{share}", file=sys.stderr, flush=True)
        self._step, self._next_line = loading.what, now + LOADING_SECONDS

    def progress(self, what: str, done: int, total: int) -> None:
        """As `loading`, for what takes a `ProgressCallback`."""
        self.loading(Loading(what, done, total))

    def event(self, event: AnyEvent, state: RunState) -> None:
        """A line for what belongs in a log, shortened where a terminal would wrap it."""
        terminal = output.terminal_size()
        line = event_line(event, state, terminal and terminal.columns - len(self._prefix))
        if line:
            names_itself = isinstance(event, RunStarted | Paused | Resumed)
            self.print(line if names_itself else self._prefix + line)

    def notice(self, text: str) -> None:
        """A line on standard error."""
        super().notice(self._prefix + text)

    def comparison(self, states: list[RunState]) -> None:
        """A table."""
        out = console()
        out.print(comparison_table(states, out.width))


class LogDisplay(PlainDisplay):
    """The same lines in `log.txt` of the run's folder: the terminal is gone, or there never was one."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def print(self, line: str) -> None:
        """Append a line; nothing where the run has no folder yet, or no more."""
        if self._run.folder is not None and not self._run.lost:
            log = self._run.folder.log_file.name
            with os.fdopen(self._run.folder.files.open_to_append(log), "a", encoding="utf-8") as file:
                file.write(line + "\n")

    def notice(self, text: str) -> None:
        """A line too."""
        self.print(f"cifar-tui: {printable(text)}")


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
            output.line(to_json(event))
