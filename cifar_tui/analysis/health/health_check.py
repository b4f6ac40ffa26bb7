"""The health check of one run: all checks over its events, and what they find as events of the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cifar_tui.analysis.health.divergence import GradientNorms, LossSpikes, NotFinite, RisingLoss
from cifar_tui.analysis.health.finding import Check, Finding
from cifar_tui.analysis.health.generalization import Overfitting, Plateau
from cifar_tui.analysis.health.hardware import Hardware
from cifar_tui.analysis.health.pace import Stall, Throughput
from cifar_tui.config import DEFAULT_HEALTH, TOPICS, HealthOptions
from cifar_tui.events import AnyEvent, Note, RunStarted
from cifar_tui.state.run_state import RunState

LEAST_GAPS = 3
"""Times between two batches of a log, before it is known what is long."""


COVERED_BY = {
    "diverging": {"loss-spike"},
    "overfitting": {"not-finite", "loss-spike", "diverging"},
    "plateau": {"not-finite", "loss-spike", "diverging", "overfitting"},
}
"""What need not be told as well, as long as one of the others is not over: it follows from that."""


class HealthCheck:
    """Reads a run's events in order, and gives a note where something begins to go wrong, and one where it is over.

    Its only clock is the events' `t`. Memory is bounded, and an event takes a few microseconds.
    """

    def __init__(self, options: HealthOptions = DEFAULT_HEALTH, patience: int | None = None) -> None:
        """Know nothing of the run yet.

        Args:
            options: When to warn.
            patience: Epochs without a better validation before early stopping; None where that is not known.
        """
        self._options = options
        self._stall = Stall(options.stall_seconds)
        self._spikes = LossSpikes(options.spike_deviations)
        self._checks: tuple[Check, ...] = (
            NotFinite(),
            self._spikes,
            RisingLoss(),
            GradientNorms(),
            Plateau(options.plateau_epochs, patience),
            Overfitting(),
            self._stall,
            Throughput(options.throughput_drop),
            Hardware(options),
        )
        self._current: set[str] = set()

    @property
    def is_off(self) -> bool:
        """Whether there is nothing to look for."""
        return not any(map(self._options.watches, TOPICS))

    def resume(self, state: RunState) -> None:
        """Know what an earlier process of the run has seen: what was found there is not told again."""
        if state.started is None:
            return
        self.apply(state.started)
        for event in state.epochs:
            self.apply(event)
        self._spikes.set_initial([point.mean for point in state.batch_loss.points])
        self._current = set(state.warnings)

    def apply(self, event: AnyEvent) -> list[Note]:
        """What the run's next event shows for the first time."""
        if isinstance(event, Note):
            return []
        if isinstance(event, RunStarted):
            self._current.clear()
        return list(self._notes(event.t, (finding for check in self._checks for finding in check.apply(event))))

    def look(self, t: float) -> list[Note]:
        """What it says that so much time has passed, where no event says it.

        Args:
            t: Seconds since the run began, by the clock of who reads the stream.
        """
        # Of rows that were there before the reading began, nobody may say when they were written.
        return list(self._notes(t, self._stall.look(t))) if self._stall.gaps >= LEAST_GAPS else []

    def _notes(self, t: float, findings: Iterable[Finding]) -> Iterator[Note]:
        for each in findings:
            is_current = each.topic in self._current
            if each.over != is_current or not self._options.watches(each.topic):
                continue
            if not each.over and not self._current.isdisjoint(COVERED_BY.get(each.topic, ())):
                continue
            self._current ^= {each.topic}
            yield Note(t=t, level="info" if each.over else "warning", message=each.message, topic=each.topic)
