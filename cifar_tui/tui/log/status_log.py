"""The messages of the dashboard: what happened when, kept for the log view and shown in the line below the panels."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from cifar_tui.errors import CifarTuiError, error_text
from cifar_tui.formatting import printable
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look

if TYPE_CHECKING:
    from cifar_tui.events import Level
    from cifar_tui.runs.messages import Message

MAX_MESSAGES = 1000


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One line of the log."""

    time: str
    """Of the day, `HH:MM:SS`."""
    source: str
    """A run's name, or the program's."""
    number: int | None
    """The run's number, for its colour."""
    level: Level
    text: str


class StatusLog:
    """Keeps the last messages, and hands each new one to those who show it. For the screen's thread."""

    def __init__(self) -> None:
        self.messages: deque[LogMessage] = deque(maxlen=MAX_MESSAGES)
        self._show: list[Callable[[LogMessage], None]] = []

    def subscribe(self, show: Callable[[LogMessage], None]) -> None:
        """Call `show` with each message from now on; it is in `messages` by then."""
        self._show.append(show)

    def write(self, text: str, entry: Entry | None = None, level: Level = "info") -> None:
        """Add a message, about this run or about the program."""
        source, number = (entry.full_name, entry.number) if entry else ("cifar-tui", None)
        message = LogMessage(time.strftime("%H:%M:%S"), printable(source), number, level, printable(text))
        self.messages.append(message)
        for show in self._show:
            show(message)

    def write_error(self, error: Exception) -> None:
        """Add what went wrong beside the screen."""
        self.write(error_text(error), level="error")

    @contextlib.contextmanager
    def refusals(self) -> Iterator[None]:
        """Add a warning for what cannot be done, in place of raising it."""
        try:
            yield
        except CifarTuiError as error:
            self.write(str(error), level="warning")

    def report(self, entry: Entry, message: Message) -> None:
        """Add the log line of something that has happened to a run."""
        from cifar_tui.events import Note, RunFinished
        from cifar_tui.report.event_lines import ending_line, event_line
        from cifar_tui.runs.messages import Ended, Loading

        if isinstance(message, Ended):
            if entry.error:
                self.write(entry.error, entry, "error")
        elif not isinstance(message, Loading):
            assert entry.state is not None
            text = ending_line(message) if isinstance(message, RunFinished) else event_line(message, entry.state)
            if text:
                self.write(text, entry, message.level if isinstance(message, Note) else "info")


def message_text(message: LogMessage, look: Look) -> Text:
    """A message as it is shown."""
    style = {"warning": look.warning, "error": look.bad, "debug": look.dim}.get(message.level)
    source = look.dim if message.number is None else look.run(message.number)
    text = Text.assemble((f"{message.time} ", look.dim), (f"{look.text(message.source)} ", source))
    return text.append(look.text(message.text), style)
