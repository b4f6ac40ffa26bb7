"""The log: what happened when, in words, and what libraries printed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.widgets import RichLog

from cifar_tui.events import Level
from cifar_tui.tui.look import Look

KEPT = 1000
"""Lines."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the log."""

    time: str
    """Of the day, `HH:MM:SS`."""
    who: str
    """A run's name, or what else spoke."""
    number: int | None
    """The run's number, for its colour."""
    level: Level
    words: str


def words(remark: Remark, look: Look) -> Text:
    """A remark as it is shown."""
    style = {"warning": look.warning, "error": look.bad, "debug": look.dim}.get(remark.level)
    who = look.dim if remark.number is None else look.run(remark.number)
    text = Text.assemble((f"{remark.time} ", look.dim), (f"{look.text(remark.who)} ", who))
    return text.append(look.text(remark.words), style)


class LogPanel(RichLog):
    """All remarks of this session, the newest at the bottom."""

    def __init__(self, look: Look, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, max_lines=KEPT, wrap=True, min_width=20)
        self.remarks: deque[Remark] = deque(maxlen=KEPT)
        self._look = look

    def add(self, remark: Remark) -> None:
        """Add a line at the bottom, and stay there unless someone has scrolled away."""
        self.remarks.append(remark)
        self.write(words(remark, self._look), scroll_end=self.is_vertical_scroll_end)

    def restyle(self, look: Look) -> None:
        """Show all of it in this look, wrapped to the present width."""
        self._look = look
        self.clear()
        for remark in self.remarks:
            self.write(words(remark, look))

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        """Lines are wrapped to the width."""
        if self.remarks and self.size.width:
            self.restyle(self._look)
