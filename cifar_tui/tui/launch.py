"""Runs the dashboard, and reports what is left to do when it is left."""

from __future__ import annotations

import errno
import os
import signal
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions, TrainingConfig
from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.reading import WatchedLogs
from cifar_tui.tui.runtime.output_capture import OutputCapture
from cifar_tui.tui.runtime.signals import Signals

if TYPE_CHECKING:
    from cifar_tui.records import Overrides
    from cifar_tui.runs.messages import Message
    from cifar_tui.runs.notifications.notifier import Notifier
    from cifar_tui.runs.run import Run
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.state.run_state import RunState


NICENESS = 5
"""Of the training's threads: where they take all cores, the effect of a key does not have to wait for its turn."""


@dataclass(frozen=True, slots=True)
class ExitReport:
    """What the dashboard leaves to whoever has started it."""

    active: list[tuple[Run, RunState]]
    """Runs whose threads are alive, and the fold of their events so far."""
    keep_training: bool
    """Whether those are to train on; if not, they were asked to save and end."""
    messages: SimpleQueue[tuple[Run, Message]]
    """Their messages from there on."""
    ended: list[tuple[Path, RunState]]
    """The folders and states of the runs that this process trained and that have ended."""
    errors: list[str]
    """Why some of them failed, in a line each."""
    exit_status: int
    """By those that have ended, and by the error that ended the dashboard."""
    hung_up: bool
    """Whether the terminal is gone."""
    signals: Signals
    """They are handled until someone else does."""
    failure: BaseException | None
    """An error of the dashboard itself."""
    traceback: str


def run(
    runs_dir: Path,
    configs: Sequence[TrainingConfig],
    *,
    start: bool,
    theme: str,
    ascii_only: bool,
    graphics: str,
    tensorboard: bool,
    select: str,
    resume: Overrides | None = None,
    logs: WatchedLogs | None = None,
    health: HealthOptions = DEFAULT_HEALTH,
    notifier: Notifier | None = None,
    bell: str = "never",
) -> ExitReport:
    """Show the dashboard until it is left, on the terminal that standard output is.

    Args:
        runs_dir: The folder of all runs.
        configs: What to have ready for training.
        start: Whether to start those at once.
        theme: The name of a theme, or `auto`: the one that was chosen last, or else by the environment's `COLORFGBG`.
        ascii_only: Whether to draw in ASCII alone.
        graphics: How images are drawn: in `blocks`, by the graphics of `kitty`, or as it is found out, `auto`.
        tensorboard: Whether the runs' events are mirrored for TensorBoard.
        select: The id of the run to show first; empty where it does not matter.
        resume: Resume that run, with these options in place of its own.
        logs: Logs of other tools, shown first.
        health: When the health check of runs warns.
        notifier: Sends how runs end, and what that finds.
        bell: When the terminal is to draw attention to the same: `auto`, `always` or `never`.
    """
    making = threading.Lock()
    made: list[Workspace] = []

    def workspace() -> Workspace:
        from cifar_tui.runs.workspace import Workspace

        with making:
            made[:] = made or [Workspace(runs_dir, niceness=NICENESS, tensorboard=tensorboard, health=health)]
        return made[0]

    signals = Signals()
    signals.install()
    output = OutputCapture(lambda text: app.print_to_log(text))
    app = Dashboard(
        runs_dir,
        configs,
        workspace,
        start=start,
        theme="" if theme == "auto" else theme,
        light=_light_background(os.environ.get("COLORFGBG", "")),
        # The font of Linux's own console has neither the dots of curves nor heavy lines.
        ascii_only=ascii_only or os.environ.get("TERM") == "linux",
        graphics=graphics,
        select=select,
        resume=resume,
        logs=logs,
        output=output,
        health=health,
        notifier=notifier,
        bell=bell,
    )
    signals.handle_by(app.end_by_signal, app.checkpoint_runs)
    with output:
        try:
            app.run()
        except Exception as error:  # noqa: BLE001  (a terminal that is gone cannot be restored; the runs are still to be saved)
            app.failure, app.failure_traceback = app.failure or error, traceback.format_exc().rstrip()
    # A terminal that is gone fails in whatever writes to it next, also before the signal that reports it comes.
    hung_up = signals.received == signal.SIGHUP or (
        isinstance(app.failure, OSError) and app.failure.errno == errno.EIO and not signals.received
    )
    if app.failure is not None and not signals.received and not hung_up:
        app.stop_runs("interrupted by an error of the dashboard", interrupted=True)
    ended = [entry for entry in app.runs.started if not entry.active]
    status = next((entry.exit_status for entry in ended if entry.exit_status), 0)
    return ExitReport(
        active=[(entry.run, _state_of(entry)) for entry in app.runs.active if entry.run is not None],
        keep_training=app.continue_headless or hung_up,
        hung_up=hung_up,
        messages=app.inbox.queue,
        ended=[(entry.folder.path, entry.state) for entry in ended if entry.folder and entry.state],
        errors=[f"{entry.full_name}: {entry.error}" for entry in ended if entry.error],
        exit_status=status or (1 if not hung_up and (app.failure or app.return_code) else 0),
        signals=signals,
        failure=None if hung_up else app.failure,
        traceback=app.failure_traceback,
    )


def _state_of(entry: Entry) -> RunState:
    """The fold of a run's events so far; without how it ended before it was resumed."""
    from cifar_tui.state.run_state import RunState

    state = entry.state or RunState()
    return state if entry.loading is None else replace(state, finished=None, status="running")


def _light_background(colours: str) -> bool:
    """Whether `COLORFGBG`, which some terminals set, names a light background: `0;15`."""
    background = colours.rpartition(";")[2]
    return background.isdigit() and (int(background) == 7 or 9 <= int(background) <= 15)
