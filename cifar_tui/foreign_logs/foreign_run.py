"""A training that another tool logs, as a run: its events are made of its log while that is read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.config import DEFAULT_HEALTH, HealthOptions
from cifar_tui.errors import InputError
from cifar_tui.events import AnyEvent, Evaluated, Level, Note, RunFinished
from cifar_tui.foreign_logs.formats.csv_log import CsvLog
from cifar_tui.foreign_logs.formats.growing_file import IDLE_SECONDS
from cifar_tui.foreign_logs.formats.json_lines import JsonLinesLog
from cifar_tui.foreign_logs.formats.log_reader import LogReader
from cifar_tui.foreign_logs.formats.tensorboard_log import TensorBoardLog
from cifar_tui.foreign_logs.formats.trainer_state import TrainerStateLog
from cifar_tui.foreign_logs.meaning import Meaning
from cifar_tui.foreign_logs.names import Role
from cifar_tui.foreign_logs.row_events import RowEvents
from cifar_tui.records import Summary
from cifar_tui.state.run_state import RunState

Kind = Literal["csv", "json-lines", "trainer-state", "tensorboard"]
_READERS: dict[Kind, type[CsvLog | JsonLinesLog | TrainerStateLog | TensorBoardLog]] = {
    "csv": CsvLog,
    "json-lines": JsonLinesLog,
    "trainer-state": TrainerStateLog,
    "tensorboard": TensorBoardLog,
}
MOST_AT_ONCE, MOST_LIVE = 4000, 500
"""Values of a series that are shown of a whole log, and of what is written between two looks."""
MAX_REREADS = 3


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """A log that was found.

    Attributes:
        id: A short path that no other one has.
        path: The file, or the folder of its files.
    """

    id: str
    path: Path
    kind: Kind

    @property
    def source(self) -> str:
        """What writes such logs."""
        return _READERS[self.kind].source

    def follow(
        self, choices: Mapping[Role, str], health: HealthOptions = DEFAULT_HEALTH
    ) -> tuple[RunState, ForeignTail]:
        """The state that its log makes so far, and what reads on after that.

        Args:
            choices: What its names stand for, where a person says it.
            health: When its health check warns.

        Raises:
            InputError: It cannot be read.
        """
        state, tail = RunState(), ForeignTail(self, choices, health)
        while (events := tail.read()) or tail.has_more:
            for event in events:
                state.apply(event)
        return state, tail


class ForeignTail:
    """Reads the events of a log as it grows, like the tail of a run's own events."""

    def __init__(self, run: ForeignRun, choices: Mapping[Role, str], health: HealthOptions = DEFAULT_HEALTH) -> None:
        """Read the log from its beginning."""
        self._run = run
        self._health = health
        self._check = HealthCheck(health)
        self._reader: LogReader = _READERS[run.kind](run.path)
        self._meaning = Meaning(choices)
        self._stream = RowEvents(run.id, run.source, self._meaning)
        self._started = False
        self._rereads = 0
        self._missing_reported = False
        self.finished = False
        """Whether the last event was that of a training that has ended."""

    @property
    def has_more(self) -> bool:
        """Whether there is more to read at once, also where the last piece had no events."""
        return self._reader.has_more

    @property
    def epochs(self) -> int:
        """How many epochs there are so far."""
        return self._stream.epochs.count

    @property
    def best(self) -> tuple[int, float] | None:
        """The number and the validation accuracy of the best epoch."""
        return self._stream.epochs.best

    @property
    def test(self) -> Evaluated | None:
        """The last test."""
        return self._stream.test

    def read(self) -> list[AnyEvent]:
        """The events of the next piece of the log in order, and behind each what the health check finds.

        There may be none in a piece, and `has_more` after it.

        Raises:
            InputError: The log cannot be read.
        """
        events = [each for event in self._read() for each in (event, *self._check.apply(event))]
        return events if events or self.has_more else self._look()

    def _look(self) -> list[AnyEvent]:
        """What a log that does not grow says."""
        if not self._started or self.finished or self._stream.bulk:
            return []
        # Its last row has come when it was changed last.
        idle = max(0.0, time.time() - self._reader.modified)
        return [*self._check.look(self._stream.last_t + idle)]

    def _read(self) -> list[AnyEvent]:
        piece = self._reader.read()
        if piece.restarted:
            self._restart()
        events: list[AnyEvent] = []
        if piece.rows is not None and len(piece.rows):
            if self._meaning.learn(piece.rows) and self._started and self._rereads < MAX_REREADS:
                self._rereads += 1
                self._reader.restart()
                self._restart()
                return self._read()
            events += self._preceding()
            most = MOST_AT_ONCE if self._stream.bulk else MOST_LIVE
            events += self._stream.events(piece.rows, most=most, share=piece.share)
        events += [self._note("warning", text) for text in piece.warnings]
        return events if events or self.has_more else self._pause()

    def _restart(self) -> None:
        """Restart the stream: its first event voids all earlier ones."""
        self._meaning.restart()
        self._stream = RowEvents(self._run.id, self._run.source, self._meaning)
        self._check = HealthCheck(self._health)
        self._started = self.finished = False

    def _preceding(self) -> list[AnyEvent]:
        """Events that precede new rows."""
        events: list[AnyEvent] = []
        if not self._started:
            self._started = True
            events += self._stream.start(self._reader.plan)
        elif self.finished:
            self.finished = False
            events.append(self._stream.continuing())
        if text := self._meaning.news():
            events.append(self._note("info", text))
        return events

    def _pause(self) -> list[AnyEvent]:
        """The events of a moment in which there is nothing to read."""
        idle = time.time() - self._reader.modified
        if not self._started or self.finished:
            self.finished = self.finished or idle > IDLE_SECONDS
            return []
        events = self._stream.drained()
        if not self._missing_reported and not self._stream.bulk:
            self._missing_reported = True
            missing = self._meaning.missing()
            events += [
                self._note("warning", f"--column {role}={name}: the log has no {name!r}") for role, name in missing
            ]
        if self._reader.plan.ended or idle > IDLE_SECONDS:
            why = "all its steps are done" if self._reader.plan.ended else "its log no longer grows"
            events += self._stream.ending()
            events.append(self._finished(why))
            self.finished = True
        return events

    def _finished(self, why: str) -> RunFinished:
        epochs, test = self._stream.epochs, self._stream.test
        return RunFinished(
            t=self._stream.t if not self._stream.bulk else 0.0,
            state="finished",
            message=why,
            epochs=epochs.count,
            best_epoch=epochs.best[0] if epochs.best else None,
            best_val_accuracy=epochs.best[1] if epochs.best else None,
            test_loss=test.loss if test else None,
            test_accuracy=test.accuracy if test else None,
            seconds=self._stream.t,
        )

    def _note(self, level: Level, text: str) -> Note:
        return Note(t=self._stream.t, level=level, message=text)


def summary(run: ForeignRun, state: RunState) -> Summary:
    """A log in numbers, as the summary of a run is."""
    best, test = state.best, state.test
    return Summary(
        id=run.id,
        state=state.status if state.started else None,
        message=state.finished.message if state.finished else "",
        epochs=len(state.epochs),
        planned_epochs=state.started.epochs if state.started else None,
        samples=state.samples,
        best_epoch=best.epoch if best else None,
        best_val_accuracy=best.val_accuracy if best else None,
        test_loss=test.loss if test else None,
        test_accuracy=test.accuracy if test else None,
        seconds=state.seconds,
        source=run.source,
        warnings=list(state.warnings),
    )


def unreadable(run: ForeignRun, error: InputError) -> Summary:
    """The summary of a log that cannot be read."""
    return Summary(id=run.id, state="failed", message=str(error), source=run.source)
