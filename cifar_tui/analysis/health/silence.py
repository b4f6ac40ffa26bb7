"""A process that writes nothing any more though it holds its run: only who reads the stream can tell."""

from __future__ import annotations

from collections.abc import Sequence

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions
from cifar_tui.events import AnyEvent, DeviceUsage, Note
from cifar_tui.formatting import duration

TOPIC = "no-progress"


class Silence:
    """The time since a run's last event, by the clock of who reads it as it grows.

    A run says every few seconds what its devices do, also while it is paused or validates. One that no longer does is
    suspended, or hangs as a whole, so that its own health check says nothing either.
    """

    def __init__(self, options: HealthOptions = DEFAULT_HEALTH) -> None:
        self._seconds = options.stall_seconds
        self._watches = options.watches(TOPIC)
        self._last: float | None = None
        """When its last event was read; None before one of its devices was."""
        self._t = 0.0
        self._reported = False

    def look(self, now: float, events: Sequence[AnyEvent], *, alive: bool) -> list[Note]:
        """What there is to report after these new events.

        Args:
            now: A monotonic clock of the reader's, in seconds.
            events: What was read since the last look.
            alive: Whether a process holds the run.
        """
        if events:
            before, reported = self._last, self._reported
            self._t = max(self._t, *(event.t for event in events))
            if before is not None or any(isinstance(event, DeviceUsage) for event in events):
                self._last, self._reported = now, False
            if reported and before is not None:
                message = f"its process writes again, after {duration(now - before)}"
                return [Note(t=self._t, level="info", message=message, topic=TOPIC)]
            return []
        if self._last is None or self._reported or not (alive and self._watches) or now - self._last <= self._seconds:
            return []
        self._reported = True
        message = (
            f"no progress: its process has written nothing for {duration(now - self._last)}, not even of its devices; "
            "see whether it is suspended, or waits for a disk or a network"
        )
        return [Note(t=self._t + now - self._last, level="warning", message=message, topic=TOPIC)]
