"""A dashboard with nothing but a screen that stands before it, and what is read on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.screen import Screen

import cifar_tui.tui


class Host(App[None]):
    """Opens a screen, and keeps what it gives."""

    CSS_PATH = str(Path(cifar_tui.tui.__file__).parent / "dialogs.tcss")
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, screen: Callable[[], Screen[Any]]) -> None:
        super().__init__()
        self.animation_level = "none"
        self._opened = screen
        self.answers: list[Any] = []

    def on_mount(self) -> None:
        self.open(self._opened())

    def open(self, screen: Screen[Any]) -> None:
        """Open another one."""
        self.push_screen(screen, self.answers.append)

    def text(self) -> list[str]:
        """The lines of the screen."""
        return ["".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips()]
