"""What a recording hands to the thread that writes it, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Level, RunStatus, SplitName


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
    """An epoch is whole."""

    t: float
    epoch: int


@dataclass(slots=True)
class Noted:
    """A message for people."""

    t: float
    level: Level
    message: str


@dataclass(slots=True)
class PauseChanged:
    """The training waits from here on, or goes on."""

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


Item = Logged | Evaluation | EpochEnded | Noted | PauseChanged | Ended
