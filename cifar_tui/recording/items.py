"""What a recording hands to the thread that writes it, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Level, RunStatus, SplitName


@dataclass(slots=True)
class EpochStarted:
    """An epoch begins."""

    t: float


@dataclass(slots=True)
class Logged:
    """Numbers of the training at one step."""

    t: float
    step: int
    epoch: int
    batch: int
    values: dict[str, Any]


@dataclass(slots=True)
class Evaluation:
    """The validation of an epoch, or the test after it."""

    t: float
    split: SplitName
    epoch: int
    values: dict[str, Any]
    confusion: ConfusionMatrix | None


@dataclass(slots=True)
class EpochEnded:
    """An epoch is whole; `means` are those of its training, where who trains knows them better than by its batches."""

    t: float
    epoch: int
    means: dict[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """They are fetched as those of batches are."""
        return self.means


@dataclass(slots=True)
class Noted:
    """A message for people."""

    t: float
    level: Level
    message: str


@dataclass(slots=True)
class PauseChanged:
    """The training waits from here on, or continues."""

    t: float
    epoch: int
    batch: int
    paused: bool


@dataclass(slots=True)
class Ended:
    """The last item."""

    t: float
    state: RunStatus
    message: str


Item = EpochStarted | Logged | Evaluation | EpochEnded | Noted | PauseChanged | Ended
