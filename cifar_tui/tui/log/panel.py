"""The log: what happened when, in words, and what libraries printed."""

from __future__ import annotations

from collections.abc import Collection

from textual import events
from textual.widgets import RichLog

from cifar_tui.tui.log.messages import KEPT, Remark, words
from cifar_tui.tui.theme import Look


class LogPanel(RichLog):
    """All remarks of this session, the newest at the bottom."""

    def __init__(self, remarks: Collection[Remark], look: Look, *, id: str) -> None:  # noqa: A002
        """Show these remarks, a collection that grows elsewhere."""
        super().__init__(id=id, max_lines=KEPT, wrap=True, min_width=20)
        self._remarks = remarks
        self._look = look
        self._width = 0
        """That the lines are wrapped to."""

    def add(self, remark: Remark) -> None:
        """Add the newest at the bottom, and stay there unless someone has scrolled away."""
        self.write(words(remark, self._look), scroll_end=self.is_vertical_scroll_end)

    def restyle(self, look: Look) -> None:
        """Show all of them in this look, wrapped to the present width."""
        self._look = look
        self.clear()
        for remark in self._remarks:
            self.write(words(remark, look))

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        """Lines are wrapped to the width."""
        if self.size.width not in (0, self._width):
            self._width = self.size.width
            self.restyle(self._look)
