"""What stands where, and which part of it is drawn when a run has news."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.widgets import Static

from cifar_tui.tui import keys
from cifar_tui.tui.log.messages import KEPT, Remark, words
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table import RunsTable
from cifar_tui.tui.theme import Look
from cifar_tui.tui.views_screen import ViewsScreen
from cifar_tui.tui.widgets.footer import footer
from cifar_tui.tui.widgets.lines import Part
from cifar_tui.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from textual.widgets import Input

    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.system.hardware import Sample
    from cifar_tui.tui.body import Body
    from cifar_tui.tui.images.pixels import Pixels
    from cifar_tui.tui.views import Views

SMALLEST = (60, 15)
"""Columns and lines of the smallest terminal that shows anything useful."""


MOVES = {
    "up": "cursor_up",
    "down": "cursor_down",
    "pageup": "page_up",
    "pagedown": "page_down",
    "home": "scroll_top",
    "end": "scroll_bottom",
}
"""The keys that select a run, and what the table calls it."""


class MainScreen(ViewsScreen):
    """The runs table, the view of the selected run, and beside it its progress and its device."""

    AUTO_FOCUS = ""
    """Nothing: without the focus, the cursor keys select runs."""
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings("screen"),
        *(Binding(key, f"move('{action}')", show=False, priority=True) for key, action in MOVES.items()),
    ]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (SMALLEST[0], "-narrow"),
        (100, "-broad"),
        (160, "-huge"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (SMALLEST[1], "-flat"),
        (30, "-usual"),
        (50, "-high"),
    ]

    def __init__(
        self,
        entries: Sequence[Entry],
        look: Look,
        size: Size,
        selected: Callable[[], None],
        session: Callable[[], Workspace],
        with_class: Callable[[Entry, Callable[[], None]], None],
    ) -> None:
        """Show these runs.

        Args:
            entries: What is known from the start.
            look: How to draw.
            size: The terminal's.
            selected: Called when another run is selected.
            session: Gives the session that has the images.
            with_class: Does what runs the class of a run's model, if need be once it was asked whether to.
        """
        # As the first resize will set them: the first picture is the right one.
        wide = next(name for least, name in reversed(self.HORIZONTAL_BREAKPOINTS) if size.width >= least)
        high = next(name for least, name in reversed(self.VERTICAL_BREAKPOINTS) if size.height >= least)
        super().__init__(classes=" ".join([wide, high, *(["-ascii"] if look.ascii else [])]))
        self.look = look
        self.remarks: deque[Remark] = deque(maxlen=KEPT)
        self.runs = RunsTable(self._selected)
        self.body: Body | None = None
        """The panels; None until the first picture stands."""
        self.filter: Input | None = None
        """Where the filter is typed; it comes with the panels."""
        self.finder: Input | None = None
        """Where the name of a class is typed that is looked for in the matrix; likewise."""
        self._entries = entries
        self._tell_selected = selected
        self._session = session
        self.with_class = with_class
        self._title = StatusLine(id="title")
        self._message = StatusLine(id="message")
        self._keys = StatusLine(id="keys")
        self._marked: Sequence[Entry] = ()
        self._pixels: Pixels | None = None

    def compose(self) -> ComposeResult:
        """The panels, from top to bottom."""
        yield self._title
        yield self.runs
        yield Static(id="no-body")
        yield self._message
        yield Static(id="too-small")
        yield self._keys

    async def furnish(self) -> None:
        """Put the panels on."""
        from textual.widgets import Input

        from cifar_tui.tui.body import Body

        body = Body(self.remarks, self.look, self._session)
        filter_box = Input(id="filter", placeholder="filter: any part of a run's row", compact=True)
        finder = Input(
            id="finder", placeholder="class: any part of its name; Enter: the next, Esc: the matrix", compact=True
        )
        for box in (filter_box, finder):
            box.cursor_blink = False  # A line over SSH is not to be kept busy.
            box.display = False
        await self.query_one("#no-body").remove()
        await self.mount(filter_box, finder, body, after=self.runs)
        self.body, self.filter, self.finder = body, filter_box, finder
        if self._pixels is not None:
            body.views.images.draw_by(self._pixels)
        self.draw_selected()

    def on_mount(self) -> None:
        """The first rows."""
        self.runs.border_title = "runs"
        self.fill(self._entries)

    def on_resize(self, event: events.Resize) -> None:
        """Say it where nothing useful fits."""
        width, height = event.size
        if width < SMALLEST[0] or height < SMALLEST[1]:
            text = f"cifar-tui needs {SMALLEST[0]} columns and {SMALLEST[1]} lines; here are {width} and {height}"
            self.query_one("#too-small", Static).update(text)
        self.call_after_refresh(self.draw_keys)

    def on_screen_resume(self) -> None:
        """A box is gone from before it, and may have taken a change of the terminal's size with it."""
        self.post_message(events.Resize(self.app.size, self.app.size))

    @property
    def selected(self) -> Entry | None:
        """The run that the panels show."""
        return self.runs.selected

    @property
    def views(self) -> Views | None:
        """The views of the selected run, once they are there."""
        return None if self.body is None else self.body.views

    def draw_images_by(self, pixels: Pixels) -> None:
        """Draw images so from now on."""
        self._pixels = pixels
        if self.views is not None:
            self.views.images.draw_by(pixels)

    def show_filter(self) -> None:
        """Put the filter on, and the keyboard into it."""
        if self.filter is not None:
            self.filter.display = True
            # Not by `focus`, which waits its turn: what is typed next belongs there.
            self.set_focus(self.filter)

    def hide_filter(self) -> bool:
        """Take the filter away; whether it was on."""
        if self.filter is None or not self.filter.display:
            return False
        self.set_focus(None)
        self.filter.value = ""
        self.filter.display = False
        return True

    @property
    def in_matrix(self) -> bool:
        """Whether the cursor keys move the matrix's cursor."""
        return self.views is not None and self.focused is self.views.confusion

    def find_class(self) -> None:
        """Put the line for a class's name on, and the keyboard into it."""
        if self.finder is not None:
            self.finder.display = True
            self.set_focus(self.finder)

    def hide_finder(self) -> bool:
        """Go from that line to the matrix, where the cursor stays; whether it was on."""
        if self.finder is None or not self.finder.display:
            return False
        self.finder.value = ""
        self.finder.display = False
        if self.views is not None:
            self.views.confusion.find("")
            if self.focused is self.finder or self.focused is None:
                self.set_focus(self.views.keyboard)
        return True

    def fill(self, entries: Iterable[Entry]) -> None:
        """Show these runs in the table."""
        self.runs.fill(entries, self.look)
        self.draw_selected()

    def restyle(self, look: Look) -> None:
        """Draw everything in another look."""
        self.look = look
        if self.views is not None:
            self.views.restyle(look)
        self.fill(self.runs.entries)

    def draw(self, changed: Collection[Entry], marked: Sequence[Entry]) -> None:
        """Draw what shows one of the runs that have news."""
        self._marked = marked
        for entry in changed:
            self.runs.update(entry)
        if self.selected in changed or any(entry in changed for entry in marked):
            self.draw_selected()

    def draw_selected(self) -> None:
        """Draw all panels of the selected run."""
        if self.body is not None:
            self.body.draw(self.selected, self._marked, self.look)
        self.settle()

    def mark(self, marked: Sequence[Entry]) -> None:
        """Compare these from now on."""
        self._marked = marked
        self.draw_selected()

    def sampled(self, sample: Sample | None) -> None:
        """What the devices do now; None where nothing runs."""
        if self.body is not None:
            self.body.sampled(sample)

    def say(self, remark: Remark) -> None:
        """Put a line into the log, and below the panels until the next one."""
        self.remarks.append(remark)
        if self.views is not None:
            self.views.remarked(remark)
        if remark.level == "debug":
            return
        parts: list[Part] = []
        for segment in words(remark, self.look).render(self.app.console):
            text = segment.text.rstrip("\n")
            parts.append(text if segment.style is None else (text, segment.style))
        self._message.say(parts, look=self.look)

    def head(self, left: Sequence[Part], right: Sequence[Part]) -> None:
        """Set the title line."""
        self._title.say(left, right, look=self.look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys are no keys where a box stands before the panels, or the filter or a class is typed."""
        if action == "move":
            return self.is_active and self.focused is None
        # Not by the filter's `has_focus`, which waits its turn behind what was typed.
        return action not in keys.ACTIONS or (self.is_active and not self._is_typed)

    @property
    def _is_typed(self) -> bool:
        return self.focused is not None and self.focused in (self.filter, self.finder)

    def action_move(self, how: str) -> None:
        """Select another run."""
        getattr(self.runs, f"action_{how}")()

    def _selected(self) -> None:
        self.draw_selected()
        self._tell_selected()

    def draw_keys(self) -> None:
        """Name the keys that matter now."""
        acting = () if self.views is None else self.views.keys
        width = self._keys.size.width
        self._keys.say(footer(self.selected, len(self._marked), acting, width, self.look), look=self.look)
