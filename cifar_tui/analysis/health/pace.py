"""How a training proceeds: no progress for long, and a speed that has fallen for good."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cifar_tui.analysis.health.finding import Finding
from cifar_tui.analysis.health.window import Window, is_usable
from cifar_tui.events import (
    AnyEvent,
    Batch,
    Checkpoint,
    DeviceUsage,
    Epoch,
    Evaluated,
    Metric,
    Paused,
    Resumed,
    RunFinished,
    RunStarted,
    Unit,
)
from cifar_tui.formatting import duration, percent, rate

PROGRESS = (Batch, Epoch, Evaluated, Metric, Checkpoint)
SUSPENDED_SECONDS = 30.0
"""Without a sample of the devices, which comes every two seconds: the whole process stood still."""
TIMES_USUAL = 10.0
FORGETTING = 0.999
"""What of the longest time between two batches is kept at each one."""
FIRST_EPOCH_SECONDS = 1800.0
"""The most that the first validation, or what comes before the first batch, may take beyond the least time."""
BEFORE_FIRST_BATCH = 5.0
"""How many times the least time may pass before the first batch: models are compiled, data sets indexed."""


class Stall:
    """No batch for much longer than usual.

    Time passes with the events that come every few seconds of the devices, whatever the training does; who reads a
    stream without them calls `look`. While the whole process is suspended, none passes: `Silence` sees that.
    """

    def __init__(self, stall_seconds: float) -> None:
        self._least = stall_seconds
        self._last: float | None = None
        """The last sign of progress; None while nothing is expected."""
        self._sampled: float | None = None
        """When the devices were sampled; None before."""
        self.gaps = 0
        """How many times between signs of progress are known."""
        self._longest = 0.0
        self._raised = False
        self._started = 0.0
        self._batches = self._epochs = 0

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow signs of progress, and the time."""
        self._pass_over_suspension(event)
        match event:
            case RunStarted():
                self._last, self._longest, self._raised = event.t, 0.0, False
                self._started, self._batches, self._epochs, self.gaps = event.t, 0, 0, 0
                self._sampled = None
            case Paused() | RunFinished():
                self._last = None
            case Resumed():
                self._last = event.t
            case DeviceUsage():
                return self.look(event.t)
            case _ if isinstance(event, PROGRESS):
                return self._progress(event)
            case _:
                pass
        return []

    def _pass_over_suspension(self, event: AnyEvent) -> None:
        if self._sampled is not None and event.t - self._sampled > SUSPENDED_SECONDS:
            if self._last is not None:
                self._last = min(event.t, self._last + event.t - self._sampled)
            self._sampled = event.t
        elif isinstance(event, DeviceUsage):
            # Those of other processes come later than they were measured.
            self._sampled = max(self._sampled or 0.0, event.t)

    def look(self, t: float) -> list[Finding]:
        """What the run's time alone says."""
        if self._last is None or self._raised or t - self._last <= self._limit:
            return []
        self._raised = True
        usual = f", {duration(self._longest)} at most before" if self._longest else ""
        message = f"no progress: no batch for {duration(t - self._last)}{usual}"
        cure = "look for a worker, a disk or a process that hangs (py-spy dump shows where)"
        return [Finding("no-progress", f"{message}; {cure}")]

    @property
    def _limit(self) -> float:
        assert self._last is not None
        if not self._batches:
            return BEFORE_FIRST_BATCH * self._least
        if not self._epochs:
            # The first validation may take about as long as the training before it.
            return max(self._least, TIMES_USUAL * self._longest, min(self._last - self._started, FIRST_EPOCH_SECONDS))
        return max(self._least, TIMES_USUAL * self._longest)

    def _progress(self, event: AnyEvent) -> list[Finding]:
        self._batches += isinstance(event, Batch | Metric)
        self._epochs += isinstance(event, Epoch)
        before, self._last = self._last, event.t
        gap = event.t - before if before is not None else 0.0
        if not self._raised:
            if self._batches > 1:
                self.gaps += gap > 0
                self._longest = max(gap, self._longest * FORGETTING)
            return []
        self._raised = False
        return [Finding("no-progress", f"the training continues, after {duration(gap)}", over=True)]


SLOT_SECONDS = 10.0
"""Speeds are medians over so long: single batches vary."""
USUAL_SLOTS, LEAST_SLOTS = 90, 6
"""The slots whose median is the usual speed, at most and at least."""
WARM_UP_SLOTS = 1
LAST_SLOTS = 6
"""All the last ones are slow, where a speed has fallen for good."""
USUAL_EPOCHS = 4
"""Epochs in place of slots, where nobody says how fast the batches are."""


class Throughput:
    """A training speed that is far below its own median, and stays there."""

    def __init__(self, drop: float) -> None:
        self._drop = drop
        self._start("images")

    def _start(self, unit: Unit) -> None:
        self._unit: Unit = unit
        self._slot: list[float] = []
        self._slot_began = math.nan
        self._slots = 0
        self._usual = Window(USUAL_SLOTS)
        self._last: list[float] = []
        self._before = math.nan
        """The usual speed when it fell; NaN while it has not."""
        self._by_batch = False

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow the speeds of batches; of epochs, where those are not known."""
        match event:
            case RunStarted():
                self._start(event.unit)
            case Paused() | Resumed():
                self._slot.clear()
            case Batch() if is_usable(event.images_per_second) and event.images_per_second > 0:
                self._by_batch = True
                return self._add_batch(event)
            case Epoch() if not self._by_batch and is_usable(event.images_per_second) and event.images_per_second > 0:
                return self._add(event.images_per_second, USUAL_EPOCHS, 2)
            case _:
                pass
        return []

    def _add_batch(self, event: Batch) -> list[Finding]:
        found: list[Finding] = []
        if self._slot and event.t - self._slot_began >= SLOT_SECONDS:
            self._slots += 1
            if self._slots > WARM_UP_SLOTS:
                found = self._add(sorted(self._slot)[len(self._slot) // 2], LEAST_SLOTS, LAST_SLOTS)
            self._slot.clear()
        if not self._slot:
            self._slot_began = event.t
        if len(self._slot) < 1000:
            self._slot.append(event.images_per_second)
        return found

    def _add(self, speed: float, least: int, last: int) -> list[Finding]:
        self._last = [*self._last[-(last - 1) :], speed]
        if math.isfinite(self._before):
            if min(self._last) < (1 - self._drop / 2) * self._before:
                return []
            self._before = math.nan
            return [Finding("throughput", f"the speed is back: {rate(speed, self._unit)}", over=True)]
        if len(self._usual) >= least and len(self._last) == last:
            usual = self._usual.median
            if max(self._last) < (1 - self._drop) * usual:
                self._before = usual
                return [Finding("throughput", self._message(self._last, usual))]
        if len(self._last) == last:
            self._usual.append(self._last[0])
        return []

    def _message(self, last: Sequence[float], usual: float) -> str:
        now = sorted(last)[len(last) // 2]
        return (
            f"throughput: {rate(now, self._unit)}, {percent(1 - now / usual)} below its median of "
            f"{rate(usual, self._unit)}; other programs on this machine, a hot GPU or a slow disk are usual causes"
        )
