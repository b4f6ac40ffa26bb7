"""Requests of other threads to a training thread, which handles them between two batches."""

from __future__ import annotations

import threading
from typing import Protocol

from cifar_tui.events import RunStatus


class StopTraining(Exception):  # noqa: N818  (a request that unwinds the loop, not an error)
    """Unwinds the training thread to where a stop is handled: the run is to end in `state`, for the reason `why`."""

    def __init__(self, state: RunStatus, why: str) -> None:
        super().__init__(why)
        self.state = state
        self.why = why


class LoopControl(Protocol):
    """What the training loop asks, on its thread, between two batches."""

    def synchronize(self) -> None:
        """Take what other processes of the run were asked for; called once behind each batch, before the others."""

    @property
    def stop_requested(self) -> bool:
        """Whether an end was requested."""

    @property
    def pause_requested(self) -> bool:
        """Whether a pause was requested and is not over."""

    def wait_while_paused(self) -> None:
        """Wait for the end of a pause, or until an end is requested."""

    def take_checkpoint_request(self) -> bool:
        """Whether a checkpoint was requested since the last call."""

    def check(self) -> None:
        """Raise if an end was requested.

        Raises:
            StopTraining: The run is to save and end.
            Exception: The error that it was abandoned with.
        """


class Control:
    """Requests to one training thread. Every method may be called from any thread.

    Those with which one requests something never wait. The others are the training thread's, as `LoopControl` has them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stop: tuple[RunStatus, str] | None = None
        self._error: Exception | None = None
        self._paused = False
        self._save = False

    def stop(self, state: RunStatus, why: str) -> None:
        """Request an end: checkpoint, then finish in `state` for the reason `why`. The first request counts."""
        with self._changed:
            self._stop = self._stop or (state, why)
            self._changed.notify_all()

    def abandon(self, error: Exception) -> None:
        """Request an end by this error: nothing more is written, no checkpoint either."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def pause(self) -> None:
        """Request a pause after this batch."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """End a pause, or withdraw the request for one."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def checkpoint(self) -> None:
        """Request a checkpoint after this batch."""
        self._save = True

    def synchronize(self) -> None:
        """Nothing: what is requested of the only process counts at once."""

    def take_checkpoint_request(self) -> bool:
        """As of `LoopControl`."""
        asked, self._save = self._save, False
        return asked

    @property
    def stop_requested(self) -> bool:
        """As of `LoopControl`."""
        return self._stop is not None or self._error is not None

    @property
    def stop_reason(self) -> tuple[RunStatus, str] | None:
        """In which state and why the run is to end; None where that was not requested."""
        return self._stop

    @property
    def pause_requested(self) -> bool:
        """As of `LoopControl`."""
        return self._paused and not self.stop_requested

    def wait_while_paused(self) -> None:
        """As of `LoopControl`."""
        with self._changed:
            self._changed.wait_for(lambda: not self.pause_requested)

    def wait_for_change(self, timeout: float) -> None:
        """Wait until something is requested, `timeout` seconds at most."""
        with self._changed:
            self._changed.wait(timeout)

    def check(self) -> None:
        """As of `LoopControl`; also between two files that are read.

        Raises:
            StopTraining: The run is to save and end.
            Exception: The error that it was abandoned with.
        """
        self.check_abandoned()
        if self._stop:
            raise StopTraining(*self._stop)

    def check_abandoned(self) -> None:
        """Raise the error that the run was abandoned with, if it was.

        Raises:
            Exception: It was.
        """
        if self._error:
            raise self._error
