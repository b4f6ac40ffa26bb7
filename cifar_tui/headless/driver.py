"""Runs that train in the background, one after the other or at once, while this thread prints and answers signals."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Self, cast

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.events import RunFinished
from cifar_tui.formatting import printable
from cifar_tui.headless.displays import Display, Forgiving, JsonDisplay, LogDisplay, PlainDisplay, QuietDisplay
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.runs.failures import explain
from cifar_tui.runs.messages import Ended, Loading, Message
from cifar_tui.runs.run import Run, exit_status
from cifar_tui.runs.workspace import Workspace
from cifar_tui.state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import output

ENDING = (signal.SIGINT, signal.SIGTERM)
ANSWERED = (*ENDING, signal.SIGHUP, signal.SIGUSR1)


TOGETHER_SECONDS = 0.5
"""Equal signals that come within this time are one: `timeout` and the like signal a process, and then its group."""


class HungUp:
    """The terminal is gone."""


Told = tuple[Run, Message] | str | HungUp
"""What this thread hears of: a run's message, something to say at once, or that nobody listens any more."""


def train(
    runs_dir: Path,
    jobs: Sequence[TrainingConfig | RunFolder],
    *,
    as_json: bool,
    quiet: bool,
    debug: bool,
    tensorboard: bool = False,
    announce: int | None = None,
    given: Overrides = NO_OVERRIDES,
) -> int:
    """Train new and resumed runs one after the other, and compare them where there are several.

    Args:
        runs_dir: The folder of all runs.
        jobs: What to train, and what to go on with.
        as_json: Whether to print the events.
        quiet: Whether to print the results alone.
        debug: Whether errors show their traceback.
        tensorboard: Whether to mirror their events for TensorBoard.
        given: What a person gives for the runs to go on with instead of what they were made with.
        announce: A file to write a run's id into once it has begun; from then on, it keeps its own log.

    Returns:
        The exit status: that of the signal that ended them, or the first of the runs' that is not 0.

    Raises:
        InputError: The configuration of a run to resume is damaged.
    """
    session = Workspace(runs_dir, tensorboard=tensorboard)
    queue: SimpleQueue[Told] = SimpleQueue()
    runs = [_made(session, job, queue, given) for job in jobs]
    begun: list[_Followed] = []
    with Forgiving(_display(as_json=as_json, quiet=quiet)) as display, _Signals(display, queue) as signals:
        for run in runs:
            state = RunState() if run.folder is None else run.folder.read_state()
            signals.runs = [run]
            if signals.received:
                break
            if signals.hung_up:
                _keep_log([(run, display)])
            begun.append(_Followed(run, state, display, before=state.finished))
            run.start()
            _follow(begun[-1:], queue, display, signals, debug=debug, announce=announce)
            if not begun[-1].ended:
                break  # What keeps one run from beginning, such as missing images or a signal, does so for all.
        _compare([each.state for each in begun if each.ended], display)
    return signals.received or _status(begun)


def follow(
    under_way: Sequence[tuple[Run, RunState]],
    queue: SimpleQueue[tuple[Run, Message]],
    *,
    ended: Sequence[tuple[Path, RunState]],
    going_on: bool,
    hung_up: bool,
    debug: bool,
) -> int:
    """Wait, in plain lines, for runs that train already, all at once, and compare them with those that have ended.

    Args:
        under_way: The runs, and what their messages came to so far.
        queue: Where their listener puts their messages; nothing else reads it any more.
        ended: The folders and the states of runs that have ended before.
        going_on: Whether the runs are to train on, those that are paused too; if not, they were asked to end.
        hung_up: Whether the terminal is gone.
        debug: Whether errors show their traceback.

    Returns:
        The exit status, as of `train`.
    """
    told = cast("SimpleQueue[Told]", queue)  # From here on, signals put what they have to say into it as well.
    display = Forgiving(PlainDisplay())
    runs = [run for run, _ in under_way]
    names = _names(runs)
    followed = [
        _Followed(run, state, Forgiving(PlainDisplay(name)))
        for (run, state), name in zip(under_way, names, strict=True)
    ]
    with _Signals(display, told) as signals:
        signals.runs = runs
        if hung_up:
            signals.hung_up = True
            _keep_log([(each.run, each.display) for each in followed])
            display.give_up(Display())
        for path, state in ended:
            display.result(state, path)
        if runs and going_on:
            display.notice(f"training goes on here: {', '.join(names)}; Ctrl+C saves and ends")
            for run in runs:
                run.resume()
        elif runs:
            display.notice(f"saving {', '.join(names)} …")
        _follow(followed, told, display, signals, debug=debug)
        _compare([*(state for _, state in ended), *_ended(followed)], display)
    return signals.received or _status(followed)


@dataclass(slots=True, eq=False)
class _Followed:
    """A run whose messages are shown."""

    run: Run
    state: RunState
    display: Forgiving
    before: RunFinished | None = None
    """How it had ended before it was gone on with."""

    @property
    def ended(self) -> bool:
        """Whether its training has come to an end, well or badly."""
        return self.state.finished is not None and self.state.finished is not self.before


def _made(session: Workspace, job: TrainingConfig | RunFolder, queue: SimpleQueue[Told], given: Overrides) -> Run:
    def tell(message: Message) -> None:
        queue.put((run, message))

    run = session.new_run(job, tell) if isinstance(job, TrainingConfig) else session.resumed_run(job, tell, given)
    return run


def _follow(
    followed: Sequence[_Followed],
    queue: SimpleQueue[Told],
    notices: Forgiving,
    signals: _Signals,
    *,
    debug: bool,
    announce: int | None = None,
) -> None:
    """Show the messages of these runs until the threads of all of them are done."""
    going = {each.run: each for each in followed}
    while going:
        told = queue.get()
        if isinstance(told, str):
            notices.notice(told)
            continue
        if isinstance(told, HungUp):
            if not signals.hung_up:
                signals.hung_up = True
                _keep_log([(each.run, each.display) for each in followed])
            continue
        run, message = told
        each = going[run]
        if isinstance(message, Ended):
            del going[run]
            _tell_end(each, debug=debug)
        elif isinstance(message, Loading):
            each.display.loading(message)
        else:
            if announce is not None and run.folder is not None:
                signals.hung_up = True
                _keep_log([(run, each.display)], all_of_it=True)
                os.write(announce, f"{run.folder.id}\n".encode())
                os.close(announce)
                announce = None
            each.state.apply(message)
            each.display.event(message, each.state)


def _keep_log(shown: Sequence[tuple[Run, Forgiving]], *, all_of_it: bool = False) -> None:
    """Have runs keep logs of their own, and what else is printed go there too, where it went to a terminal.

    A file or a pipe that the output goes to still gets it, unless `all_of_it` is to go to the log: it outlives the
    terminal.
    """
    folder = next((run.folder for run, _ in shown if run.folder is not None), None)
    with contextlib.suppress(OSError):
        # Of a terminal that is gone, nothing else is known but that it was a device.
        gone = [number for number in (output.descriptor(), 1, 2) if all_of_it or stat.S_ISCHR(os.fstat(number).st_mode)]
        # What a display does to the terminal when it ends belongs in no log.
        _turn(gone, None)
        for run, display in shown if output.descriptor() in gone else ():
            display.give_up(LogDisplay(run))
        _turn(gone, folder)


def _turn(numbers: Sequence[int], folder: RunFolder | None) -> None:
    """Have what is written to these files go to the end of a run's log, or nowhere."""
    if folder is None:
        descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    else:
        descriptor = folder.files.open_to_append(folder.log_file.name)
    for number in numbers:
        os.dup2(descriptor, number, inheritable=number <= 2)
    os.close(descriptor)


def _tell_end(each: _Followed, *, debug: bool) -> None:
    if each.run.error is not None:
        _say_error(each.run, debug=debug)
    elif not each.ended:
        each.display.notice("ended before training began; nothing was changed")
    if each.ended and each.run.folder is not None and not each.run.lost:
        each.display.result(each.state, each.run.folder.path)


def _ended(followed: Sequence[_Followed]) -> list[RunState]:
    return [each.state for each in followed if each.ended]


def _compare(states: Sequence[RunState], display: Display) -> None:
    if len(states) > 1:
        display.comparison(list(states))


def _status(followed: Sequence[_Followed]) -> int:
    return next((status for each in followed if (status := exit_status(each.run, each.state))), 0)


def _names(runs: Sequence[Run]) -> list[str]:
    """What tells these runs apart: what their ids end in, or where that is the same, all of the id."""
    short = [run.folder.id.split("-", 2)[-1] if run.folder else run.config.run_name for run in runs]
    return [
        printable(name if short.count(name) == 1 else run.folder.id if run.folder else f"{name} {number}")
        for number, (run, name) in enumerate(zip(runs, short, strict=True), 1)
    ]


def _say_error(run: Run, *, debug: bool) -> None:
    assert run.error is not None
    if debug:
        print(run.traceback, file=sys.stderr)
    # What was given wrongly names itself; an error of the training is this run's.
    where = "" if run.folder is None or isinstance(run.error, InputError) else f"{run.folder.id}: "
    print(f"cifar-tui: {printable(where + explain(run.error, run.config))}", file=sys.stderr)


def _display(*, as_json: bool, quiet: bool) -> Display:
    if as_json:
        return JsonDisplay(quiet=quiet)
    if quiet:
        return QuietDisplay()
    if output.stream().isatty():
        from cifar_tui.headless.progress import ProgressDisplay

        return ProgressDisplay()
    return PlainDisplay()


class _Signals:
    """SIGINT and SIGTERM: the first has the runs save and end, a second aborts the process at once.

    SIGHUP takes the terminal away and nothing else; SIGUSR1 has the runs write checkpoints.
    """

    def __init__(self, display: Display, queue: SimpleQueue[Told]) -> None:
        self.runs: Sequence[Run] = ()
        self.received = 0
        """The exit status of the signal that came; 0 before that."""
        self.hung_up = False
        """Whether the terminal is gone, and the runs keep logs."""
        self._at = 0.0
        """When it came."""
        self._display = display
        self._queue = queue

    def __enter__(self) -> Self:
        wanted = [number for number in ANSWERED if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._handle) for number in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._queue.put(HungUp())
        elif number == signal.SIGUSR1:
            for run in self.runs:
                run.checkpoint()
        else:
            self._end(number)

    def _end(self, number: int) -> None:
        now = time.monotonic()
        if self.received == 128 + number and now - self._at < TOGETHER_SECONDS:
            return
        if self.received:
            self._display.abort()
            with contextlib.suppress(OSError):
                os.write(2, b"cifar-tui: aborted; `cifar-tui runs` shows what was saved\n")
            os._exit(128 + number)
        self.received, self._at = 128 + number, now
        name = signal.Signals(number).name
        # Not print: the signal may have come in the middle of another one. To put something into this queue is safe.
        self._queue.put(f"{name}: saving and ending; a second signal aborts at once")
        for run in self.runs:
            run.stop("interrupted", f"interrupted by {name}")
