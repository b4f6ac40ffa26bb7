"""The two times of a run: since it started, and spent on it."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """A run's times, in seconds, on the monotonic clock: no change of the system's time touches them.

    `t` counts everything but the time in which no process ran the run; `active` leaves out pauses too.
    """

    def __init__(self, t: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        """Start at `t` seconds since the run began."""
        self._now = now
        self._start = t
        self.start()

    def start(self) -> None:
        """Restart at the initial `t`: what went before was preparation."""
        self._t_zero = self._now() - self._start
        self._active_zero = self._now()
        self._paused_at: float | None = None

    @property
    def t(self) -> float:
        """Seconds since the run began."""
        return self._now() - self._t_zero

    @property
    def active(self) -> float:
        """Seconds spent on the run, without pauses."""
        return (self._now() if self._paused_at is None else self._paused_at) - self._active_zero

    @active.setter
    def active(self, seconds: float) -> None:
        self._active_zero = self._now() - seconds

    def pause(self) -> None:
        """Stop counting active time."""
        self._paused_at = self._now()

    def resume(self) -> None:
        """Count active time again."""
        if self._paused_at is not None:
            self._active_zero += self._now() - self._paused_at
            self._paused_at = None
