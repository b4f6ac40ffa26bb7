"""Runs that train one after the other in the background, while this thread prints and answers signals."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Self

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.events import RunFinished, RunStatus
from cifar_tui.headless.displays import Display, Forgiving, JsonDisplay, PlainDisplay, QuietDisplay
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
        InputError: The configuration of a run to resume is damaged.
    """
    session = Session(runs_dir)
    queue: SimpleQueue[Message | str] = SimpleQueue()
    runs = [
        session.new(job, queue.put) if isinstance(job, TrainingConfig) else session.continued(job, queue.put)
        for job in jobs
    ]
    status = 0
    ended: list[RunState] = []
    with Forgiving(_display(as_json=as_json, quiet=quiet)) as display, _Signals(display, queue) as signals:
        for run in runs:
            state = RunState() if run.folder is None else run.folder.read_state()
            signals.run = run
            if signals.received:
                break
            run.start()
            ending = _follow(queue, state, display)
            status = status or _status(run, state)
            if run.error is not None:
                _say_error(run, debug=debug)
            elif ending is None:
                display.notice("ended before training began; nothing was changed")
            if ending is None or run.folder is None:
                break  # What keeps one run from beginning, such as missing images or a signal, does so for all.
            display.result(state, run.folder.path)
            ended.append(state)
        if len(ended) > 1:
            display.comparison(ended)
    return signals.received or status


def _follow(queue: SimpleQueue[Message | str], state: RunState, display: Display) -> RunFinished | None:
    """Show a run's messages until its thread is done; its last event, if it came to that."""
    ending = None
    while not isinstance(message := queue.get(), Ended):
        if isinstance(message, str):
            display.notice(message)
            continue
        if isinstance(message, Loading):
            display.loading(message)
            continue
        state.apply(message)
        display.event(message, state)
        if isinstance(message, RunFinished):
            ending = message
    return ending


def _status(run: Run, state: RunState) -> int:
    if run.error is not None:
        return run.error.exit_status if isinstance(run.error, CifarTuiError) else 1
    return EXIT_STATUS.get(state.status, 0)


def _say_error(run: Run, *, debug: bool) -> None:
    assert run.error is not None
    if debug:
        print(run.traceback, file=sys.stderr)
    # What was given wrongly names itself; an error of the training is this run's.
    where = "" if run.folder is None or isinstance(run.error, InputError) else f"{run.folder.id}: "
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

    def __init__(self, display: Display, queue: SimpleQueue[Message | str]) -> None:
        self.run: Run | None = None
        self.received = 0
        """The exit status of the signal that came; 0 before that."""
        self._display = display
        self._queue = queue

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.received:
            self._display.abort()
            with contextlib.suppress(OSError):
                os.write(2, b"cifar-tui: aborted; `cifar-tui runs` shows what was saved\n")
            os._exit(128 + number)
        self.received = 128 + number
        name = signal.Signals(number).name
        if self.run is not None:
            self.run.stop("interrupted", f"interrupted by {name}")
        # Not print: the signal may have come in the middle of another one. To put something into this queue is safe.
        self._queue.put(f"{name}: saving and ending; a second signal aborts at once")
