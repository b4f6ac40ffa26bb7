"""The command palette: the keys' actions, found by their names.

Textual's own ends the app with an error where keys come faster than it searches, closes and lays itself out.
"""

from __future__ import annotations

from cifar_tui.tui.dialogs.search_list import Item, SearchList
from cifar_tui.tui.keys import KEYS, Key
from cifar_tui.tui.theme import Look


class Palette(SearchList[Key]):
    """Returns the key whose action is to be done; None where it is cancelled."""

    def __init__(self, look: Look) -> None:
        """Offer all keys."""
        items = [Item(key, f"{key.name:>5}  {key.help}", f"{key.label} {key.help}") for key in KEYS]
        super().__init__("Commands", items, "no command matches", look)
