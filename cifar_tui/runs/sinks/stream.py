"""The event stream of a run and its sinks: the run folder, the listener, TensorBoard."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from cifar_tui.events import AnyEvent, Checkpoint, Level, Note
from cifar_tui.runs.messages import Listener
from cifar_tui.runs.ownership import Ownership
from cifar_tui.store.recorder import Recorder

if TYPE_CHECKING:
    from cifar_tui.training.clock import Clock


class Sink(Protocol):
    """Receives every event of a run, in order, one at a time."""

    def record(self, event: AnyEvent) -> None:
        """Handle the run's next event.

        Raises:
            OSError: The run cannot continue without this sink, which cannot be written.
        """

    def trouble(self, t: float) -> list[Note]:
        """Notes for all sinks, at time `t`, on what this one has to report, as that it cannot be written; each once."""


class ListenerSink:
    """Passes events on to a run's listener."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def record(self, event: AnyEvent) -> None:
        """Pass the event on."""
        self._listener(event)

    def trouble(self, t: float) -> list[Note]:  # noqa: ARG002
        """Nothing: a listener cannot fail."""
        return []


class EventStream:
    """Hands the events of one run to its sinks. Any thread may emit; sinks see one event after the other."""

    def __init__(self, recorder: Recorder, others: Sequence[Sink], ownership: Ownership, clock: Clock) -> None:
        """Join the sinks.

        Args:
            recorder: The first sink, which stops writing once another process owns the run.
            others: Those that follow.
            ownership: Checked before each checkpoint is announced, and whenever it may have been lost.
            clock: The run's, for the times of notes.
        """
        self.recorder = recorder
        self.clock = clock
        self._sinks: tuple[Sink, ...] = (recorder, *others)
        self._ownership = ownership
        self._emitting = threading.Lock()

    def emit(self, event: AnyEvent) -> None:
        """Hand an event to all sinks, and after it what the sinks themselves have to report.

        Raises:
            OSError: The run's folder is gone, or the event is the run's last and the disk is full.
        """
        if isinstance(event, Checkpoint) or self._ownership.is_overdue():
            self._ownership.check()
        with self._emitting:
            if self._ownership.lost:
                self.recorder.abandon()
            # Of two threads, the one whose event is the later one may come first.
            event = replace(event, t=max(event.t, self.recorder.state.t))
            self._hand_out(event)
            for note in [note for sink in self._sinks for note in sink.trouble(event.t)]:
                self._hand_out(note)

    def emit_while_running(self, event: AnyEvent) -> None:
        """Emit an event of another thread than the training's, unless the run has not begun yet, or has ended.

        Raises:
            OSError: As of `emit`.
        """
        state = self.recorder.state
        if state.started is not None and state.finished is None:
            self.emit(event)

    def note(self, level: Level, message: str) -> None:
        """Emit a note, now.

        Raises:
            OSError: As of `emit`.
        """
        self.emit(Note(t=self.clock.t, level=level, message=message))

    def _hand_out(self, event: AnyEvent) -> None:
        for sink in self._sinks:
            sink.record(event)
