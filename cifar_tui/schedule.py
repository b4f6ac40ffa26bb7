"""The planned learning rate: the one-cycle schedule in plain arithmetic, to be drawn without PyTorch."""

from __future__ import annotations

import math

WARM_UP = 0.3
"""The share of the steps in which the rate rises."""
START_DIVISOR = 25.0
"""The rate begins at the peak divided by this."""
END_DIVISOR = 1e4
"""The rate ends at its beginning divided by this."""


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
