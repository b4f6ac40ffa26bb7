"""Which theme is shown: the one that the command line names, or that was chosen last, or what the terminal is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import App
from textual.theme import Theme

from cifar_tui.tui.colours import themes
from cifar_tui.tui.preferences.settings import ScreenSettings, Settings
from cifar_tui.tui.theme import Look

FEW_COLOURS = ("standard", "windows")
"""Rich's names of color systems in which a theme's surfaces cannot be told from each other."""


class ThemeChoice:
    """The themes of an app, and the one that it has."""

    def __init__(self, app: App[Any], settings: Settings, *, ascii_only: bool) -> None:
        """Add the dashboard's own themes to the app.

        Args:
            app: Shows them.
            settings: Keep the one that is chosen.
            ascii_only: Whether panels draw in ASCII alone.
        """
        self._app, self._settings, self._ascii = app, settings, ascii_only
        self._few = app.console.color_system in FEW_COLOURS
        for theme in themes.OWN:
            app.register_theme(theme)

    def start(self, name: str, *, light: bool) -> None:
        """Show this theme; where it has no name, the one that was chosen last, or the dark or the light one."""
        kept = self._settings.load("screen", ScreenSettings).theme
        self.preview(name or (kept if kept in self._app.available_themes else "light" if light else "dark"))

    @property
    def offered(self) -> list[Theme]:
        """All that can be told apart here: the dashboard's own, then Textual's by their names."""
        if self._few:
            return [theme for theme in themes.OWN if theme.ansi]
        others = sorted(self._app.available_themes.values(), key=lambda theme: theme.name)
        return [*themes.OWN, *(theme for theme in others if theme not in themes.OWN and not theme.ansi)]

    @property
    def current(self) -> str:
        """The name of the one that is shown."""
        return self._app.theme

    @property
    def look(self) -> Look:
        """How panels are to draw now."""
        theme = self._app.current_theme
        return Look(dark=theme.dark, colour=not self._app.no_color, ascii=self._ascii, palette=themes.palette(theme))

    def preview(self, name: str) -> None:
        """Show this theme, until another one is shown."""
        theme = self._app.available_themes[name]
        shown = themes.terminal_name(theme) if self._few and not theme.ansi else name
        if shown != self._app.theme:
            self._app.theme = shown

    def choose(self, name: str) -> None:
        """Show this theme, now and when the dashboard is opened again."""
        self.preview(name)
        self._settings.keep("screen", replace(self._settings.load("screen", ScreenSettings), theme=name))
