"""The log view: what happened when, in words, and what libraries printed."""

from __future__ import annotations

from textual import events
from textual.widgets import RichLog

from cifar_tui.tui.log.status_log import MAX_MESSAGES, LogMessage, StatusLog, message_text
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, View


class LogPanel(RichLog, View):
    """All messages since the dashboard was started, the newest at the bottom."""

    def __init__(self, log: StatusLog, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, max_lines=MAX_MESSAGES, wrap=True, min_width=20)
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
        if self.size.width not in (0, self._width):
            self._width = self.size.width
            self._fill()

    def _add(self, message: LogMessage) -> None:
        """Add the newest at the bottom, and stay there unless someone has scrolled away."""
        self.write(message_text(message, self._look), scroll_end=self.is_vertical_scroll_end)

    def _fill(self) -> None:
        self.clear()
        for message in self._log.messages:
            self.write(message_text(message, self._look))
