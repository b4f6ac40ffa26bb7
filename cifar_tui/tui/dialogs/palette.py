"""The command palette: the keys' actions, found by their names.

Textual's own ends the app with an error where keys come faster than it searches, closes and lays itself out.
"""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from cifar_tui.tui.keys import KEYS, Key
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.modal import Modal

ROWS = 12
"""Commands that are shown at a time."""
FRAME_ROWS = 3
"""The lines of the box around them and of what is typed."""


class Palette(Modal[Key]):
    """Returns the key whose action is to be done; None where it is cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
    ]

    def __init__(self, look: Look) -> None:
        """Offer all keys."""
        super().__init__(look)
        self._found: list[Key] = list(KEYS)
        self._cursor = 0
        self._list = Static(id="commands")

    def compose(self) -> ComposeResult:
        """What is typed, and the commands that match it."""
        box = Vertical(classes="box")
        self.frame(box, "Commands", "↑↓ Enter")
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
        self._found = [key for key in KEYS if all(word in f"{key.label} {key.help}".lower() for word in words)]
        self._cursor = 0
        self._show()

    @on(Input.Submitted)
    def _choose(self) -> None:
        if self._found:
            self.answer(self._found[self._cursor])

    def action_move(self, rows: int) -> None:
        """Another command."""
        self._cursor = max(0, min(self._cursor + rows, len(self._found) - 1))
        self._show()

    def _show(self) -> None:
        rows = max(1, min(ROWS, self.app.size.height - FRAME_ROWS))
        first = max(0, min(self._cursor - rows // 2, len(self._found) - rows))
        shown = Text(no_wrap=True, overflow="ellipsis")
        for number, key in enumerate(self._found[first : first + rows], first):
            style = "reverse" if number == self._cursor else ""
            shown.append(f" {self.look.text(key.name):>5}  {self.look.text(key.help)} ", style).append("\n")
        self._list.update(shown if self._found else Text("no command matches", self.look.dim))
