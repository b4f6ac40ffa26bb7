"""What a check finds, and when: once it has lasted, and again only after it was clearly over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from cifar_tui.events import AnyEvent

Change = Literal["begins", "ends"] | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that goes wrong, or that is over.

    Attributes:
        topic: A name of `config.TOPICS`.
        message: The figure, and what people do about it.
        over: Whether what was found before under this topic is over.
    """

    topic: str
    message: str
    over: bool = False


class Check(Protocol):
    """One or more conditions, followed through a run's events."""

    def apply(self, event: AnyEvent) -> list[Finding]:
        """What the run's next event shows, whether it was found before or not."""


@dataclass(slots=True)
class Alarm:
    """A condition that begins when it has been bad for `lasts`, and ends when it has been good for as long.

    What is neither, such as a value between two thresholds, begins and ends nothing. `lasts` and the places that
    `update` is given are in one unit: seconds, batches or epochs.
    """

    lasts: float
    raised: bool = False
    since: float | None = None
    """Where what may change it has begun."""

    def update(self, at: float, *, bad: bool, good: bool) -> Change:
        """What changes at this place, which is not before the last one."""
        changing = good if self.raised else bad
        if not changing:
            self.since = None
            return None
        self.since = at if self.since is None else self.since
        if at - self.since < self.lasts:
            return None
        self.raised, self.since = not self.raised, None
        return "begins" if self.raised else "ends"
