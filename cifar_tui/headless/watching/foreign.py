"""Logs of other tools without a dashboard: each run's events in plain lines, or as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cifar_tui.config import HealthOptions
from cifar_tui.errors import InputError
from cifar_tui.events import AnyEvent, RunFinished, to_json
from cifar_tui.foreign_logs.finder import Finder
from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail
from cifar_tui.foreign_logs.names import Role
from cifar_tui.formatting import printable
from cifar_tui.headless.displays import Display, PlainDisplay
from cifar_tui.headless.watching.step_lines import StepLines
from cifar_tui.report.event_lines import ending_line
from cifar_tui.runs.notifications.notification import notification_of
from cifar_tui.runs.notifications.notifier import Notifier
from cifar_tui.state.run_state import RunState
from cifar_tui.system import output

LOOK_SECONDS = 0.2
FIND_SECONDS = 2.0
"""How often new runs are looked for."""


@dataclass(slots=True)
class _Watched:
    run: ForeignRun
    tail: ForeignTail
    state: RunState = field(default_factory=RunState)
    problem: str = ""
    steps: StepLines = field(init=False)

    def __post_init__(self) -> None:
        self.steps = StepLines(self.run.id)

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.tail.finished or bool(self.problem)


def watch(
    paths: Sequence[str], choices: Mapping[Role, str], *, as_json: bool, health: HealthOptions, notifier: Notifier
) -> int:
    """Print what the logs under these paths say, and what is added, until none of them has grown for a while.

    Args:
        paths: Files, folders and patterns.
        choices: What names in the logs stand for, where a person says it.
        as_json: Whether to print the events as they are, each with the id of its `run`.
        health: When the health check warns.
        notifier: Sends how they end, and what that finds from now on.

    Returns:
        The exit status: 1 where none of the logs could be read.

    Raises:
        InputError: There are no logs.
    """
    watched: dict[Path, _Watched] = {}
    finder, next_find = Finder(paths), 0.0
    is_news = False
    while True:
        if time.monotonic() >= next_find:
            for run in finder.find():
                if run.path not in watched:
                    watched[run.path] = _Watched(run, ForeignTail(run, choices, health))
            next_find = time.monotonic() + FIND_SECONDS
        if not watched:
            raise InputError(f"no logs of a training in {', '.join(map(printable, paths))}")
        for each in watched.values():
            _read(each, notifier if is_news else None, as_json=as_json, several=len(watched) > 1)
        is_news = True
        if all(each.ended for each in watched.values()):
            notifier.close()
            return int(all(each.problem for each in watched.values()))
        time.sleep(LOOK_SECONDS)


def _read(each: _Watched, notifier: Notifier | None, *, as_json: bool, several: bool) -> None:
    """Print what is new of a run."""
    display = PlainDisplay(each.run.id if several else "")
    try:
        while (events := each.tail.read()) or each.tail.has_more:
            for event in events:
                each.state.apply(event)
                if as_json:
                    _print_json(event, each)
                else:
                    _print_plain(event, each, display)
                if notifier is not None and (notification := notification_of(event, each.run.id)):
                    notifier.send(notification, display.notice)
    except InputError as error:
        if each.problem != str(error):
            each.problem = str(error)
            Display().notice(str(error))
    else:
        each.problem = ""
        if not as_json:
            each.steps.show(each.state, display)


def _print_json(event: AnyEvent, each: _Watched) -> None:
    output.line(f'{{"run":{json.dumps(each.run.id)},{to_json(event)[1:]}')


def _print_plain(event: AnyEvent, each: _Watched, display: PlainDisplay) -> None:
    if isinstance(event, RunFinished):
        each.steps.show(each.state, display)
        display.print(f"{printable(each.run.id)}: {ending_line(event)}")
    else:
        display.event(event, each.state)
