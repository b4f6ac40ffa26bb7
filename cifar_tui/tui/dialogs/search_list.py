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


def matching(items: Sequence[Item[T]], typed: str) -> list[Item[T]]:
    """The items that contain all typed words, in their order; after them those that contain their letters in order."""
    words = typed.lower().split()
    exact = [item for item in items if all(word in item.words.lower() for word in words)]
    fuzzy = [(_spread(words, item.words.lower()), item) for item in items if item not in exact]
    return [*exact, *(item for _, item in sorted((each for each in fuzzy if each[0] is not None), key=_by_spread))]


def _by_spread(found: tuple[int | None, Item[T]]) -> int:
    return found[0] or 0


def _spread(words: Sequence[str], text: str) -> int | None:
    """Over how many characters the letters of each word are spread in a text, in order; None where they are not."""
    total = 0
    for word in words:
        at = start = text.find(word[0])
        for letter in word[1:]:
            at = text.find(letter, at + 1) if at >= 0 else -1
        if at < 0:
            return None
        total += at - start
    return total


class SearchList(Modal[T]):
    """Returns the value of the item that is chosen; None where it is cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # At once, and not by a message of the input, behind which the next key would be text.
        Binding("enter", "choose", show=False, priority=True),
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
            none: What is shown where none of them matches.
            look: How to draw.
            cursor: The item that the cursor starts on.
        """
        super().__init__(look)
        self._title, self._none = title, none
        self._items = self._found = list(items)
        self._cursor, self._typed = cursor, ""
        self._list = Static(id="found")

    def compose(self) -> ComposeResult:
        """What is typed, and the items that match it."""
        box = Vertical(classes="box")
        self.frame(box, self._title, "↑↓ move  Enter chooses  Esc cancels")
        with box:
            words = Input(placeholder="any part of its name, or letters of it", compact=True)
            words.cursor_blink = False  # A line over SSH is not to be kept busy.
            yield words
            yield self._list

    def on_mount(self) -> None:
        """Show all."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002  (as Textual calls it)
        """As many as there is room for."""
        self._show()

    def offer(self, items: Sequence[Item[T]]) -> None:
        """Offer these from now on; the cursor stays where it is."""
        cursor, self._items = self._cursor, list(items)
        if words := self.query(Input):  # It may not be there yet, or no more.
            self._find(words.first().value)
            self.action_move(cursor - self._cursor)

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        self._find(event.value)

    def _find(self, typed: str) -> None:
        self._typed = typed
        self._found = matching(self._items, typed)
        self._cursor = 0
        self._show()

    def action_choose(self) -> None:
        """Answer with the item under the cursor."""
        if (typed := self.query_one(Input).value) != self._typed:
            self._find(typed)  # Its message is still on its way.
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
