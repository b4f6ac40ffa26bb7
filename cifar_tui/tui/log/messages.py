"""What the dashboard says: what happened when, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from cifar_tui.tui.theme import Look

if TYPE_CHECKING:
    from cifar_tui.events import Level

KEPT = 1000
"""Remarks."""


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
