"""The command palette's commands: the actions of the keys, by the same names."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from cifar_tui.tui.help import key_names
from cifar_tui.tui.keys import KEYS, PANEL_GROUPS

if TYPE_CHECKING:
    from cifar_tui.tui.app import Dashboard


def commands(app: Dashboard) -> Iterator[SystemCommand]:
    """One for each key, for `App.get_system_commands`."""
    for key in KEYS:
        owner = app.main if key.group in PANEL_GROUPS else app
        yield SystemCommand(
            f"{key.label.capitalize()} ({app.look.text(key_names(key))})",
            app.look.text(key.help),
            functools.partial(app.run_action, key.action, owner),
        )
