"""The dashboard from its first paint to the terminal as it was, and what is left to do then."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from cifar_tui.config import TrainingConfig
from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.prints import Prints

if TYPE_CHECKING:
    from cifar_tui.session import Message, Run, Session
    from cifar_tui.state import RunState


NICENESS = 5
"""Of the training's threads: where they take all cores, an answer to a key does not have to wait for its turn."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left when the screen is gone."""

    under_way: list[tuple[Run, RunState]]
    """Runs whose threads are alive, and what their messages came to so far."""
    going_on: bool
    """Whether those are to go on; if not, they were asked to save and end."""
    messages: SimpleQueue[tuple[Run, Message]]
    """What they say from there on."""
    ended: list[tuple[Path, RunState]]
    """The folders and states of the runs of this session that have ended."""
    exit_status: int
    """By those that have ended, and by the signal or the error that ended the dashboard."""
    failure: BaseException | None
    """An error of the dashboard itself."""
    traceback: str


def run(runs_dir: Path, configs: Sequence[TrainingConfig], *, start: bool, theme: str, ascii_only: bool) -> Left:
    """Show the dashboard until it is left, on the terminal that standard output is.

    Args:
        runs_dir: The folder of all runs.
        configs: What to have ready for training.
        start: Whether to start those at once.
        theme: `dark`, `light`, or `auto`, which goes by the environment's `COLORFGBG`.
        ascii_only: Whether to draw in ASCII alone.
    """

    def session() -> Session:
        from cifar_tui.session import Session

        return Session(runs_dir, niceness=NICENESS)

    light = theme == "light" or (theme == "auto" and _light_background(os.environ.get("COLORFGBG", "")))
    app: Dashboard | None = None
    with Prints(lambda text: app.printed(text) if app is not None else None):
        app = Dashboard(runs_dir, configs, session, start=start, light=light, ascii_only=ascii_only)
        app.run()
    if app.failure is not None:
        for entry in app.roster.under_way:
            app.roster.stop(entry, why="interrupted by an error of the dashboard", interrupted=True)
    under_way = [(entry.run, entry.state) for entry in app.roster.under_way if entry.run and entry.state]
    ended = [e for e in app.roster.begun if not e.under_way]
    status = next((entry.exit_status for entry in ended if entry.exit_status), 0)
    return Left(
        under_way=under_way,
        going_on=app.go_on_headless,
        messages=app.inbox.queue,
        ended=[(entry.folder.path, entry.state) for entry in ended if entry.folder and entry.state],
        exit_status=128 + app.signal if app.signal else status or (1 if app.failure or app.return_code else 0),
        failure=app.failure,
        traceback=app.failure_traceback,
    )


def _light_background(colours: str) -> bool:
    """Whether `COLORFGBG`, which some terminals set, says that the background is light: `0;15`."""
    background = colours.rpartition(";")[2]
    return background.isdigit() and (int(background) == 7 or 9 <= int(background) <= 15)
