"""Lines of a run that counts no epochs: where it is, now and then."""

from __future__ import annotations

import math
import time

from cifar_tui.formatting import count, four_digits, percent, printable
from cifar_tui.headless.displays import PlainDisplay
from cifar_tui.state.run_state import RunState

SECONDS = 5.0
"""The least time between two lines."""
MOST_METRICS = 3
"""In the line of a run that logs no loss."""


class StepLines:
    """Prints them on a display."""

    def __init__(self, name: str = "") -> None:
        """Start them with this name, where there is one."""
        self._prefix = f"{printable(name)}: " if name else ""
        self._shown = 0
        self._next_line = 0.0

    def show(self, state: RunState, display: PlainDisplay) -> None:
        """Print a line where the run has no epochs, is further than in the last line, and the time has come."""
        if state.epochs or state.samples == self._shown or time.monotonic() < self._next_line:
            return
        self._shown, self._next_line = state.samples, time.monotonic() + SECONDS
        unit = state.started.unit if state.started is not None else "steps"
        where = f"step {count(state.samples)}" if unit == "steps" else f"{count(state.samples)} {unit}"
        display.print(f"{self._prefix}{'  '.join([where, *figures(state)])}")


def figures(state: RunState) -> list[str]:
    """The last values of a run, in words."""
    found = [f"loss {state.loss:.4f}"] if state.batch_loss.points else []
    found += [f"accuracy {percent(state.accuracy)}"] if math.isfinite(state.accuracy) else []
    found += [f"lr {state.lr:.2e}"] if math.isfinite(state.lr) else []
    if not state.batch_loss.points:
        metrics = list(state.metrics.items())[:MOST_METRICS]
        found += [f"{printable(name)} {four_digits(curve.latest)}" for name, curve in metrics]
    return found
