"""Runs that train one after the other in the background, while this thread prints and answers signals."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Self

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError
from cifar_tui.events import RunStatus
from cifar_tui.headless.displays import Display, JsonDisplay, PlainDisplay, QuietDisplay
from cifar_tui.session import Ended, Loading, Message, Run, Session, explain
from cifar_tui.state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.text import printable

EXIT_STATUS: dict[RunStatus, int] = {"finished": 0, "stopped": 0, "failed": 1, "diverged": 3}


def train(
    runs_dir: Path, jobs: Sequence[TrainingConfig | RunFolder], *, as_json: bool, quiet: bool, debug: bool
) -> int:
    """Train new and resumed runs one after the other, and compare them where there are several.

    Returns:
        The exit status: that of the signal that ended them, or the first of the runs' that is not 0.

    Raises:
        InputError: A run cannot be resumed.
    """
    session = Session(runs_dir)
    queue: SimpleQueue[Message] = SimpleQueue()
    runs = [
        session.new(job, queue.put) if isinstance(job, TrainingConfig) else session.continued(job, queue.put)
        for job in jobs
    ]
    status = 0
    ended: list[RunState] = []
    with _display(as_json=as_json, quiet=quiet) as display, _Signals(display) as signals:
        for run in runs:
            state = RunState() if run.folder is None else run.folder.read_state()
            signals.run = run
            if signals.received:
                break
            run.start()
            _follow(queue, state, display)
            status = status or _status(run, state)
            if run.error is not None:
                _say_error(run, debug=debug)
            if run.folder is None:
                break  # What keeps one run from beginning, such as missing images or a signal, does so for all.
            display.result(state, run.folder.path)
            ended.append(state)
        if len(ended) > 1:
            display.comparison(ended)
    return signals.received or status


def _follow(queue: SimpleQueue[Message], state: RunState, display: Display) -> None:
    """Show a run's messages until its thread is done."""
    while not isinstance(message := queue.get(), Ended):
        if isinstance(message, Loading):
            display.loading(message)
        else:
            state.apply(message)
            display.event(message, state)


def _status(run: Run, state: RunState) -> int:
    if run.error is not None:
        return run.error.exit_status if isinstance(run.error, CifarTuiError) else 1
    return EXIT_STATUS.get(state.status, 0)


def _say_error(run: Run, *, debug: bool) -> None:
    assert run.error is not None
    if debug:
        traceback.print_exception(run.error)
    # An error of the options names its option; one of the training is of this run.
    where = "" if run.folder is None else f"{run.folder.id}: "
    print(f"cifar-tui: {where}{printable(explain(run.error, run.config))}", file=sys.stderr)


def _display(*, as_json: bool, quiet: bool) -> Display:
    if as_json:
        return JsonDisplay(quiet=quiet)
    if quiet:
        return QuietDisplay()
    if sys.stdout.isatty():
        from cifar_tui.headless.progress import ProgressDisplay

        return ProgressDisplay()
    return PlainDisplay()


class _Signals:
    """SIGINT and SIGTERM: the first has the run save and end, a second aborts the process at once."""

    def __init__(self, display: Display) -> None:
        self.run: Run | None = None
        self.received = 0
        """The exit status of the signal that came; 0 before that."""
        self._display = display

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.received:
            self._display.abort()
            os._exit(128 + number)
        self.received = 128 + number
        name = signal.Signals(number).name
        # Not print: the signal may have come in the middle of another one.
        os.write(2, f"\n{name}: saving after this batch; once more aborts at once\n".encode())
        if self.run is not None:
            self.run.stop("interrupted", f"interrupted by {name}")
