"""All logs under some paths, with what each comes to: for a table of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions
from cifar_tui.errors import InputError
from cifar_tui.foreign_logs.finder import find_runs
from cifar_tui.foreign_logs.foreign_run import IDLE_SECONDS, ForeignRun, ForeignTail, summary, unreadable
from cifar_tui.foreign_logs.names import Role
from cifar_tui.records import Summary
from cifar_tui.state.curve import Curve
from cifar_tui.state.run_state import RunState

READ_SECONDS = 0.3
"""The most time of a poll that logs are read for; the others have their turn at the next one."""


@dataclass(slots=True)
class _Known:
    run: ForeignRun
    tail: ForeignTail
    told: Summary
    state: RunState = field(default_factory=RunState)


class LogCatalog:
    """Polls the logs under some paths; of each, it keeps no more in memory than its summary takes."""

    def __init__(
        self, paths: Sequence[str], choices: Mapping[Role, str], health: HealthOptions = DEFAULT_HEALTH
    ) -> None:
        """Know none yet.

        Args:
            paths: Files, folders and patterns.
            choices: What names in the logs stand for, where a person says it.
            health: When their health check warns.
        """
        self._paths, self._choices, self._health = paths, choices, health
        self._known: dict[str, _Known] = {}
        self._next = 0

    def poll(self) -> list[tuple[ForeignRun, Summary]]:
        """The logs whose summaries have changed since the last poll; the first one finds all, and reads none."""
        new = [run for run in find_runs(self._paths) if run.id not in self._known]
        for run in new:
            self._known[run.id] = _Known(run, ForeignTail(run, self._choices, self._health), _unread(run))
        if new:
            return [(run, self._known[run.id].told) for run in new]
        return self._read()

    def _read(self) -> list[tuple[ForeignRun, Summary]]:
        changed = []
        until, every = time.monotonic() + READ_SECONDS, list(self._known.values())
        for number in range(len(every)):
            each = every[(self._next + number) % len(every)]
            if time.monotonic() > until:
                self._next = (self._next + number) % len(every)
                break
            found = _summary(each, until)
            if found != each.told:
                each.told = found
                changed.append((each.run, found))
        return changed


def _summary(each: _Known, until: float) -> Summary:
    """What a log comes to, as far as it can be read until then."""
    try:
        while events := each.tail.read():
            for event in events:
                each.state.apply(event)
            # What is drawn is read again where it is shown.
            each.state.metrics.clear()
            each.state.batch_loss, each.state.batch_accuracy = Curve(), Curve()
            if time.monotonic() > until:
                break
    except InputError as error:
        return unreadable(each.run, error)
    if each.state.started is None:
        return replace(each.told, state="finished" if each.tail.finished else each.told.state)
    return summary(each.run, each.state)


def _unread(run: ForeignRun) -> Summary:
    """What is known of a log before it is read."""
    try:
        idle = time.time() - run.path.stat().st_mtime
    except OSError:
        idle = 0.0
    return Summary(id=run.id, state="finished" if idle > IDLE_SECONDS else "running", source=run.source)
