"""The base of dialogs in which a person types to find one thing in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.modal import Modal

T = TypeVar("T")
ROWS = 12
"""Items that are shown at a time."""
FRAME_ROWS = 3
"""The lines of the box around them and of what is typed."""


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """One thing of the list.

    Attributes:
        value: The result of the dialog where it is chosen.
        row: How it is shown.
        words: What is searched.
    """

    value: T
    row: str
    words: str


class SearchList(Modal[T]):
    """Returns the value of the item that is chosen; None where it is cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
    ]

    def __init__(self, title: str, items: Sequence[Item[T]], none: str, look: Look, cursor: int = 0) -> None:
        """Offer these.

        Args:
            title: Of the box.
            items: What there is, in order.
            none: What is said where none of them matches.
            look: How to draw.
            cursor: The item that the cursor starts on.
        """
        super().__init__(look)
        self._title, self._none = title, none
        self._items = self._found = list(items)
        self._cursor = cursor
        self._list = Static(id="found")

    def compose(self) -> ComposeResult:
        """What is typed, and the items that match it."""
        box = Vertical(classes="box")
        self.frame(box, self._title, "↑↓ move  Enter chooses  Esc cancels")
        with box:
            words = Input(placeholder="any part of its name", compact=True)
            words.cursor_blink = False  # A line over SSH is not to be kept busy.
            yield words
            yield self._list

    def on_mount(self) -> None:
        """Show all."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002  (as Textual calls it)
        """As many as there is room for."""
        self._show()

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        words = event.value.lower().split()
        self._found = [item for item in self._items if all(word in item.words.lower() for word in words)]
        self._cursor = 0
        self._show()

    @on(Input.Submitted)
    def _choose(self) -> None:
        if self._found:
            self.answer(self._found[self._cursor].value)

    def action_move(self, rows: int) -> None:
        """Another item."""
        self._cursor = max(0, min(self._cursor + rows, len(self._found) - 1))
        self._show()

    def highlighted(self, value: T | None) -> None:
        """The cursor is on this; on nothing where nothing matches."""

    def _show(self) -> None:
        self.highlighted(self._found[self._cursor].value if self._found else None)
        rows = max(1, min(ROWS, self.app.size.height - FRAME_ROWS))
        first = max(0, min(self._cursor - rows // 2, len(self._found) - rows))
        shown = Text(no_wrap=True, overflow="ellipsis")
        for number, item in enumerate(self._found[first : first + rows], first):
            shown.append(f" {self.shown(item.row)} ", "reverse" if number == self._cursor else "").append("\n")
        self._list.update(shown if self._found else Text(self._none, self.look.dim))
