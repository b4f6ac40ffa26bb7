"""A screen that stays as it is until something on it changes."""

from __future__ import annotations

from typing import TypeVar

from textual import events
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

T = TypeVar("T")


class QuietScreen(Screen[T]):
    """Textual's, without two of its habits."""

    # As Textual's, which draws the whole screen again whenever the focus goes to another widget.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def on_resize(self, event: events.Resize) -> None:
        """Pass over a size that is the terminal's no more.

        Textual would lay the screen out in it, and tell the screen of that size again because it differs from the last
        one: two such events that wait behind each other send each other round for ever.
        """
        if event.size != self.app.size:
            event.prevent_default()
