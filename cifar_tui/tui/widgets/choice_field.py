"""A form field that takes one of a few values, on one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from cifar_tui.tui.theme import Look


class ChoiceField(Static, can_focus=True):
    """One of a few values, chosen by the arrow keys or the space bar."""

    class Changed(Message):
        """Another value was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "step(1)", show=False),
        Binding("left", "step(-1)", show=False),
    ]
    value: reactive[str] = reactive("")

    def __init__(self, values: Sequence[str], value: str, look: Look) -> None:
        """Start with this value, or with the first one where it is not among them."""
        super().__init__()
        self._values = values
        self._look = look
        self.set_reactive(ChoiceField.value, value if value in values else values[0])

    def render(self) -> Text:
        """All values, the chosen one in brackets; where they do not fit, that one alone."""
        parts = [f"[{value}]" if value == self.value else f" {value} " for value in self._values]
        if sum(map(len, parts)) <= self.size.width:
            styles = ["bold" if value == self.value else self._look.dim for value in self._values]
            return Text.assemble(*zip(parts, styles, strict=True))
        place = f"{self._values.index(self.value) + 1}/{len(self._values)}"
        return Text.assemble((f"[{self.value}]", "bold"), f" {place}")

    def watch_value(self) -> None:
        """Notify the form."""
        self.post_message(self.Changed())

    def action_step(self, step: int) -> None:
        """Choose a neighbour."""
        self.value = self._values[(self._values.index(self.value) + step) % len(self._values)]
