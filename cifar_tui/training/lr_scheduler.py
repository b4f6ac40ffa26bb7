"""The learning rate of each batch: the one-cycle schedule of the reference protocol, or a triangular one."""

from __future__ import annotations

from typing import Any, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from cifar_tui.config import TrainingConfig
from cifar_tui.planned_lr import triangular
from cifar_tui.recipes import Recipe
from cifar_tui.training.optimizer import OptimizerLike, Stateful


class SchedulerLike(Stateful, Protocol):
    """A learning rate schedule."""

    def step(self) -> None:
        """Set the learning rates of the next batch."""

    def get_last_lr(self) -> list[Any]:
        """The current learning rates, AdamW's first."""


def build_scheduler(
    optimizer: OptimizerLike, config: TrainingConfig, recipe: Recipe, total_steps: int
) -> SchedulerLike:
    """Build what sets the optimizer's learning rates over `total_steps` batches, by the recipe's schedule."""
    if recipe.schedule == "one-cycle" and isinstance(optimizer, Optimizer):
        return OneCycleLR(optimizer, config.max_lr, total_steps=total_steps)
    peaks = [config.max_lr, config.max_lr * recipe.muon][: len(optimizer.param_groups)]
    return TriangularLR(optimizer, peaks, total_steps)


class TriangularLR:
    """The triangular schedule for groups of weights, each with a peak of its own."""

    def __init__(self, optimizer: OptimizerLike, peaks: list[float], total_steps: int) -> None:
        self._optimizer = optimizer
        self._peaks = peaks
        self._total = total_steps
        self._done = 0
        self._set()

    def step(self) -> None:
        """Set the learning rates of the next batch."""
        self._done += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The current learning rates, group by group."""
        return [group["lr"] for group in self._optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The number of batches that are done."""
        return {"done": self._done}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from such a state."""
        self._done = int(state_dict["done"])
        self._set()

    def _set(self) -> None:
        step = min(self._done, self._total - 1)  # After the last batch nothing is left to be set.
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = triangular(step, self._total, peak)
