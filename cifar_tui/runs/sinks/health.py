"""The health check of a run of this process: a sink that gives notes of what it has found."""

from __future__ import annotations

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.config import HealthOptions
from cifar_tui.errors import one_line
from cifar_tui.events import AnyEvent, Note
from cifar_tui.state.run_state import RunState


class HealthSink:
    """Checks every event of a run; what it finds follows the event in the stream."""

    def __init__(self, options: HealthOptions, patience: int | None, state: RunState) -> None:
        """Begin, or continue where an earlier process of the run has ended.

        Args:
            options: When to warn.
            patience: Epochs without a better validation before early stopping; None where that is not known.
            state: What the run's events amount to so far.
        """
        self._check: HealthCheck | None = HealthCheck(options, patience)
        self._check.resume(state)
        self._found: list[Note] = []

    def record(self, event: AnyEvent) -> None:
        """Check the event; whatever is wrong with the check, the training goes on."""
        if self._check is None:
            return
        try:
            self._found += self._check.apply(event)
        except Exception as error:  # noqa: BLE001
            self._check = None
            message = f"the health check has failed, and checks no more: {one_line(error)}"
            self._found.append(Note(t=event.t, level="warning", message=message))

    def trouble(self, t: float) -> list[Note]:  # noqa: ARG002
        """What has been found since the last call."""
        found, self._found = self._found, []
        return found
