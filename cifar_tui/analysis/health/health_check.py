"""The health check of one run: all checks over its events, and what they find as events of the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cifar_tui.analysis.health.divergence import GradientNorms, LossSpikes, NotFinite, RisingLoss
from cifar_tui.analysis.health.finding import Check, Finding
from cifar_tui.analysis.health.generalization import Overfitting, Plateau
from cifar_tui.analysis.health.hardware import Hardware
from cifar_tui.analysis.health.pace import Stall, Throughput
from cifar_tui.config import DEFAULT_HEALTH, TOPICS, HealthOptions
from cifar_tui.events import AnyEvent, Epoch, Level, Note, Resumed, RunStarted
from cifar_tui.state.run_state import RunState

LEAST_GAPS = 3
"""Times between two batches of a log, before it is known what is long."""


COVERED_BY = {
    "diverging": {"not-finite", "loss-spike"},
    "loss-spike": {"not-finite", "diverging"},
    "gradient-norm": {"not-finite", "diverging"},
    "overfitting": {"not-finite", "loss-spike", "diverging"},
    "plateau": {"not-finite", "loss-spike", "diverging", "overfitting"},
}
"""What is not reported as long as one of the others is not over, from which it follows."""


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
        self._throughput = Throughput(options.throughput_drop)
        self._checks: tuple[Check, ...] = (
            NotFinite(),
            self._spikes,
            RisingLoss(),
            GradientNorms(),
            Plateau(options.plateau_epochs, patience),
            Overfitting(),
            self._stall,
            self._throughput,
            Hardware(options),
        )
        self._current: set[str] = set()
        self._covered: dict[str, Finding] = {}
        """What has begun and is not over, but was not reported as something else covers it, by topic."""
        self._left: list[str] = []
        """Topics that an earlier process has reported, and whose end this one would not see."""

    def resume(self, state: RunState) -> None:
        """Know what an earlier process of the run has seen: what its epochs show is not reported again.

        What else it had found, in batches or of its machine, is over with the `Resumed` that follows.
        """
        if state.started is None:
            return
        self.apply(state.started)
        found: dict[str, Finding] = {}
        for event in state.epochs:
            for finding in self._replayed(event):
                found.pop(finding.topic, None)
                if not finding.over:
                    found[finding.topic] = finding
        self._spikes.set_initial([point.mean for point in state.batch_loss.points])
        self._current = set(state.warnings)
        self._covered = {
            topic: each
            for topic, each in found.items()
            if topic not in self._current and self._options.watches(topic) and self._is_covered(topic)
        }
        self._left = [topic for topic in TOPICS if topic in self._current and topic not in found]

    def _replayed(self, event: Epoch) -> Iterator[Finding]:
        """What an epoch of an earlier process shows; its speed may have been that of another device."""
        for check in self._checks:
            if check is not self._throughput:
                yield from check.apply(event)

    def apply(self, event: AnyEvent) -> list[Note]:
        """What the run's next event shows for the first time."""
        if isinstance(event, Note):
            return []
        if isinstance(event, RunStarted):
            self._current.clear()
            self._covered.clear()
            self._left.clear()
        findings = [finding for check in self._checks for finding in check.apply(event)]
        if isinstance(event, Resumed):
            left, self._left = self._left, []
            findings += [Finding(topic, "the run was resumed, and is checked again", over=True) for topic in left]
        return list(self._notes(event.t, findings))

    def look(self, t: float) -> list[Note]:
        """What it says that so much time has passed, where no event says it.

        Args:
            t: Seconds since the run began, by the clock of who reads the stream.
        """
        # Of rows that were there before the reading began, nobody may say when they were written.
        return list(self._notes(t, self._stall.look(t))) if self._stall.gaps >= LEAST_GAPS else []

    def _notes(self, t: float, findings: Iterable[Finding]) -> Iterator[Note]:
        for each in findings:
            if each.over:
                self._covered.pop(each.topic, None)
            is_current = each.topic in self._current
            if each.over != is_current or not self._options.watches(each.topic):
                continue
            if not each.over and self._is_covered(each.topic):
                self._covered[each.topic] = each
                continue
            yield self._change(t, each)
        # In the order of what covers what.
        for topic in COVERED_BY:
            if topic in self._covered and not self._is_covered(topic):
                yield self._change(t, self._covered.pop(topic))

    def _change(self, t: float, finding: Finding) -> Note:
        self._current ^= {finding.topic}
        level: Level = "info" if finding.over else "warning"
        return Note(t=t, level=level, message=finding.message, topic=finding.topic)

    def _is_covered(self, topic: str) -> bool:
        return not self._current.isdisjoint(COVERED_BY.get(topic, ()))
