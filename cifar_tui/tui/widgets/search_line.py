"""A line in which a person types what to look for; it is hidden until it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.widgets import Input


class SearchLine(Input):
    """An input that takes the keyboard at once when it is opened, so that what is typed next goes where it belongs."""

    def __init__(
        self,
        placeholder: str,
        changed: Callable[[str], None],
        submitted: Callable[[], None],
        *,
        id: str,  # noqa: A002
    ) -> None:
        """Stay hidden until `open`.

        Args:
            placeholder: What is shown while nothing is typed.
            changed: Called with all that is typed whenever it changes.
            submitted: Called at Enter.
            id: For the stylesheet.
        """
        super().__init__(id=id, placeholder=placeholder, compact=True)
        self.cursor_blink = False  # A line over SSH is not to be kept busy.
        self.display = False
        self._on_change, self._on_submit = changed, submitted

    def open(self) -> None:
        """Show it, with the keyboard in it."""
        self.display = True
        # Not by `focus`, which waits its turn.
        self.screen.set_focus(self)

    def close(self) -> None:
        """Empty and hide it."""
        self.value = ""
        self.display = False

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        self._on_change(event.value)

    async def action_submit(self) -> None:
        """Do what Enter does: at once, and not by a message, behind which the next key would be text."""
        self._on_submit()
