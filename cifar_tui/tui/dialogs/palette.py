"""The command palette: the keys' actions and the themes, found by their names; and the list of themes alone.

Textual's own ends the app with an error where keys come faster than it searches, closes and lays itself out.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.timer import Timer

from cifar_tui.tui.colours import themes
from cifar_tui.tui.dialogs.search_list import Item, SearchList, T
from cifar_tui.tui.keys import KEYS, Key
from cifar_tui.tui.preferences.theme_choice import ThemeChoice
from cifar_tui.tui.theme import Look

REST = 0.12
"""Seconds for which the cursor is on a theme before that is shown."""


class _Previewing(SearchList[T]):
    """A list with themes in it, of which the one under the cursor is shown."""

    def __init__(
        self, title: str, items: Sequence[Item[T]], none: str, choice: ThemeChoice, look: Look, cursor: int = 0
    ) -> None:
        super().__init__(title, items, none, look, cursor)
        self._choice, self._before = choice, choice.current
        self._waiting: Timer | None = None

    def highlighted(self, value: T | None) -> None:
        """Show the theme, or the one from before, once the cursor rests: another theme draws everything again."""
        if self._waiting is not None:
            self._waiting.stop()
        name = value if isinstance(value, str) else self._before
        self._waiting = self.set_timer(REST, lambda: self._show_theme(name)) if name != self._choice.current else None

    def _show_theme(self, name: str) -> None:
        if not self._answered:
            self._choice.preview(name)
            self.look = self._choice.look

    def answer(self, answer: T | None) -> None:
        """Keep a theme that is chosen."""
        if self.is_active and not self._answered:
            if isinstance(answer, str):
                self._choice.choose(answer)
            else:
                self._choice.preview(self._before)
        super().answer(answer)


class Palette(_Previewing[Key | str]):
    """Returns the key whose action is to be done, or the name of a theme; None where it is cancelled."""

    def __init__(self, choice: ThemeChoice, look: Look) -> None:
        """Offer all keys, and the themes."""
        items: list[Item[Key | str]] = [
            Item(key, f"{key.name:>9}  {key.help}", f"{key.label} {key.help}") for key in KEYS if key.id != "palette"
        ]
        items += [
            Item(
                theme.name,
                f"    theme  {theme.name}: {themes.label(theme)}",
                f"theme {theme.name} {themes.label(theme)}",
            )
            for theme in choice.offered
        ]
        super().__init__("Commands", items, "no command matches", choice, look)


class ThemePicker(_Previewing[str]):
    """Returns the name of the theme that is shown from now on; None where it is cancelled."""

    def __init__(self, choice: ThemeChoice, look: Look) -> None:
        """Offer all themes, the cursor on the one that is shown."""
        offered = choice.offered
        width = max(len(theme.name) for theme in offered)
        items = [
            Item(theme.name, f"{theme.name:<{width}}  {themes.label(theme)}", f"{theme.name} {themes.label(theme)}")
            for theme in offered
        ]
        at = next((n for n, theme in enumerate(offered) if theme.name == choice.current), 0)
        super().__init__("Theme", items, "no theme matches", choice, look, at)
