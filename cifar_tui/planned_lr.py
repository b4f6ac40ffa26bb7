"""The planned learning rate in plain arithmetic, to be drawn without PyTorch."""

from __future__ import annotations

import math

WARM_UP = 0.3
"""The share of the steps in which the rate rises."""
START_DIVISOR = 25.0
"""The rate begins at the peak divided by this."""
END_DIVISOR = 1e4
"""The rate ends at its beginning divided by this."""


TRIANGLE_WARM_UP = 0.2
"""The share of the steps in which the triangular schedule's rate rises."""
TRIANGLE_START = 0.2
"""The share of the peak at which it begins."""


def planned(schedule: str, step: int, total_steps: int, max_lr: float) -> float:
    """The learning rate of one step by the schedule of this name; arguments and errors as `one_cycle` has them."""
    return (triangular if schedule == "triangular" else one_cycle)(step, total_steps, max_lr)


def triangular(step: int, total_steps: int, max_lr: float) -> float:
    """The learning rate of one step: straight up to its peak, and straight down to almost nothing after the last step.

    After K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, arXiv:2404.00498.

    Args:
        step: The steps before it, from 0 to `total_steps` - 1.
        total_steps: Steps of the whole training: epochs × batches.
        max_lr: The peak.

    Raises:
        ValueError: There is no such step.
    """
    if not 0 <= step < total_steps:
        raise ValueError(f"step {step} of {total_steps}")
    peak = TRIANGLE_WARM_UP * total_steps
    if step < peak:
        return max_lr * (TRIANGLE_START + (1 - TRIANGLE_START) * step / peak)
    return max_lr * (total_steps - step) / (total_steps - peak)


def one_cycle(step: int, total_steps: int, max_lr: float) -> float:
    """The learning rate of one step: up along half a cosine to its peak, and down along another to almost nothing.

    The same as `torch.optim.lr_scheduler.OneCycleLR` with its defaults (two phases, cosine), after Smith and Topin,
    "Super-Convergence" (2018, arXiv:1708.07120).

    Args:
        step: The steps before it, from 0 to `total_steps` - 1.
        total_steps: Steps of the whole training: epochs × batches.
        max_lr: The peak.

    Raises:
        ValueError: There is no such step.
    """
    if not 0 <= step < total_steps:
        raise ValueError(f"step {step} of {total_steps}")
    start = max_lr / START_DIVISOR
    peak = WARM_UP * total_steps - 1
    if step <= peak:
        return _along_cosine(start, max_lr, step / peak)
    # Of one to three steps none rises; the fall is measured from the peak all the same, which lies before the first.
    return _along_cosine(max_lr, start / END_DIVISOR, (step - peak) / (total_steps - 1 - peak))


def _along_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)
