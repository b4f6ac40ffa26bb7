"""What a view is to the main screen, and the snapshot that all panels draw from."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual.message import Message
from textual.widget import Widget

from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Panel

if TYPE_CHECKING:
    from cifar_tui.system.hardware import Sample


@dataclass(frozen=True, slots=True)
class Context:
    """What there is to draw."""

    selected: Entry | None = None
    """The run under the cursor of the runs table."""
    marked: tuple[Entry, ...] = ()
    """Those that are marked for comparing."""
    sample: Sample | None = None
    """What the devices do; None while nothing trains here."""
    look: Look = field(default_factory=Look)


class View(Widget):
    """What stands beside the sidebar, one view at a time; `VIEWS` registers them all.

    The main screen knows no more of a view than this. A view is a widget of another base first, such as `Panel`.
    """

    roomy: ClassVar[bool] = False
    """Whether the sidebar, and on low screens the runs, make room for it."""
    shows_devices: ClassVar[bool] = False
    """Whether it is drawn again with each sample of the devices."""

    opened_from = ""
    """The name of the view that was shown before it."""

    class KeysChanged(Message):
        """Other keys act in it now."""

    @abstractmethod
    def show(self, context: Context) -> None:
        """Draw this."""

    def reload(self) -> None:
        """Renew what it shows: its key was pressed while it was shown."""

    def step(self, delta: int) -> None:
        """Go so many steps back or on: an epoch, a page, or a column of the cursor."""

    def leave(self) -> str:
        """Clear a cursor or the like; the name of the view to go back to, empty to stay."""
        return ""

    @property
    def takes_cursor_keys(self) -> bool:
        """Whether the cursor keys move something in it."""
        return False

    @property
    def active_keys(self) -> tuple[str, ...]:
        """The ids of keys that act in this view as it stands, and not in every other."""
        return ()


class RunPanel(Panel):
    """A panel that shows the selected run."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.entry: Entry | None = None

    def show(self, context: Context) -> None:
        """Draw the selected run as it stands now."""
        self.entry, self.look = context.selected, context.look
        self.draw()
