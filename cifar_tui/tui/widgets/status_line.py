"""A line of text: the dashboard's title and its last message."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Panel, Part, drawable, line, width_of


class StatusLine(Panel):
    """One line: text at the left and, where there is room, at the right."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._left: Sequence[Part] = ()
        self._right: Sequence[Part] = ()

    def set_text(self, left: Sequence[Part], right: Sequence[Part] = (), *, look: Look) -> None:
        """Show this text."""
        self._left, self._right, self.look = left, right, look
        self.draw()

    def lines(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002
        """The one line; it ends in `…` where there is no room for all of it."""
        room = width - width_of(self._left) - width_of(self._right)
        parts = [*self._left, " " * room, *self._right] if room > 1 else self._left
        drawn = line([drawable(part, self.look) for part in parts], width)
        if width > 1 and width_of(self._left) > width:
            drawn = Strip.join([drawn.crop(0, width - 1), line(self.look.text("…"), 1)])
        return [drawn]
