"""The line in which a filter is typed, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from cifar_tui.formatting import printable
from cifar_tui.system.text_width import cut
from cifar_tui.tui.runs.table.panel import RunsTable
from cifar_tui.tui.widgets.search_line import SearchLine

EXAMPLES = "filter: words  best>0.9  lr=0.01  state:running  /expression/"


class FilterLine(Horizontal):
    """What is typed, and at the right how many runs match, or what is wrong with it."""

    DEFAULT_CSS = """
    FilterLine > #typed { width: 1fr; height: 1; border: none; padding: 0; background: transparent; }
    FilterLine > #found { width: auto; max-width: 60%; height: 1; padding: 0 0 0 2; text-wrap: nowrap; }
    """

    def __init__(self, table: RunsTable, submitted: Callable[[], None]) -> None:
        """Stay hidden until `open`.

        Args:
            table: Shows the runs that match.
            submitted: Called at Enter.
        """
        super().__init__(id="filter")
        self.display = False
        self._table, self._submitted = table, submitted
        self.input = SearchLine(EXAMPLES, self._filter, self._submit, id="typed")
        self._found = Static(id="found")

    def compose(self) -> ComposeResult:
        """The two."""
        yield self.input
        yield self._found

    def open(self) -> None:
        """Show it, with the keyboard in it."""
        self.display = True
        self.input.open()

    def close(self) -> None:
        """Empty and hide it."""
        self.input.close()
        self.display = False

    def show_found(self) -> None:
        """Show what the filter finds at the right, as a problem where something is wrong with it."""
        model, look = self._table.model, self._table.look
        text = look.text(printable(model.filter_note))
        wrong = bool(model.filter.problem)
        room = max(20, self.size.width * 6 // 10 - 4)
        shown = cut(("! " if wrong else "") + text, room, look.text("…"))
        self._found.update(Text(shown, look.warning if wrong else look.dim))

    def _filter(self, typed: str) -> None:
        with self._table.arranged() as model:
            model.set_filter(typed)
        self.show_found()

    def _submit(self) -> None:
        self._table.model.keep_selection()
        self._submitted()
