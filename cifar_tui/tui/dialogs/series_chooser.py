"""The list of a run's series, of which one is chosen for the charts view."""

from __future__ import annotations

from typing import Literal

from rich.cells import cell_len

from cifar_tui.formatting import printable
from cifar_tui.state.run_state import RunState
from cifar_tui.system.text_width import cut, padded
from cifar_tui.tui.charts.named_series import Series, last_values
from cifar_tui.tui.dialogs.search_list import Item, SearchList
from cifar_tui.tui.theme import Look

ROW = 64
"""Columns of a row of the list."""
BOTH = "loss and accuracy"

Choice = Series | Literal["both"]
"""A series, or what the view shows at first."""


class SeriesChooser(SearchList[Choice]):
    """Returns what to draw; None where it is cancelled."""

    def __init__(self, state: RunState | None, chosen: Series | None, look: Look) -> None:
        """Offer what this run has.

        Args:
            state: The run, where it has started.
            chosen: What is drawn now; None for loss and accuracy.
            look: How to draw.
        """
        found = list(last_values(state)) if state is not None else []
        items: list[Item[Choice]] = [Item("both", BOTH, BOTH)]
        items += [Item(series, _row(series, value), _words(series)) for series, value in found]
        at = next((n for n, (series, _) in enumerate(found, 1) if series == chosen), 0)
        super().__init__("Draw a series", items, "no series matches", look, at)


def _row(series: Series, value: str) -> str:
    room = ROW - cell_len(value) - 2
    return f"{padded(cut(printable(series.name), room), room)}  {value}"


def _words(series: Series) -> str:
    return f"{series.name} {'device' if series.kind == 'device' else ''}"
