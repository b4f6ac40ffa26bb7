"""The list of all columns that the runs table can have: which are shown, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from cifar_tui.tui.dialogs.table_commands import field_row
from cifar_tui.tui.runs.table.arrangement import TableSettings
from cifar_tui.tui.runs.table.columns import columns
from cifar_tui.tui.runs.table.fields import Field
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import cut
from cifar_tui.tui.widgets.modal import Modal

ROWS = 16
"""Columns of the table that are listed at a time."""
WIDTH, FRAME_COLUMNS = 72, 4
"""The most columns of the box, and those of its frame."""
FRAME_ROWS = 4
"""The lines of the box around them, of what is typed, and of the keys."""
KEYS = "space: show or hide   < >: move up, down   ctrl+r: by the width"
ALWAYS = "run"
"""The column without which rows say nothing."""


class NameInput(Input):
    """What is typed of a name: it leaves the dialog its keys, which no name has."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is text."""
        return character not in (" ", "<", ">") and super().check_consume_key(key, character)


class ColumnChooser(Modal[tuple[str, ...]]):
    """Returns the names of the columns in order, none for those that suit the width; None where it is cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
        # Before the line that is typed in, and at once.
        Binding("enter", "accept", show=False, priority=True),
        Binding("space", "show_or_hide", show=False, priority=True),
        Binding("less_than_sign,shift+up", "shift(-1)", show=False, priority=True),
        Binding("greater_than_sign,shift+down", "shift(1)", show=False, priority=True),
        Binding("ctrl+r", "reset", show=False, priority=True),
    ]

    def __init__(
        self, shown: Sequence[Field], fields: Sequence[Field], settings: TableSettings, room: int, look: Look
    ) -> None:
        """Offer these.

        Args:
            shown: Those that have a column now.
            fields: All that there are.
            settings: Of the table.
            room: The table's columns.
            look: How to draw.
        """
        super().__init__(look)
        self._settings, self._room = settings, room
        known = {each.name: each for each in [*shown, *fields]}
        chosen = [name for name in settings.columns if name in known] or [each.name for each in shown]
        self._chosen = set(chosen) | {ALWAYS}
        self._fields = [known[name] for name in chosen]
        self._fields += [each for each in fields if each.name not in chosen]
        self._automatic = not settings.columns
        self._found = self._fields
        self._cursor, self._typed = 0, ""
        self._list = Static(id="found")

    def compose(self) -> ComposeResult:
        """What is typed, the columns that match it, and the keys."""
        box = Vertical(classes="box")
        self.frame(box, "Columns of the runs", "↑↓ move  Enter accepts  Esc cancels")
        with box:
            words = NameInput(placeholder="any part of a column's or an option's name", compact=True)
            words.cursor_blink = False  # A line over SSH is not to be kept busy.
            yield words
            yield self._list
            yield Static(Text(KEYS, self.look.dim), id="column-keys")

    def on_mount(self) -> None:
        """Show all."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002  (as Textual calls it)
        """As many as there is room for."""
        self._show()

    def offer(self, fields: Sequence[Field]) -> None:
        """Offer these too."""
        known = {each.name for each in self._fields}
        self._fields = [*self._fields, *(each for each in fields if each.name not in known)]
        if words := self.query(Input):  # It may not be there yet, or no more.
            self._find(words.first().value, self._cursor)

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        self._find(event.value, 0)

    def _catch_up(self) -> None:
        """Search for what has been typed: the input's message may still be on its way."""
        if (typed := self.query_one(Input).value) != self._typed:
            self._find(typed, 0)

    def _find(self, typed: str, cursor: int) -> None:
        self._typed = typed
        words = typed.lower().split()
        self._found = [each for each in self._fields if all(word in each.words for word in words)]
        self._cursor = max(0, min(cursor, len(self._found) - 1))
        self._show()

    def action_accept(self) -> None:
        """Answer with these."""
        self.answer(() if self._automatic else self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self._fields if each.name in self._chosen)

    def action_move(self, rows: int) -> None:
        """Another column."""
        self._cursor = max(0, min(self._cursor + rows, len(self._found) - 1))
        self._show()

    def action_show_or_hide(self) -> None:
        """Show the column, or hide it."""
        self._catch_up()
        if self._found and (name := self._found[self._cursor].name) != ALWAYS:
            field = self._found[self._cursor]
            self._chosen ^= {name}
            self._automatic = False
            if name in self._chosen:
                # Behind the name, where there is room for it: the last ones make way.
                rest = [each for each in self._fields if each is not field]
                at = next(n for n, each in enumerate(rest) if each.name == ALWAYS) + 1
                self._fields = [*rest[:at], field, *rest[at:]]
                self._find(self._typed, self._cursor)
            self._show()

    def action_shift(self, rows: int) -> None:
        """Put the column before the one above, or after the one below."""
        self._catch_up()
        place = self._cursor + rows
        if self._found and 0 <= place < len(self._found):
            field, other = self._found[self._cursor], self._found[place]
            rest = [each for each in self._fields if each is not field]
            at = rest.index(other) + (1 if rows > 0 else 0)
            self._fields = [*rest[:at], field, *rest[at:]]
            self._automatic = False
            self._find(self.query_one(Input).value, place)

    def action_reset(self) -> None:
        """Have the columns that suit the width, whatever it is."""
        names = [column.field.name for column in columns(self._room, TableSettings())]
        known = {each.name: each for each in self._fields}
        self._fields = [known[name] for name in names] + [each for each in self._fields if each.name not in names]
        self._chosen, self._automatic = set(names), True
        self._find(self.query_one(Input).value, 0)

    def _show(self) -> None:
        rows = max(1, min(ROWS, self.app.size.height - FRAME_ROWS))
        first = max(0, min(self._cursor - rows // 2, len(self._found) - rows))
        # Where nobody has chosen, some columns are narrower.
        settings = TableSettings() if self._automatic else TableSettings(self._names)
        fitting = {column.field.name for column in columns(self._room, settings)}
        on, off = ("[x]", "[ ]") if self.look.ascii else (" ✓ ", "   ")
        width = min(WIDTH, self.app.size.width) - FRAME_COLUMNS
        shown = Text(no_wrap=True)
        for number, each in enumerate(self._found[first : first + rows], first):
            chosen = each.name in self._chosen
            meaning = "no room for it in this width" if chosen and each.name not in fitting else each.meaning
            row = cut(self.shown(f" {on if chosen else off} {field_row(each.heading, meaning)}"), width, self.look)
            shown.append(row, "reverse" if number == self._cursor else "").append("\n")
        self._list.update(shown if self._found else Text("no column or option matches", self.look.dim))
