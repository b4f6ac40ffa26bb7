"""The base of all dialogs: a box in the middle of the screen, over the panels."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from cifar_tui.formatting import printable
from cifar_tui.tui.runtime.quiet_screen import QuietScreen
from cifar_tui.tui.theme import Look

T = TypeVar("T")
WIDE = 110
"""The columns from which on a screen is laid out in two columns."""
ROOMY = 22
"""The lines from which on there is room for empty ones."""


class Modal(QuietScreen[T | None], ModalScreen[T | None]):
    """A box over the panels. Escape and Ctrl+C cancel it: its result is None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before any widget of the box: an input would copy its text at Ctrl+C. And at once, so that the key after it
        # does not go to the box.
        Binding("escape", "cancel", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (WIDE, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (ROOMY, "-roomy")]  # noqa: RUF012

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look
        self._answered = False
        self.set_class(look.ascii, "-ascii")

    def on_mount(self) -> None:
        """Lay it out at once as the first resize will have it."""
        width, height = self.app.size
        for size, breakpoints in ((width, self.HORIZONTAL_BREAKPOINTS), (height, self.VERTICAL_BREAKPOINTS)):
            self.add_class(next(name for least, name in reversed(breakpoints) if size >= least))

    def answer(self, answer: T | None) -> None:
        """Close it with this result. The first one counts: keys may have been pressed before it was closed."""
        if self.is_active and not self._answered:
            self._answered = True
            self.dismiss(answer)

    def action_cancel(self) -> None:
        """Close it without a result."""
        self.answer(None)

    def action_interrupt(self) -> None:
        """Cancel by Ctrl+C."""
        self.action_cancel()

    def frame(self, box: Widget, title: str, keys: str) -> None:
        """Write a title and the keys of the box into its border.

        Args:
            box: The dialog's.
            title: What it is about.
            keys: Each key and what it does, with two spaces between them: `Enter chooses  Esc cancels`.
        """
        box.border_title = Content(f" {self.shown(title)} ")
        hints = []
        for hint in self.shown(keys).split("  "):
            key, _, effect = hint.partition(" ")
            hints.append(Content.assemble((key, "bold"), f" {effect}"))
        box.border_subtitle = Content("  ").join(hints)

    def shown(self, text: str) -> str:
        """`text` on one line, in characters that the terminal draws."""
        return self.look.text(printable(text))
