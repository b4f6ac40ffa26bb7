"""What the keys about the runs table do: actions of the key table's namespace `table`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual.dom import DOMNode

from cifar_tui.formatting import printable
from cifar_tui.system.text_width import cut, padded
from cifar_tui.tui.log.status_log import StatusLog
from cifar_tui.tui.runs.run_events import RunEvents
from cifar_tui.tui.runs.table.fields import Field, field_of
from cifar_tui.tui.runs.table.panel import RunsTable
from cifar_tui.tui.textual_compat import TerminalApp

if TYPE_CHECKING:
    from cifar_tui.tui.dialogs.search_list import Item

GROUPABLE = (
    "state", "run", "model", "data", "tags", "epochs", "device", "precision", "processes", "seed", "source",
)  # fmt: skip
"""Fields that many runs share; options are others."""
HEADING = 20
"""Columns of a field's name in a list of them."""


class TableCommands(DOMNode):
    """Sorts, groups and sets up the runs table, asking where there is something to choose."""

    def __init__(
        self,
        app: TerminalApp,
        table: Callable[[], RunsTable],
        allows: Callable[[str], bool],
        run_events: RunEvents,
        log: StatusLog,
    ) -> None:
        """Act on a table.

        Args:
            app: Opens dialogs.
            table: Gives the table, once there is one.
            allows: Whether a key may do an action now.
            run_events: Reads the options of runs.
            log: What is done.
        """
        super().__init__()
        self._app, self._table, self._allows = app, table, allows
        self._run_events, self._log = run_events, log

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While something is typed, keys are text."""
        return self._allows(action)

    def action_sort(self) -> None:
        """Ask what to sort the runs by, or whether to leave them in the list's order."""
        table = self._table()

        def fields() -> list[Field]:
            shown = table.shown_fields
            return shown + [each for each in table.model.all_fields if each not in shown]

        def sort(name: str | None) -> None:
            if name is not None:
                with table.arranged() as model:
                    model.sort_by(name)

        nothing = "own, logs, then earlier runs, newest first"
        self._choose("Sort the runs by", ("list order", nothing), fields, table.settings.sort, sort)

    def action_reverse(self) -> None:
        """Sort in the other direction."""
        with self._table().arranged() as model:
            model.reverse()

    def action_group(self) -> None:
        """Ask what to group the runs by."""
        table = self._table()

        def fields() -> list[Field]:
            known = table.model.all_fields
            return [each for each in known if each.name in GROUPABLE or each.is_option]

        def group(name: str | None) -> None:
            if name is not None:
                with table.arranged() as model:
                    model.group_by(name)
                if name:
                    self._log.write(f"grouped by {field_of(name).heading}; Enter folds a group, G folds all")

        self._choose("Group the runs by", ("nothing", "a row for each run"), fields, table.settings.group, group)

    def action_fold_all(self) -> None:
        """Fold all groups, or unfold them."""
        table = self._table()
        if table.settings.group:
            with table.arranged() as model:
                model.toggle_all_folds()
        else:
            self._log.write("the runs are not grouped; g groups them")

    def action_columns(self) -> None:
        """Ask which columns to show, in which order."""
        from cifar_tui.tui.dialogs.column_chooser import ColumnChooser

        table = self._table()

        def choose(names: tuple[str, ...] | None) -> None:
            if names is not None:
                with table.arranged() as model:
                    model.show_columns(names)

        dialog = ColumnChooser(table.shown_fields, table.model.all_fields, table.settings, table.room, table.look)
        self._app.push_screen(dialog, choose)
        self._run_events.read_options(lambda: dialog.offer(table.model.all_fields))

    def _choose(
        self,
        title: str,
        none: tuple[str, str],
        fields: Callable[[], list[Field]],
        chosen: str,
        done: Callable[[str | None], None],
    ) -> None:
        """Ask for a field, or for none, which is empty."""
        from cifar_tui.tui.dialogs.search_list import Item, SearchList

        def items() -> list[Item[str]]:
            return [Item("", field_row(*none), " ".join(none)), *_items(fields())]

        offered = items()
        at = next((n for n, item in enumerate(offered) if item.value == chosen), 0)
        dialog = SearchList(title, offered, "no column or option matches", self._table().look, at)
        self._app.push_screen(dialog, done)
        # Those of scripts are known once they are read.
        self._run_events.read_options(lambda: dialog.offer(items()))


def _items(fields: Iterable[Field]) -> list[Item[str]]:
    from cifar_tui.tui.dialogs.search_list import Item

    return [Item(each.name, field_row(each.heading, each.meaning), each.words) for each in fields]


def field_row(heading: str, meaning: str) -> str:
    """A field in a list of fields: its name, and what it is."""
    return f"{padded(cut(printable(heading), HEADING), HEADING)}  {meaning}"
