"""An app whose terminal is pyte's screen, in the process of the test: what it wrote, and what Textual would have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyte
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver

from tests.support.terminal import Screen
from tests.tui.textual_compat import driver_of, full_picture

SEEN_ON_BLANKS = ("bg", "reverse", "underscore", "strikethrough")
Cell = tuple[Any, ...]


class ScreenDriver(HeadlessDriver):
    """Takes no keys; writes as to a terminal."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self.written: list[str] = []

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.written.append(data)


class SeenTerminal:
    """The terminal of an app that runs with a `ScreenDriver`."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._screen = Screen(*app.size)
        self._stream = pyte.Stream(self._screen)

    def read(self) -> int:
        """Show what was written since the last call; how many bytes that was."""
        driver = driver_of(self._app)
        assert isinstance(driver, ScreenDriver)
        if (self._screen.columns, self._screen.lines) != tuple(self._app.size):
            self._screen.resize(self._app.size.height, self._app.size.width)
        data, driver.written = "".join(driver.written), []
        self._stream.feed(re.sub(r"\x1b\[\?[0-9;]*[hl]", "", data))
        return len(data.encode())

    def garble(self) -> None:
        """Have the terminal lose what it shows."""
        self._stream.feed("\x1b[2J\x1b[Hrubbish from elsewhere")

    def differences(self) -> Iterator[tuple[int, int, Cell, Cell]]:
        """Where it shows something else than Textual draws by itself on an empty terminal: line, column, both cells."""
        meant = pyte.Screen(*self._app.size)
        pyte.Stream(meant).feed(full_picture(self._app))
        for y in range(meant.lines):
            for x in range(meant.columns):
                cells = _seen(self._screen.buffer[y][x]), _seen(meant.buffer[y][x])
                if cells[0] != cells[1]:
                    yield y, x, *cells


def _seen(cell: Any) -> Cell:
    if cell.data == " ":
        return (" ", *(getattr(cell, name) for name in SEEN_ON_BLANKS))
    return tuple(cell)
