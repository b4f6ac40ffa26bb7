"""The help: all keys, from the one table of them, what the glyphs of the runs table mean, and when it notifies."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

from rich.columns import Columns
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.keys import format_key
from textual.widget import Widget
from textual.widgets import Static

from cifar_tui.tui.keys import KEYS, Key
from cifar_tui.tui.runs.table.columns import WARNED, mark
from cifar_tui.tui.theme import GLYPHS
from cifar_tui.tui.widgets.modal import Modal

NOTIFICATIONS = (
    "The end of a run or a warning rings and notifies, unless this terminal has the focus (--bell, --notify)"
)


class Help(Modal[None]):
    """All keys in groups, in one column or two; it scrolls where they do not fit."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1,q", "cancel", show=False)]

    def compose(self) -> ComposeResult:
        """The groups, and the legend below them."""
        box = VerticalScroll(classes="box")
        self._frame(box)
        with box:
            with Container(id="columns"):
                for column in _columns({name: list(keys) for name, keys in groupby(KEYS, lambda key: key.group)}):
                    widest = max(len(self.look.text(key_names(key))) for keys in column.values() for key in keys)
                    with Vertical():
                        for name, keys in column.items():
                            yield Static(self._group(name, keys, widest))
            yield Static(self._legend(), id="legend")
            yield Static(NOTIFICATIONS, id="notifications")

    def _frame(self, box: Widget) -> None:
        self.frame(box, "Keys", "↑↓ scroll  Esc closes" if box.show_vertical_scrollbar else "Esc closes")

    def on_mount(self) -> None:
        """Name the keys that scroll where it scrolls."""
        box = self.query_one(VerticalScroll)
        self.watch(box, "show_vertical_scrollbar", lambda: self._frame(box))

    def _group(self, name: str, keys: list[Key], widest: int) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=widest, justify="right")
        grid.add_column()
        grid.add_row("", Text(name, self.look.dim))
        for key in keys:
            grid.add_row(Text(self.look.text(key_names(key)), "bold"), Text(self.look.text(key.help)))
        return grid

    def _legend(self) -> Columns:
        """Each glyph, with all that it stands for."""
        meanings: dict[str, list[str]] = {}
        for status in GLYPHS:
            meanings.setdefault(self.look.glyph(status), []).append(status)
        legend = [
            Text.assemble((glyph, self.look.status(statuses[0])), " ", ", ".join(statuses))
            for glyph, statuses in meanings.items()
        ]
        legend.append(Text.assemble((WARNED.strip(), self.look.warning), " behind a state: health check"))
        legend.append(Text.assemble((mark(self.look), self.look.strong), " marked"))
        return Columns(legend, padding=(0, 2))


def key_names(key: Key) -> str:
    """All keys of an action as a person reads them: `? F1`."""
    first, *others = key.keys.split(",")
    return " ".join([key.shown or _readable(first), *map(_readable, others)])


def _readable(name: str) -> str:
    shown = format_key(name)
    return shown if len(shown) == 1 else "+".join(part.capitalize() for part in shown.split("+"))


def _columns(groups: dict[str, list[Key]]) -> list[dict[str, list[Key]]]:
    """The groups in two columns of about one height, in order."""
    names = list(groups)

    def height(part: list[str]) -> int:
        return sum(2 + len(groups[name]) for name in part)

    cut = min(range(1, len(names)), key=lambda n: max(height(names[:n]), height(names[n:])))
    return [{name: groups[name] for name in part} for part in (names[:cut], names[cut:])]
