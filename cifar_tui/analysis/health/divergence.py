"""Signs that a training is about to diverge, or has: spikes of the loss, growing gradients, NaN and infinity."""

from __future__ import annotations

import math
import re
from collections import deque

from cifar_tui.analysis.health.finding import Alarm, Finding
from cifar_tui.analysis.health.window import Window, is_usable
from cifar_tui.events import AnyEvent, Batch, Epoch, Metric, RunStarted
from cifar_tui.formatting import four_digits

RECENT = 5
"""Batches whose median is the loss now: one bad batch is no spike."""
USUAL, LEAST_USUAL = 128, 20
"""The batches before them that it is compared with, at most and at least."""
INITIAL = 16
"""The first batches, whose median is the loss of a model that has learned nothing."""
LEAST_RATIO, LEAST_RISE = 1.25, 0.1
"""A spike is at least so many times the usual loss, and above it by this share of the initial one: near zero, losses of
small batches vary by much more than their deviation."""
STEADY = 32
"""Batches near the usual loss after which a spike is over: by then, the median of `RISING` batches has fallen too."""
CURE = "a lower peak learning rate, a longer warm-up or clipped gradients help where it does not come back"


class LossSpikes:
    """The loss of the last batches against a running median and its deviation."""

    def __init__(self, deviations: float) -> None:
        self._deviations = deviations
        self._start()

    def _start(self) -> None:
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._usual = Window(USUAL)
        self._first = Window(INITIAL)
        self._alarm = Alarm(STEADY)
        self._batches = 0
        self._before = self._limit = math.inf
        """The usual loss when a spike began, and below what it is over: far below where one would begin again."""

    def set_initial(self, losses: list[float]) -> None:
        """Know the first losses of a run that is resumed."""
        for loss in losses[:INITIAL]:
            self._first.append(loss)

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow the losses of batches."""
        if isinstance(event, RunStarted):
            self._start()
        elif isinstance(event, Batch) and is_usable(event.loss):
            return self._add(event.loss)
        return []

    def _add(self, loss: float) -> list[Finding]:
        self._batches += 1
        if len(self._first) < INITIAL:
            self._first.append(loss)
        if len(self._recent) == RECENT and not self._alarm.raised:
            self._usual.append(self._recent[0])
        self._recent.append(loss)
        if len(self._usual) < LEAST_USUAL:
            return []
        now = sorted(self._recent)[RECENT // 2]
        if self._alarm.raised:
            if self._alarm.update(self._batches, bad=False, good=now < self._limit) != "ends":
                return []
            then = four_digits(self._before)
            message = f"the loss is near what it was before the spike: {four_digits(now)} now, {then} then"
            return [Finding("loss-spike", message, over=True)]
        usual = self._usual.median
        least = max((LEAST_RATIO - 1) * usual, LEAST_RISE * self._first.median)
        if now - usual < least:
            return []
        deviation = self._usual.deviation
        least = max(least, self._deviations * deviation)
        if now - usual < least:
            return []
        self._alarm.raised = True
        self._before, self._limit = usual, usual + 0.5 * least
        how = f", {(now - usual) / deviation:,.0f} deviations above it" if deviation else ""
        message = f"loss spike: {four_digits(now)} over the last {RECENT} batches, {four_digits(usual)} before{how}"
        return [Finding("loss-spike", f"{message}; {CURE}")]


RISING = 48
"""Batches whose median is the loss of a training that may rise slowly."""
ABOVE_CHANCE = 1.25
"""How many times the loss of a model that has learned nothing it is, where it rises."""
ABOVE_LOWEST, LEAST_OF_CHANCE = 1.5, 0.2
"""Or how many times its own lowest, and above that by this share of the loss of such a model."""
ABOVE_NOISE = 2.45
"""And it is above by more than noise explains: this times how far the highest of so many medians is usually from their
mean. Of thousands, the lowest is far below the others by chance."""
LOST_LASTS, RISE_LASTS = 24, 40
"""Batches for which it is above that of such a model, and above its lowest."""
UNTRAINED = 3
"""The first losses, of weights that have hardly changed yet."""
FALLING = 0.9
"""How many times what it was `LOST_LASTS` batches before it is, or less, where it recovers."""
TO_ERROR = 1.2533
"""The standard error of a median of normal values is this, times that of their mean."""


class RisingLoss:
    """A loss that has risen far above its lowest, or above that of a model that has learned nothing.

    Its batches may vary too much for a spike to be seen among them.
    """

    def __init__(self) -> None:
        self._start(None)

    def _start(self, event: RunStarted | None) -> None:
        self._last = Window(RISING)
        self._lowest = math.inf
        self._medians: deque[float] = deque(maxlen=LOST_LASTS)
        self._first = Window(INITIAL)
        self._chance = math.log(len(event.classes)) if event is not None and len(event.classes) > 1 else math.inf
        """The cross-entropy of a model that predicts all classes alike."""
        self._lost, self._rises = Alarm(LOST_LASTS), Alarm(RISE_LASTS)
        self._raised = False
        self._batches = 0

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow the losses of batches."""
        if isinstance(event, RunStarted):
            self._start(event)
        if not isinstance(event, Batch) or not is_usable(event.loss):
            return []
        if len(self._first) < INITIAL:
            self._first.append(event.loss)
        self._last.append(event.loss)
        self._batches += 1
        if self._batches == UNTRAINED and math.isfinite(self._chance):
            # A rate that is far too high shows from the second batch on: what follows is to be compared with the start.
            self._lowest = max(self._chance, self._first.lowest)
        if len(self._last) < RISING:
            return []
        now, nothing_learned, samples = self._last.median, self._chance, RISING
        self._medians.append(now)
        if not math.isfinite(nothing_learned):
            nothing_learned, samples = self._first.median, INITIAL
        self._lowest = min(self._lowest, now)
        rise = now - self._lowest
        if self._raised:
            if now > nothing_learned or 2 * rise > LEAST_OF_CHANCE * nothing_learned:
                return []
            self._raised = False
            self._lost, self._rises = Alarm(LOST_LASTS), Alarm(RISE_LASTS)
            return [Finding("diverging", f"the loss has fallen again: {four_digits(now)}", over=True)]
        lost = now > ABOVE_CHANCE * nothing_learned and now > ABOVE_CHANCE * self._lowest
        rises = now > ABOVE_LOWEST * self._lowest and rise > LEAST_OF_CHANCE * nothing_learned
        if lost or rises:
            independent = max(2.0, self._batches / RISING)
            noise = ABOVE_NOISE * math.sqrt(2 * math.log(independent)) * TO_ERROR * self._last.deviation
            lost = lost and now - nothing_learned > noise / math.sqrt(samples)
            rises = rises and rise > noise / math.sqrt(RISING)
            falls = now < FALLING * self._medians[0]
            lost, rises = lost and not falls, rises and not falls
        lost = self._lost.update(self._batches, bad=self._lowest > 0 and lost, good=False) == "begins"
        rises = self._rises.update(self._batches, bad=self._lowest > 0 and rises, good=False) == "begins"
        if not (lost or rises):
            return []
        self._raised = True
        message = f"diverging: loss {four_digits(now)} over the last {RISING} batches"
        if self._lowest < nothing_learned or not lost:
            message += f", {four_digits(self._lowest)} at its lowest"
        if lost:
            message += f", {four_digits(nothing_learned)} {'at first' if samples == INITIAL else 'by guessing'}"
        return [Finding("diverging", f"{message}; stop it, and start again with a lower learning rate")]


GRADIENT_NORM = re.compile(r"(^|[ _/.-])(grad|gradient|gradients)[ _/.-]?norm([ _/.-]|$)|^total_norm$", re.IGNORECASE)
MEASURED, LEAST_MEASURED = 64, 8
"""Norms that the last ones are compared with, at most and at least."""
LAST = 3
"""Norms that all have grown: one may be chance."""
GROWTH, GROWTH_SINCE_FIRST = 10.0, 2.0
"""How many times their median they are, and how many times what they were at first."""
SERIES = 8
"""Series of one run that are followed."""


class GradientNorms:
    """Norms of gradients that grow to many times what they were, or are infinite or NaN.

    Loss scaling makes single infinite norms at the beginning of a training in half precision: that is normal.
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._usual: dict[str, Window] = {}
        self._recent: dict[str, deque[float]] = {}
        self._initial: dict[str, float] = {}
        self._raised = ""
        """The name of the series that was reported."""
        self._limit = math.inf

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow all metrics of the training that are called a norm of gradients."""
        if isinstance(event, RunStarted):
            self._start()
        if not isinstance(event, Metric) or event.split != "train":
            return []
        return [
            finding
            for name, value in event.values.items()
            if (name in self._usual or GRADIENT_NORM.search(name)) and (finding := self._add(name, value))
        ]

    def _add(self, name: str, value: float) -> Finding | None:
        if name not in self._usual:
            if len(self._usual) == SERIES:
                return None
            self._usual[name], self._recent[name] = Window(MEASURED), deque(maxlen=LAST)
        usual, recent = self._usual[name], self._recent[name]
        if len(recent) == LAST and is_usable(recent[0]) and not self._raised:
            usual.append(recent[0])
            if len(usual) == LEAST_MEASURED:
                self._initial[name] = usual.median
        recent.append(value if math.isfinite(value) else math.inf)
        if name not in self._initial:
            return None
        lowest = min(recent)
        if self._raised:
            if name != self._raised or max(recent) >= self._limit:
                return None
            self._raised = ""
            return Finding("gradient-norm", f"{name} is back: {four_digits(value)}", over=True)
        before = usual.median
        if lowest < GROWTH * before or lowest < GROWTH_SINCE_FIRST * self._initial[name]:
            return None
        self._raised, self._limit = name, 0.5 * GROWTH * before
        grown = f"is {four_digits(lowest)} and more" if math.isfinite(lowest) else "is infinite or NaN"
        message = f"growing gradients: {name} {grown} in the last {LAST} measurements, {four_digits(before)} before"
        return Finding("gradient-norm", f"{message}; a lower learning rate or clipping them keeps the loss finite")


STEADY_LOSSES = 10
"""Losses in a row that are numbers, after which one that is none means NaN: before, it may just not be logged."""
MISSING = 2


class NotFinite:
    """A loss that is no number any more: this program's own runs end then, other trainings do not.

    What a run does not know is NaN too: that says something only where every batch or every epoch had its loss.
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._finite: dict[type[AnyEvent], int] = {}
        self._missing: dict[type[AnyEvent], int] = {}
        self._raised: type[AnyEvent] | None = None
        """What has shown it, and is to show its end: the other may have been finite before."""

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow the losses of batches and epochs."""
        if isinstance(event, RunStarted):
            self._start()
        if not isinstance(event, Batch | Epoch):
            return []
        kind, loss = type(event), event.loss if isinstance(event, Batch) else event.train_loss
        least = STEADY_LOSSES if isinstance(event, Batch) else 2
        if math.isfinite(loss):
            self._finite[kind] = self._finite.get(kind, 0) + is_usable(loss)
            self._missing[kind] = 0
            # After NaN, weights are NaN: finite losses mean that they were none, or that a checkpoint was loaded.
            if self._raised is not kind or self._finite[kind] < least:
                return []
            self._raised = None
            return [Finding("not-finite", f"the loss is a number again: {four_digits(loss)}", over=True)]
        self._missing[kind] = self._missing.get(kind, 0) + 1
        if self._missing[kind] >= MISSING or math.isinf(loss) or isinstance(event, Epoch):
            known, self._finite[kind] = self._finite.get(kind, 0), 0
            if known >= least and self._raised is None:
                self._raised = kind
                message = f"the loss is infinite or NaN in epoch {event.epoch}: nothing more is learned from here on"
                cure = "start again from an earlier checkpoint, with a lower learning rate"
                return [Finding("not-finite", f"{message}; {cure}")]
        return []
