"""The log view: what happened when, in words, and what libraries printed."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.widgets import RichLog

from cifar_tui.tui.log.status_log import MAX_MESSAGES, LogMessage, StatusLog, message_text
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, View

INDENT = len("15:09:26 ")
"""Columns before the further lines of a message, which stand below its first word."""


class LogPanel(RichLog, View):
    """All messages since the dashboard was started, the newest at the bottom."""

    def __init__(self, log: StatusLog, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, max_lines=MAX_MESSAGES)
        self._log = log
        self._look = Look()
        self._width = 0
        """The width that the lines are wrapped to."""

    def on_mount(self) -> None:
        """Show each message from now on; the earlier ones come with the first size."""
        self._log.subscribe(self._add)

    def show(self, context: Context) -> None:
        """Draw all messages in another look, where it is another one."""
        if context.look != self._look:
            self._look = context.look
            self._fill()

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        """Wrap all messages to another width."""
        width = self.scrollable_content_region.width
        if width not in (0, self._width):
            self._width = width
            self._fill()

    def _add(self, message: LogMessage) -> None:
        """Add the newest at the bottom, and stay there unless someone has scrolled away."""
        if self._width:
            self._write(message, scroll_end=self.is_vertical_scroll_end)

    def _fill(self) -> None:
        self.clear()
        if self._width:
            for message in self._log.messages:
                self._write(message)
            # At its first size, what is written cannot be scrolled yet.
            self.call_after_refresh(self.scroll_end, animate=False)

    def _write(self, message: LogMessage, *, scroll_end: bool = True) -> None:
        # Not in the width that the panel has now: while it is hidden, it has none.
        time, text = message_text(message, self._look).divide([INDENT])
        lines = text.wrap(self.app.console, max(1, self._width - INDENT))
        indented = time.append_text(Text("\n" + " " * INDENT).join(lines))
        self.write(indented, width=self._width, scroll_end=scroll_end)
