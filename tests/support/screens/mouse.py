"""The mouse on a terminal, and the places that a test points at with it: columns and lines, from 0."""

from __future__ import annotations

from typing import Literal

from tests.support.terminal import Screen, Terminal

BUTTON, DRAGGED, MOVED, WHEEL_UP, WHEEL_DOWN, CTRL = 0, 32, 35, 64, 65, 16
"""As terminals number them; Ctrl is added to another."""


def find(terminal: Terminal, text: str, below: int = 0) -> tuple[int, int]:
    """The first place where the screen shows a text, from this line on, as soon as it does."""
    found: list[tuple[int, int]] = []

    def is_shown(_: Screen) -> bool:
        lines = enumerate(terminal.text().split("\n"))
        found[:] = [(line.index(text), y) for y, line in lines if y >= below and text in line]
        return bool(found)

    terminal.wait_for(is_shown)
    return found[0]


def click(terminal: Terminal, text: str, below: int = 0) -> None:
    """Click on the beginning of a text, as soon as the screen shows it."""
    terminal.click(*find(terminal, text, below))


def hover(terminal: Terminal, x: int, y: int) -> None:
    """Move the mouse there."""
    _send(terminal, MOVED, x, y)


def wheel(terminal: Terminal, x: int, y: int, way: Literal["up", "down"], *, ctrl: bool = False) -> None:
    """Turn the wheel by a notch there."""
    _send(terminal, (WHEEL_UP if way == "up" else WHEEL_DOWN) + ctrl * CTRL, x, y)


def drag(terminal: Terminal, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Move the mouse from one place to another with its button down."""
    _send(terminal, BUTTON, *start)
    _send(terminal, DRAGGED, *end)
    _send(terminal, BUTTON, *end, released=True)


def _send(terminal: Terminal, button: int, x: int, y: int, *, released: bool = False) -> None:
    terminal.send(f"\x1b[<{button};{x + 1};{y + 1}{'m' if released else 'M'}")
