"""The section of a report with what was measured beside loss and accuracy."""

from __future__ import annotations

import math

from cifar_tui.formatting import UNKNOWN
from cifar_tui.report.markdown_syntax import escape, table
from cifar_tui.state.curve import Curve
from cifar_tui.state.run_state import RunState


def metrics_section(state: RunState) -> list[str]:
    """The last, the lowest and the highest value of each metric; nothing where there is none."""
    rows = [_row(name, curve) for name, curve in state.metrics.items() if curve.points]
    return ["## Metrics", table(("name", "last", "lowest", "highest"), rows, "lrrr")] if rows else []


def _row(name: str, curve: Curve) -> tuple[str, str, str, str]:
    lowest = min((point.low for point in curve.points if math.isfinite(point.low)), default=math.nan)
    highest = max((point.high for point in curve.points if math.isfinite(point.high)), default=math.nan)
    return escape(name), figure(curve.latest), figure(lowest), figure(highest)


def figure(value: float) -> str:
    """A number of any size."""
    return f"{value:.6g}" if math.isfinite(value) else UNKNOWN
