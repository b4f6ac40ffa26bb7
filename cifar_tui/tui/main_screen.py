"""The main screen: where the panels stand, what is drawn when, and what the keys of the table do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from cifar_tui.formatting import plural
from cifar_tui.tui import keys
from cifar_tui.tui.footer import Footer
from cifar_tui.tui.log.message_line import MessageLine
from cifar_tui.tui.log.status_log import StatusLog
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.run_events import RunEvents
from cifar_tui.tui.runs.run_list import RunList
from cifar_tui.tui.runs.table.panel import RunsTable
from cifar_tui.tui.runs.title import TitleLine
from cifar_tui.tui.runtime.quiet_screen import QuietScreen
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, RunPanel

if TYPE_CHECKING:
    from cifar_tui.system.hardware import Sample
    from cifar_tui.tui.images.pixels import Pixels
    from cifar_tui.tui.runs.table.filter_line import FilterLine
    from cifar_tui.tui.view_switcher import ViewSwitcher

SMALLEST = (60, 15)
"""Columns and lines of the smallest terminal that shows anything useful."""
MOST_MARKED = 30
"""Runs of a group that are marked by one key: the events of all of them are read."""
MOVES: dict[str, Callable[[RunsTable], None]] = {
    "up": RunsTable.action_cursor_up,
    "down": RunsTable.action_cursor_down,
    "pageup": RunsTable.action_page_up,
    "pagedown": RunsTable.action_page_down,
    "home": RunsTable.action_scroll_top,
    "end": RunsTable.action_scroll_bottom,
}
"""The keys that select a run while no view has the keyboard."""


class MainScreen(QuietScreen[None]):
    """The runs table, a view of the selected run, and beside it its progress and its device."""

    AUTO_FOCUS = ""
    """Nothing: without the focus, the cursor keys select runs."""
    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the other use of the key, in a view.
        Binding("enter", "fold", show=False, priority=True),
        *keys.bindings(),
        *(Binding(key, f"move('{key}')", show=False, priority=True) for key in MOVES),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (SMALLEST[0], "-narrow"), (100, "-broad"), (160, "-huge")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (SMALLEST[1], "-flat"), (30, "-usual"), (50, "-high")]  # noqa: RUF012

    def __init__(
        self,
        runs: RunList,
        run_events: RunEvents,
        log: StatusLog,
        make_views: Callable[[Callable[[str], bool]], ViewSwitcher],
        look: Look,
        size: Size,
    ) -> None:
        """Show these runs.

        Args:
            runs: All of them.
            run_events: Told which ones are shown.
            log: Its messages are shown.
            make_views: Makes the views, after the first picture; it is given what says whether a key may do an action.
            look: How to draw.
            size: The terminal's.
        """
        # As the first resize will set them: the first picture is the right one.
        wide = next(name for least, name in reversed(self.HORIZONTAL_BREAKPOINTS) if size.width >= least)
        high = next(name for least, name in reversed(self.VERTICAL_BREAKPOINTS) if size.height >= least)
        super().__init__(classes=" ".join([wide, high, *(["-ascii"] if look.ascii else [])]))
        self.table = RunsTable(self._selection_changed, run_events.read_options)
        self.views: ViewSwitcher | None = None
        """The views of the selected run; like the other panels, they come after the first picture."""
        self._runs, self._run_events, self._log = runs, run_events, log
        self._make_views, self._look = make_views, look
        self._sample: Sample | None = None
        self._pixels: Pixels | None = None
        self._panels: Sequence[RunPanel] = ()
        self._device: RunPanel | None = None
        self._filter: FilterLine | None = None
        self._title = TitleLine(runs, run_events.runs_dir)
        self._message = MessageLine(log, look)
        self._footer = Footer(id="keys")

    # What stands where

    def compose(self) -> ComposeResult:
        """The first picture: without the panels of the selected run, whose import takes a while."""
        yield self._title
        yield self.table
        yield Static(id="no-body")
        yield self._message
        yield Static(id="too-small")
        yield self._footer

    async def add_panels(self) -> None:
        """Complete the screen."""
        from cifar_tui.tui.runs.table.filter_line import FilterLine
        from cifar_tui.tui.sidebar.device import DevicePanel
        from cifar_tui.tui.sidebar.progress import ProgressPanel

        views = self._make_views(self.allows)
        short, progress = ProgressPanel(id="short-progress"), ProgressPanel(id="progress")
        device = DevicePanel(id="side-device")
        progress.border_title, device.border_title = "progress", "learning rate and device"
        body = Vertical(short, Horizontal(views, Vertical(progress, device, id="side")), id="body")
        filter_line = FilterLine(self._set_filter, self._submit_filter)
        await self.query_one("#no-body").remove()
        await self.mount(filter_line, views.finder, body, after=self.table)
        self.views, self._filter = views, filter_line
        self._panels, self._device = (short, progress, device), device
        if self._pixels is not None:
            views.images.draw_by(self._pixels)
        self.draw_selected()

    def on_mount(self) -> None:
        """The first rows."""
        self.table.border_title = "runs"
        self.fill()

    def on_resize(self, event: events.Resize) -> None:
        """Say so where nothing useful fits."""
        width, height = event.size
        if width < SMALLEST[0] or height < SMALLEST[1]:
            text = f"The dashboard needs {SMALLEST[0]} columns and {SMALLEST[1]} lines; here are {width} and {height}"
            self.query_one("#too-small", Static).update(text)
        self.call_after_refresh(self._draw_keys)

    def on_screen_resume(self) -> None:
        """A dialog was closed, which may have taken a change of the terminal's size with it."""
        self.post_message(events.Resize(self.app.size, self.app.size))

    # What is drawn when

    @property
    def selected(self) -> Entry | None:
        """The run that the panels show."""
        return self.table.selected

    @property
    def context(self) -> Context:
        """What there is to draw now."""
        return Context(self.selected, self._runs.marked, self._sample, self._look)

    def fill(self) -> None:
        """Draw the table with the runs that match the filter."""
        self.table.fill(self._runs, self._look)
        self._say_found()
        self.draw_selected()
        self._title.show(self._look)

    def restyle(self, look: Look) -> None:
        """Draw everything in another look."""
        self._look = self._message.look = look
        self.fill()

    def draw(self, changed: Collection[Entry]) -> None:
        """Draw what shows one of these runs."""
        self.table.update(*changed)
        if self.selected in changed or any(entry in changed for entry in self._runs.marked):
            self.draw_selected()
        self._title.show(self._look)

    def draw_selected(self) -> None:
        """Draw all panels of the selected run."""
        if self.views is not None:
            context = self.context
            for panel in self._panels:
                panel.show(context)
            self.views.show(context)
        self.on_view_keys_changed()

    def draw_images_by(self, pixels: Pixels) -> None:
        """Draw images so from now on."""
        self._pixels = pixels
        if self.views is not None:
            self.views.images.draw_by(pixels)

    def show_sample(self, sample: Sample | None) -> None:
        """Draw what the devices do now; None while nothing trains."""
        self._sample = sample
        if self.views is not None and self._device is not None:
            self._device.show(self.context)
            self.views.show_sample(self.context)

    def _draw_keys(self) -> None:
        self._footer.show(self.context, () if self.views is None else self.views.view.active_keys)

    def on_view_keys_changed(self) -> None:
        """Take the keyboard from a view that has no use for it any more, and name the keys that act now."""
        if self.views is not None and self.focused is self.views.view and self.views.keyboard is None:
            self.set_focus(None)
        self._draw_keys()

    def _selection_changed(self) -> None:
        self.draw_selected()
        self.show_runs()

    def show_runs(self) -> None:
        """Have the events read of what the panels show."""
        self._run_events.show({*self._runs.marked, *([self.selected] if self.selected is not None else [])})

    # What the keys do

    @property
    def _typed_in(self) -> tuple[Widget, ...]:
        return () if self.views is None or self._filter is None else (self._filter.input, self.views.finder)

    def allows(self, action: str) -> bool:
        """Whether a key may do this: while something is typed, keys are text."""
        # Not by `has_focus`, which waits its turn behind what was typed.
        typing = self.focused is not None and self.focused in self._typed_in
        return action not in keys.TYPEABLE or not typing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The cursor keys select runs, and Enter folds groups of them, where nothing else has the keyboard."""
        if action == "fold":
            return self.table.model.group is not None and self.check_action("move", ())
        return self.focused is None if action == "move" else self.allows(action)

    def action_move(self, key: str) -> None:
        """Select another run."""
        MOVES[key](self.table)

    def action_fold(self) -> None:
        """Hide the runs of the group under the cursor, or show them."""
        self.table.toggle_fold()

    def action_mark(self) -> None:
        """Mark the selected run for comparison, or all of a group; where they are marked, remove the marks."""
        group, selected = self.table.model.group, self.selected
        entries = group.members if group is not None else () if selected is None else (selected,)
        if len(entries) > MOST_MARKED:
            self._log.write(f"at most {MOST_MARKED} runs are marked at once; filter them first", level="warning")
        elif entries:
            self._runs.toggle_marks(entries)
            self.show_runs()
            self.table.update(*entries)
            self.draw_selected()
            self._log.write(f"{plural(len(self._runs.marked), 'run')} marked; c compares them")

    def action_compare(self) -> None:
        """Compare the marked runs."""
        self.show_runs()
        if self.views is not None:
            self.views.open("compare")

    def action_filter(self) -> None:
        """Type what the runs' rows must contain; in the matrix, the name of a class to find."""
        if self.views is not None and self.focused is self.views.confusion:
            self.views.finder.open()
        elif self._filter is not None:
            self._filter.open()

    def _set_filter(self, typed: str) -> None:
        if not self._run_events.stopped:
            with self.table.arranged() as model:
                model.set_filter(typed)
            self._say_found()

    def _submit_filter(self) -> None:
        self.table.model.keep_selection()
        self._unfocus()

    def _say_found(self) -> None:
        if self._filter is not None:
            model = self.table.model
            self._filter.say(model.filter_note, self._look, wrong=bool(model.filter.problem))

    def action_leave(self) -> None:
        """Close the line that is typed in, or go back to where the images were opened, or clear a cursor."""
        if self.views is None or self.views.close_finder():
            return
        if self._filter is not None and self._filter.display:
            self.set_focus(None)
            self._filter.close()
        else:
            self.views.leave()

    def action_switch_focus(self) -> None:
        """Have the cursor keys move in the view, or select runs."""
        self.set_focus(self.views.keyboard if self.views is not None and self.focused is None else None)

    def _unfocus(self) -> None:
        self.set_focus(None)
