"""The command palette: the actions of the keys, by the same names."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.widgets import Input

from cifar_tui.tui.help import key_names
from cifar_tui.tui.keys import KEYS, PANEL_GROUPS

if TYPE_CHECKING:
    from cifar_tui.tui.app import Dashboard


class Palette(CommandPalette):
    """Textual's, without what fails or does not fit here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # By pages, Textual's list fails where it has not been laid out since it was filled.
        Binding("pagedown", "command_list('last')", show=False),
        Binding("pageup", "command_list('first')", show=False),
    ]

    _dismissed = False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close it, once: keys may have been pressed before it was closed, and Textual fails at a second time."""
        if self._dismissed or not self.is_active:
            return AwaitComplete()
        self._dismissed = True
        return super().dismiss(result)

    def on_mount(self) -> None:
        """A line over SSH is not to be kept busy."""
        self.query_one(Input).cursor_blink = False


def commands(app: Dashboard) -> Iterator[SystemCommand]:
    """One for each key, for `App.get_system_commands`."""
    for key in KEYS:
        owner = app.main if key.group in PANEL_GROUPS else app
        yield SystemCommand(
            f"{key.label.capitalize()} ({app.look.text(key_names(key))})",
            app.look.text(key.help),
            functools.partial(app.run_action, key.action, owner),
        )
