"""Messages of a run's thread to its listener: events, and steps that no run folder records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cifar_tui.events import AnyEvent


@dataclass(frozen=True, slots=True)
class Loading:
    """A step before training.

    Attributes:
        what: The step.
        done: How much of it is done.
        total: How much there is; 0 where that is not known.
    """

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The run's thread is done.

    Attributes:
        error: Why the run failed or never started; None where it did not fail.
    """

    error: BaseException | None


Message = AnyEvent | Loading | Ended
Listener = Callable[[Message], None]
"""Called on the run's thread, which it must not block: pass the message on and return."""
ProgressCallback = Callable[[str, int, int], None]
"""Called with a step, how much of it is done, and how much there is, 0 where that is not known."""
