"""What a view is to the main screen, and the snapshot that all panels draw from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Panel, cut_middle

if TYPE_CHECKING:
    from cifar_tui.system.hardware import Sample


SIDE_COLUMNS = 36
"""Of a panel beside the view, before it is laid out."""


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
    name: str = ""
    """The selected run's, as the table has it; empty where it is the only one."""


class View(Widget):
    """What stands beside the sidebar, one view at a time; `VIEWS` registers them all.

    The main screen knows no more of a view than this. A view is a widget of another base first, such as `Panel`. While
    it has the keyboard, its own bindings come first: arrows, `home` and the like act in it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "views.step(-1)", show=False),
        Binding("right", "views.step(1)", show=False),
    ]
    """Of a view that has no other use for them."""

    roomy: ClassVar[bool] = False
    """Whether the sidebar, and on low screens the runs, make room for it."""
    tall: ClassVar[bool] = False
    """Whether the runs make room for it on low screens."""
    returns: ClassVar[bool] = False
    """Whether Escape leads back from it to the view from which it was opened, and not to the runs."""
    shows_devices: ClassVar[bool] = False
    """Whether it is drawn again with each sample of the devices."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Have every view take the keyboard, whatever its other base says."""
        super().__init_subclass__(**options)
        cls.can_focus = True

    class KeysChanged(Message):
        """Other keys act in it now."""

    @abstractmethod
    def show(self, context: Context) -> None:
        """Draw this."""

    def reload(self) -> None:
        """Renew what it shows: its key was pressed while it was shown."""

    def step(self, delta: int) -> None:
        """Go so many steps back or on: an epoch, a page, or a column of the cursor."""

    def leave(self) -> bool:
        """Go back one step within the view, such as from a cursor; whether there was such a step."""
        return False

    @property
    def active_keys(self) -> tuple[str, ...]:
        """The keys that act in this view as it stands, for the footer, the most useful first.

        Each is an id of the table of keys, with a label behind a colon where its own does not fit: `cell:images`. Ids
        with a space between them are named together: `smoother rougher:smoothing` is shown as `+ - smoothing`.
        """
        return ()


class RunPanel(Panel):
    """A panel that shows the selected run."""

    def __init__(self, *, id: str | None = None, titles: Sequence[str] = ()) -> None:  # noqa: A002
        """Start without a run.

        Args:
            id: For the stylesheet.
            titles: Of its frame, before the run's name: the first that fits, else the last, with less of the
                name; none without a frame.
        """
        super().__init__(id=id)
        self.entry: Entry | None = None
        self.run_name = ""
        self._titles = titles
        self._title = ""

    def show(self, context: Context) -> None:
        """Draw the selected run as it stands now."""
        self.entry, self.look, self.run_name = context.selected, context.look, context.name
        self._write_title()
        self.draw()

    def on_resize(self) -> None:
        """Fit the title to the new size."""
        self._write_title()

    def _write_title(self) -> None:
        if not self._titles:
            return
        forms = [f"{title} · {self.run_name}" if self.run_name else title for title in self._titles]
        room = (self.size.width or SIDE_COLUMNS) - 2
        short = self._titles[-1]
        cut = f"{short} · {cut_middle(self.run_name, room - cell_len(short) - len(' · '), self.look)}"
        fitting = self.look.text(next((form for form in forms if cell_len(form) <= room), cut))
        if fitting != self._title:  # Textual redraws the whole panel, also for the same title.
            self._title = fitting
            self.border_title = Content(fitting)
