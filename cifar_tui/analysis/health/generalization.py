"""What validations show: a plateau, and overfitting."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from cifar_tui.analysis.health.finding import Finding
from cifar_tui.analysis.health.window import Window, is_usable
from cifar_tui.events import AnyEvent, Batch, Epoch, Resumed, RunStarted
from cifar_tui.formatting import four_digits, percent, plural

KEPT = 100
"""Epochs that are looked back at, at most."""


@dataclass(frozen=True, slots=True)
class _Validated:
    epoch: int
    train_loss: float
    loss: float
    accuracy: float

    @property
    def value(self) -> float:
        """What early stopping goes by, higher is better: the accuracy, or where that is not known, minus the loss."""
        return self.accuracy if is_usable(self.accuracy) else -self.loss


class _Epochs:
    """The last epochs of a run that are validated. One that is resumed from a checkpoint trains some of them again."""

    def __init__(self) -> None:
        self.last: deque[_Validated] = deque(maxlen=KEPT)

    def apply(self, event: AnyEvent) -> _Validated | None:
        """The epoch that has just ended, where one has."""
        if isinstance(event, RunStarted):
            self.last.clear()
        elif isinstance(event, Resumed):
            while self.last and self.last[-1].epoch >= event.epoch:
                self.last.pop()
        elif isinstance(event, Epoch):
            new = _Validated(event.epoch, event.train_loss, event.val_loss, event.val_accuracy)
            if is_usable(new.value):
                self.last.append(new)
                return new
        return None


HIGH_LR, FINAL_LR = 0.5, 0.05
"""Shares of the highest learning rate. While a schedule is above the first, no better validation is expected yet: that
comes as the rate falls; below the second, nothing changes any more."""
CONSTANT_LR = 0.01
"""A learning rate that changes by less from one epoch to the next is none of a schedule."""


class _Schedule:
    """Where a run's learning rate stands, by those that were seen."""

    def __init__(self) -> None:
        self._start(None)

    def _start(self, event: RunStarted | None) -> None:
        self._is_own = event is not None and not event.source
        self._peak = (event and event.max_lr) or 0.0
        self._lr = self._earlier_lr = math.nan
        """Of the last epoch, and of the one before."""

    def apply(self, event: AnyEvent) -> None:
        """Follow the learning rates of batches and epochs."""
        match event:
            case RunStarted():
                self._start(event)
            case Batch() | Epoch() if is_usable(event.lr):
                self._peak = max(self._peak, event.lr)
                if isinstance(event, Epoch):
                    self._earlier_lr, self._lr = self._lr, event.lr
            case _:
                pass

    @property
    def _varies(self) -> bool:
        if not (self._peak > 0 and is_usable(self._lr) and is_usable(self._earlier_lr)):
            return False
        # Around its peak a schedule is flat: this program's own go on falling.
        return self._is_own or abs(self._lr - self._earlier_lr) > CONSTANT_LR * self._earlier_lr

    @property
    def is_high(self) -> bool:
        """Whether the rate is still to fall."""
        return self._varies and (self._lr > self._earlier_lr or self._lr >= HIGH_LR * self._peak)

    @property
    def is_over(self) -> bool:
        """Whether the rate has fallen to almost nothing."""
        return self._varies and self._lr <= FINAL_LR * self._peak


DEFAULT_PATIENCE = 10
"""Epochs after which it is one in trainings that do not say how long they wait."""
PATIENCE_SHARE, LEAST_EPOCHS = 0.7, 4
"""A plateau is this share of the patience of early stopping, and never shorter than that."""
CEILING, ERRORS = 0.99, 3.0
"""From this accuracy on, or where as few images are wrong as so many standard errors, there is little left to gain."""
LEAST_OF_LOSS = 0.005
"""The share by which the validation loss falls at least where no plateau is seen in it."""


class Plateau:
    """No better validation for long, as early stopping counts it, where the schedule and the trend promise none."""

    def __init__(self, after: int, patience: int | None) -> None:
        """Warn after this many epochs; 0 goes by how long early stopping waits, where that is known."""
        self._patience = patience
        early = DEFAULT_PATIENCE if patience is None else max(LEAST_EPOCHS, math.ceil(PATIENCE_SHARE * patience))
        self._after = after or early
        self._epochs = _Epochs()
        self._schedule = _Schedule()
        self._start(None)

    def _start(self, event: RunStarted | None) -> None:
        self._best: _Validated | None = None
        self._since = 0
        self._raised = False
        self._images = event.validation_samples if event else 0
        self._planned = event.epochs if event else None

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow validations and learning rates."""
        if isinstance(event, RunStarted):
            self._start(event)
        self._schedule.apply(event)
        new = self._epochs.apply(event)
        if isinstance(event, Resumed) and self._best is not None and self._best.epoch >= event.epoch:
            self._best = max(self._epochs.last, key=lambda each: (each.value, -each.epoch), default=None)
        if new is None:
            return []
        if self._best is None or new.value > self._best.value:
            self._best, self._since = new, 0
            if self._raised:
                self._raised = False
                return [Finding("plateau", f"the validation is better again: {_words(new)}", over=True)]
            return []
        self._since = new.epoch - self._best.epoch
        if self._raised or self._since < self._after or self._expects_none(new, self._best):
            return []
        self._raised = True
        message = (
            f"plateau: {plural(self._since, 'epoch')} without a better validation than {_words(self._best)} "
            f"in epoch {self._best.epoch}"
        )
        if self._patience is not None and self._patience > self._since:
            message += f"; early stopping ends the run after {self._patience}"
        return [Finding("plateau", f"{message}; a lower learning rate or a larger model may learn more")]

    def _expects_none(self, new: _Validated, best: _Validated) -> bool:
        """Whether nothing else is to be expected: by the plan, the schedule, what is reached, or the trend."""
        if self._planned is not None and new.epoch >= self._planned:
            return True
        if self._schedule.is_high or self._schedule.is_over:
            return True
        if is_usable(best.accuracy):
            wrong = 1 - best.accuracy
            error = math.sqrt(max(0.0, best.accuracy * wrong) / self._images) if self._images else 0.0
            if best.accuracy >= CEILING or wrong < ERRORS * error:
                return True
        return self._improves(best)

    def _improves(self, best: _Validated) -> bool:
        """Whether epochs become better that are still below a lucky one, by more than their mean varies.

        The loss shows it too, and sooner: an accuracy of a few hundred images varies by some percent.
        """
        since = [each for each in self._epochs.last if each.epoch > best.epoch]
        losses = [-each.loss for each in since if is_usable(each.loss)]
        if _rises([each.value for each in since]):
            return True
        return is_usable(best.loss) and _rises(losses, LEAST_OF_LOSS * abs(best.loss), above=-best.loss)


def _rises(values: Sequence[float], least: float = 0.0, above: float = -math.inf) -> bool:
    """Whether the mean of the second half is above this value, and above that of the first half by more than noise."""
    before, last = values[: len(values) // 2], values[len(values) // 2 :]
    if len(before) < 2:
        return False
    mean = fmean(last)
    return mean > above and mean - fmean(before) > max(least, 2 * stdev(last) / math.sqrt(len(last)))


def _words(validated: _Validated) -> str:
    if is_usable(validated.accuracy):
        return f"accuracy {percent(validated.accuracy)}"
    return f"loss {four_digits(validated.loss)}"


MEANS = 3
"""Epochs whose means are compared: the last ones, and those before them."""
WORSE, WORSE_WHILE_HIGH, LEAST_WORSE = 1.1, 1.5, 0.05
"""The mean validation loss is so many times the lowest one, the second while the learning rate is high, and above it by
so many nats."""
LONG_WHILE_HIGH = 10
"""Epochs since the lowest validation loss while the learning rate is high: until then, validations just vary."""
NOISE_EPOCHS = 30
"""The last epochs, at most, that say how noisy the validation loss is."""
ABOVE_NOISE = 4.0
"""The lowest of many losses is below their mean by noise; the mean of the last ones is above it by so many standard
deviations of one epoch more."""
BETTER = 0.98
"""The mean training loss is so many times what it was when the validation loss was at its lowest, or less."""


class Overfitting:
    """The gap between training and validation grows while the validation becomes worse, over several epochs."""

    def __init__(self) -> None:
        self._epochs = _Epochs()
        self._schedule = _Schedule()
        self._raised = False

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow validations."""
        if isinstance(event, RunStarted):
            self._raised = False
        self._schedule.apply(event)
        new = self._epochs.apply(event)
        epochs = [each for each in self._epochs.last if is_usable(each.loss) and is_usable(each.train_loss)]
        if new is None or len(epochs) < 2 * MEANS:
            return []
        lowest = min(epochs, key=lambda each: each.loss)
        last, before = epochs[-MEANS:], epochs[-2 * MEANS : -MEANS]
        loss, train_loss = fmean(each.loss for each in last), fmean(each.train_loss for each in last)
        if self._raised:
            if lowest is not new:
                return []
            self._raised = False
            return [Finding("overfitting", f"the validation loss is at its lowest again: {new.loss:.4f}", over=True)]
        is_high = self._schedule.is_high
        ratio, least = (WORSE_WHILE_HIGH, LONG_WHILE_HIGH) if is_high else (WORSE, MEANS)
        noise = _noise([each.loss for each in epochs])
        worse = loss > ratio * lowest.loss and loss > lowest.loss + max(LEAST_WORSE, noise)
        grows = loss > fmean(each.loss for each in before) and min(each.loss for each in last) > lowest.loss
        learns = train_loss < BETTER * lowest.train_loss and train_loss < loss
        best = max(epochs, key=lambda each: (each.value, -each.epoch))
        if not (worse and grows and learns) or new.epoch - lowest.epoch <= least or best in last:
            return []
        self._raised = True
        message = (
            f"overfitting: validation loss {loss:.4f} in the last {MEANS} epochs, {lowest.loss:.4f} in epoch "
            f"{lowest.epoch}, while the training loss fell from {lowest.train_loss:.4f} to {train_loss:.4f}"
        )
        cure = "more data or augmentation, dropout, weight decay or an earlier stop help"
        return [Finding("overfitting", f"{message}; {cure}")]


def _noise(losses: Sequence[float]) -> float:
    """How far noise alone lifts the mean of the last losses above the lowest of all."""
    bends = Window(NOISE_EPOCHS)
    for first, second, third in zip(losses, losses[1:], losses[2:], strict=False):
        bends.append(first - 2 * second + third)
    # A trend has no bends, but for noise: that of one epoch, of twice the next one, and of a third.
    return bends.deviation / math.sqrt(1 + 4 + 1) * (math.sqrt(2 * math.log(len(losses))) + ABOVE_NOISE)
