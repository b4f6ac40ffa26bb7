"""The list of the series of the runs that are shown, of which one is chosen to be drawn in full size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.cells import cell_len

from cifar_tui.formatting import printable
from cifar_tui.state.run_state import RunState
from cifar_tui.system.text_width import cut, padded
from cifar_tui.tui.charts.series import Series, last_values, main_series
from cifar_tui.tui.dialogs.search_list import Item, SearchList
from cifar_tui.tui.theme import Look

ROW = 64
"""Columns of a row of the list."""
BOTH = "loss and accuracy"

Choice = Series | Literal["both"]
"""A series, or what the view shows at first."""


class SeriesChooser(SearchList[Choice]):
    """Returns what to draw; None where it is cancelled."""

    def __init__(self, states: Sequence[RunState], chosen: Series | None, look: Look) -> None:
        """Offer what these runs have.

        Args:
            states: The runs that have started; values are those of the first one that has any.
            chosen: What is drawn now; None for a page of charts.
            look: How to draw.
        """
        main = [(series, "") for series in dict.fromkeys(each for state in states for each in main_series(state))]
        others: dict[Series, str] = {}
        for state in states:
            others = dict(last_values(state)) | others
        found = [*main, *others.items()]
        items: list[Item[Choice]] = [Item("both", BOTH, BOTH)]
        items += [Item(series, _row(series, value), _words(series)) for series, value in found]
        at = next((n for n, (series, _) in enumerate(found, 1) if series == chosen), 0)
        super().__init__("Draw a series", items, "no series matches", look, at)


def _row(series: Series, value: str) -> str:
    room = ROW - cell_len(value) - 2
    return f"{padded(cut(printable(series.name), room), room)}  {value}"


def _words(series: Series) -> str:
    return f"{series.name} {'device' if series.kind == 'device' else ''}"
