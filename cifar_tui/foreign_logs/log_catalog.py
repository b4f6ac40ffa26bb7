"""All logs under some paths, with what each comes to: for a table of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions
from cifar_tui.errors import InputError
from cifar_tui.events import AnyEvent, Batch, Epoch, Metric, Note, Resumed, RunFinished, RunStarted
from cifar_tui.foreign_logs.finder import Finder
from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail, unreadable
from cifar_tui.foreign_logs.formats.growing_file import IDLE_SECONDS
from cifar_tui.foreign_logs.names import Role
from cifar_tui.records import Summary
from cifar_tui.state import open_warnings

READ_SECONDS = 0.3
"""The most time of a poll that logs are read for; the others have their turn at the next one."""


@dataclass(slots=True)
class _Known:
    """A log, with what its summary takes of its events, and no more.

    Attributes:
        reported: The last summary that was handed on.
        planned_epochs, samples, t, finished, warnings: As a `RunState` of the events has them.
    """

    run: ForeignRun
    tail: ForeignTail
    reported: Summary
    started: bool = False
    planned_epochs: int | None = None
    samples: int = 0
    t: float = 0.0
    finished: RunFinished | None = None
    warnings: dict[str, Note] = field(default_factory=dict)

    def apply(self, event: AnyEvent) -> None:
        """Update it with the next event."""
        self.t = max(self.t, event.t)
        open_warnings.update(self.warnings, event)
        match event:
            case RunStarted():
                self.started, self.planned_epochs, self.samples, self.finished = True, event.epochs, 0, None
            case Batch() | Epoch():
                self.samples = event.samples
            case Metric():
                self.samples = max(self.samples, event.samples)
            case Resumed():
                self.samples, self.finished = event.samples, None
            case RunFinished():
                self.finished = event

    def summary(self) -> Summary:
        """What the log comes to, as `foreign_run.summary` makes it of a whole state."""
        if not self.started:
            return replace(self.reported, state="finished" if self.tail.finished else self.reported.state)
        best, test = self.tail.best, self.tail.test
        return Summary(
            id=self.run.id,
            state=self.finished.state if self.finished else "running",
            message=self.finished.message if self.finished else "",
            epochs=self.tail.epochs,
            planned_epochs=self.planned_epochs,
            samples=self.samples,
            best_epoch=best[0] if best else None,
            best_val_accuracy=best[1] if best else None,
            test_loss=test.loss if test else None,
            test_accuracy=test.accuracy if test else None,
            seconds=self.t,
            source=self.run.source,
            warnings=list(self.warnings),
        )


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
        self._finder, self._choices, self._health = Finder(paths), choices, health
        self._known: dict[Path, _Known] = {}
        self._next = 0

    def poll(self) -> list[tuple[ForeignRun, Summary]]:
        """The logs whose summaries have changed since the last poll; the first one finds all, and reads none."""
        new = [run for run in self._finder.find() if run.path not in self._known]
        for run in new:
            self._known[run.path] = _Known(run, ForeignTail(run, self._choices, self._health), _unread(run))
        if new:
            return [(run, self._known[run.path].reported) for run in new]
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
            if found != each.reported:
                each.reported = found
                changed.append((each.run, found))
        return changed


def _summary(each: _Known, until: float) -> Summary:
    """What a log comes to, as far as it can be read until then."""
    try:
        while (events := each.tail.read()) or each.tail.has_more:
            for event in events:
                each.apply(event)
            if time.monotonic() > until:
                break
    except InputError as error:
        return unreadable(each.run, error)
    return each.summary()


def _unread(run: ForeignRun) -> Summary:
    """What is known of a log before it is read."""
    try:
        idle = time.time() - run.path.stat().st_mtime
    except OSError:
        idle = 0.0
    return Summary(id=run.id, state="finished" if idle > IDLE_SECONDS else "running", source=run.source)
