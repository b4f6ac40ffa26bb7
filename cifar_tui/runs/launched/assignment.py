"""What rank 0 has the other processes of a run train."""

from __future__ import annotations

from dataclasses import dataclass

from cifar_tui.config import TrainingConfig
from cifar_tui.records import StoredRun


@dataclass(frozen=True, slots=True)
class Assignment:
    """A new run with these options; or a recorded one, which is resumed."""

    config: TrainingConfig
    stored: StoredRun | None = None
