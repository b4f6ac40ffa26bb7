"""Runs that train in threads of their own while the main thread prints what happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import cast

from cifar_tui.config import DEFAULT_HEALTH, DEFAULT_RUNS_DIR, HealthOptions, TrainingConfig
from cifar_tui.headless.displays import Display, FaultTolerantDisplay, JsonDisplay, PlainDisplay, QuietDisplay
from cifar_tui.headless.endings import ShownRun, first_failure, print_comparison, report_end, short_names
from cifar_tui.headless.launched import Launched
from cifar_tui.headless.logs import keep_logs
from cifar_tui.headless.notifying import Notifying
from cifar_tui.headless.signals import HungUp, Item, Signals
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.runs.launched.earlier import AlreadyEndedError
from cifar_tui.runs.messages import Ended, Loading, Message
from cifar_tui.runs.notifications.notifier import Notifier
from cifar_tui.runs.run import Run
from cifar_tui.runs.workspace import Workspace
from cifar_tui.state.run_state import RunState
from cifar_tui.store.command_lines import run_command, shell_line
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import output
from cifar_tui.training.distributed.environment import Worker
from cifar_tui.training.distributed.process_errors import LostProcessError


def train(
    runs_dir: Path,
    jobs: Sequence[TrainingConfig | RunFolder],
    *,
    as_json: bool,
    quiet: bool,
    debug: bool,
    tensorboard: bool = False,
    announce: Callable[[str], None] | None = None,
    overrides: Overrides = NO_OVERRIDES,
    worker: Worker | None = None,
    health: HealthOptions = DEFAULT_HEALTH,
    notifier: Notifier | None = None,
) -> int:
    """Train new and resumed runs one after the other, and compare them where there are several.

    Args:
        runs_dir: The folder of all runs.
        jobs: What to train, and what to resume.
        as_json: Whether to print the events.
        quiet: Whether to print the results alone.
        debug: Whether errors show their traceback.
        tensorboard: Whether to mirror their events for TensorBoard.
        announce: Called with a run's id once it has started; from then on, it keeps its own log.
        overrides: Options of the resumed runs to use instead of those that they were made with.
        worker: The place of this process, of rank 0, among those that train each run together; None: it is alone.
        health: When the health check of the runs warns.
        notifier: Sends how they end and what that finds; it is closed here.

    Returns:
        The exit status: that of the signal that ended them, or the first of the runs' that is not 0.

    Raises:
        InputError: The configuration of a run to resume is damaged.
    """
    workspace = Workspace(runs_dir, tensorboard=tensorboard, worker=worker, health=health)
    queue: SimpleQueue[Item] = SimpleQueue()
    runs = [_create_run(workspace, job, queue, overrides, index) for index, job in enumerate(jobs)]
    started: list[ShownRun] = []
    with (
        FaultTolerantDisplay(_display(as_json=as_json, quiet=quiet)) as display,
        Notifying(notifier) as notify,
        Signals(display, queue) as signals,
        Launched(worker, signals) as launched,
    ):
        if launched.is_over:
            return 0
        for run in runs:
            state = RunState() if run.folder is None else run.folder.read_state()
            signals.runs = [run]
            if signals.received:
                break
            if signals.hung_up:
                keep_logs([(run, display)])
            started.append(ShownRun(run, state, display, resumed_from=state.finished))
            run.start()
            _show_until_ended(started[-1:], queue, display, signals, notify, debug=debug, announce=announce)
            if not started[-1].ended and not isinstance(run.error, AlreadyEndedError):
                break  # What keeps one run from starting, such as missing images or a signal, does so for all.
            if not workspace.can_train or (worker is not None and started[-1].state.status == "interrupted"):
                if len(started) < len(runs):
                    display.notice("the runs that were to follow are not started")
                break
        print_comparison([each.state for each in started if each.ended], display)
        status = signals.received or first_failure(started)
        workspace.end(status)
        is_done = not any(isinstance(each.run.error, LostProcessError) for each in started)
        if signals.received and not launched.is_ending:
            # Another process may be lost. If not, all of them have agreed to end.
            is_done = started[-1:] != [] and started[-1].ended and started[-1].state.status == "interrupted"
        return launched.exit_status(status, is_done=is_done)


def follow(
    under_way: Sequence[tuple[Run, RunState]],
    queue: SimpleQueue[tuple[Run, Message]],
    *,
    ended: Sequence[tuple[Path, RunState]],
    keep_training: bool,
    hung_up: bool,
    debug: bool,
    notifier: Notifier | None = None,
) -> int:
    """Wait, in plain lines, for runs that train already, all at once, and compare them with those that have ended.

    Args:
        under_way: The runs, and what their messages amount to so far.
        queue: Where their listener puts their messages; nothing else reads it any more.
        ended: The folders and the states of runs that have ended before.
        keep_training: Whether the runs train on, those that are paused too; if not, they were asked to stop.
        hung_up: Whether the terminal is gone.
        debug: Whether errors show their traceback.
        notifier: Sends how they end and what their health check finds; it is closed here.

    Returns:
        The exit status, as of `train`.
    """
    items = cast("SimpleQueue[Item]", queue)  # From here on, signals put items into it as well.
    display = FaultTolerantDisplay(PlainDisplay())
    runs = [run for run, _ in under_way]
    names = short_names(runs)
    shown = [
        ShownRun(run, state, FaultTolerantDisplay(PlainDisplay(name)))
        for (run, state), name in zip(under_way, names, strict=True)
    ]
    with Notifying(notifier) as notify, Signals(display, items) as signals:
        signals.runs = runs
        if hung_up:
            signals.hung_up = True
            keep_logs([(each.run, each.display) for each in shown])
            display.switch_to(Display())
        for path, state in ended:
            display.result(state, path)
        if runs and keep_training:
            display.notice(f"training continues here: {', '.join(names)}; Ctrl+C saves and stops")
            display.notice(f"dashboard, in another terminal: {_attach_line(runs)}")
            for run in runs:
                run.resume()
        elif runs:
            display.notice(f"saving {', '.join(names)} …")
        _show_until_ended(shown, items, display, signals, notify, debug=debug)
        print_comparison([*(state for _, state in ended), *(each.state for each in shown if each.ended)], display)
    return signals.received or first_failure(shown)


def _attach_line(runs: Sequence[Run]) -> str:
    """The command that shows runs of this process in the dashboard; of several, any one."""
    folders = [run.folder for run in runs if run.folder is not None]
    name = folders[0].id if len(runs) == len(folders) == 1 else "RUN"
    runs_dir = str(folders[0].path.parent) if folders else DEFAULT_RUNS_DIR
    return shell_line(run_command("attach", name, runs_dir))


def _create_run(
    workspace: Workspace, job: TrainingConfig | RunFolder, queue: SimpleQueue[Item], overrides: Overrides, index: int
) -> Run:
    def listen(message: Message) -> None:
        queue.put((run, message))

    if isinstance(job, TrainingConfig):
        run = workspace.new_run(job, listen, index)
    else:
        run = workspace.resumed_run(job, listen, overrides)
    return run


def _show_until_ended(
    shown: Sequence[ShownRun],
    queue: SimpleQueue[Item],
    notices: Display,
    signals: Signals,
    notify: Notifying,
    *,
    debug: bool,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Show the messages of these runs until the threads of all of them are done."""
    running = {each.run: each for each in shown}
    while running:
        item = queue.get()
        if isinstance(item, str):
            notices.notice(item)
            continue
        if isinstance(item, HungUp):
            if not signals.hung_up:
                signals.hung_up = True
                keep_logs([(each.run, each.display) for each in shown])
            continue
        run, message = item
        each = running[run]
        if isinstance(message, Ended):
            del running[run]
            report_end(each, debug=debug)
        elif isinstance(message, Loading):
            each.display.loading(message)
        else:
            if announce is not None and run.folder is not None:
                signals.hung_up = True
                keep_logs([(run, each.display)], everything=True)
                announce(run.folder.id)
                announce = None
            if run.earlier is not None and each.state.started is None:
                each.continue_from(run.earlier)
            each.state.apply(message)
            each.display.event(message, each.state)
            notify.event(message, each)


def _display(*, as_json: bool, quiet: bool) -> Display:
    if as_json:
        return JsonDisplay(quiet=quiet)
    if quiet:
        return QuietDisplay()
    if output.stream().isatty():
        from cifar_tui.headless.progress import ProgressDisplay

        return ProgressDisplay()
    return PlainDisplay()
