"""The private parts of Textual that tests depend on, each with the public way that is missing."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App
from textual.driver import Driver
from textual.screen import Screen
from textual.strip import Strip


def screen_strips(screen: Screen[Any]) -> list[Strip]:
    """The lines of a screen, with their styles. What is public exports them as a picture."""
    return screen._compositor.render_strips()


class LayoutCounter:
    """Counts how often screens of a class are laid out, of which nothing public tells."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, screen: type[Screen[Any]], limit: int) -> None:
        self.count = 0
        refresh_layout = screen._refresh_layout

        def counted(*arguments: Any, **options: Any) -> None:
            self.count += 1
            assert self.count < limit, "the screen is laid out again and again"
            refresh_layout(*arguments, **options)

        monkeypatch.setattr(screen, "_refresh_layout", counted)


def driver_of(app: App[Any]) -> Driver | None:
    """What connects an app to its terminal. What is public names its class."""
    return app._driver


def full_picture(app: App[Any]) -> str:
    """What Textual writes for the whole of the screen. What is public leaves out the styles."""
    update = app.screen._compositor.render_full_update()
    return update.render_segments(app.console)
