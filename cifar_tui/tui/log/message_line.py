"""The line below the panels: the last message until the next one."""

from __future__ import annotations

from cifar_tui.tui.log.status_log import LogMessage, StatusLog, message_text
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part
from cifar_tui.tui.widgets.status_line import StatusLine


class MessageLine(StatusLine):
    """Shows each message but what libraries print, which is for the log view alone."""

    def __init__(self, log: StatusLog, look: Look) -> None:
        super().__init__(id="message")
        self.look = look
        self._log = log
        self._message: LogMessage | None = None

    def on_mount(self) -> None:
        """Show each message from now on."""
        self._log.subscribe(self._show)

    def restyle(self, look: Look) -> None:
        """Show the last message in another look."""
        self.look = look
        if self._message is not None:
            self._show(self._message)

    def _show(self, message: LogMessage) -> None:
        if message.level == "debug":
            return
        self._message = message
        parts: list[Part] = []
        for segment in message_text(message, self.look).render(self.app.console):
            text = segment.text.rstrip("\n")
            parts.append(text if segment.style is None else (text, segment.style))
        self.set_text(parts, look=self.look)
