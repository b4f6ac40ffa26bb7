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
from cifar_tui.tui.panel_layout import FRAMED, PanelLayout
from cifar_tui.tui.preferences.settings import Settings
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
"""Runs that are marked at once: the events of all of them are read, and each has a letter in the charts."""
COMPARE = "compare"
"""The view of the marked runs."""
MOVES: dict[str, Callable[[RunsTable], None]] = {
    "up": RunsTable.action_cursor_up,
    "down": RunsTable.action_cursor_down,
    "pageup": RunsTable.action_page_up,
    "pagedown": RunsTable.action_page_down,
    "home": RunsTable.action_scroll_top,
    "end": RunsTable.action_scroll_bottom,
}
"""The keys that select a run while the runs table has the keyboard."""


class MainScreen(QuietScreen[None]):
    """The runs table, a view of the selected run, and beside it its progress and its device."""

    AUTO_FOCUS = "#runs"
    """The keyboard is always somewhere: in the table, in the view, or in a line that is typed in."""
    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the other use of the key, in a view.
        Binding("enter", "fold", show=False, priority=True),
        *keys.bindings(),
        *(Binding(key, f"move('{key}')", show=False, priority=True) for key in MOVES),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (SMALLEST[0], "-narrow"), (FRAMED[0], "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (SMALLEST[1], "-flat"), (FRAMED[1], "-high")]  # noqa: RUF012

    def __init__(
        self,
        runs: RunList,
        run_events: RunEvents,
        log: StatusLog,
        make_views: Callable[[Callable[[str], bool]], ViewSwitcher],
        look: Look,
        size: Size,
        settings: Settings,
    ) -> None:
        """Show these runs.

        Args:
            runs: All of them.
            run_events: Told which ones are shown.
            log: Its messages are shown.
            make_views: Makes the views, after the first picture; it is given what says whether a key may do an action.
            look: How to draw.
            size: The terminal's.
            settings: Keep the sizes of the panels.
        """
        # As the first resize will set them: the first picture is the right one.
        wide = next(name for least, name in reversed(self.HORIZONTAL_BREAKPOINTS) if size.width >= least)
        high = next(name for least, name in reversed(self.VERTICAL_BREAKPOINTS) if size.height >= least)
        super().__init__(classes=" ".join([wide, high, *(["-ascii"] if look.ascii else [])]))
        self.table = RunsTable(self._selection_changed, run_events.read_options, settings)
        self.views: ViewSwitcher | None = None
        """The views of the selected run; like the other panels, they come after the first picture."""
        self._runs, self._run_events, self._log = runs, run_events, log
        self._make_views, self._look = make_views, look
        self._sample: Sample | None = None
        self._pixels: Pixels | None = None
        self._panels: Sequence[RunPanel] = ()
        self._device: RunPanel | None = None
        self._filter: FilterLine | None = None
        self._title = TitleLine(runs, run_events)
        self._message = MessageLine(log, look)
        self._footer = Footer(id="keys")
        self.sizes = PanelLayout(self, self.table, self.allows, settings)

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
        short, progress = ProgressPanel(id="short-progress"), ProgressPanel(id="progress", titles=("progress",))
        device = DevicePanel(id="side-device", titles=("learning rate and device", "learning rate"))
        device.can_focus = False
        side = Vertical(progress, device, id="side")
        body = Vertical(short, Horizontal(views, side), id="body")
        filter_line = FilterLine(self.table, self._to_runs)
        await self.query_one("#no-body").remove()
        await self.mount(filter_line, views.finder, body, after=self.table)
        self.views, self._filter, self.sizes.side = views, filter_line, side
        self._panels, self._device = (short, progress, device), device
        if self._pixels is not None:
            views.images.draw_by(self._pixels)
        self.sizes.apply()
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
        self._fit_panels()
        self.call_after_refresh(self._after_resize)

    def _after_resize(self) -> None:
        """Where what had the keyboard was hidden meanwhile, nothing has it."""
        if self.focused is None and self.app.app_focus:
            self._to_runs()
        self._draw_keys()

    def on_screen_suspend(self) -> None:
        """A dialog has the keyboard."""
        self._set_covered(True)

    def on_screen_resume(self) -> None:
        """A dialog was closed, which may have taken a change of the terminal's size with it."""
        self._set_covered(False)
        self.post_message(events.Resize(self.app.size, self.app.size))

    def _set_covered(self, covered: bool) -> None:
        self.set_class(covered, "-covered")
        if self.views is not None:
            self.views.write_titles()

    # What is drawn when

    @property
    def selected(self) -> Entry | None:
        """The run that the panels show."""
        return self.table.selected

    @property
    def context(self) -> Context:
        """What there is to draw now."""
        return Context(self.selected, self._runs.marked, self._sample, self._look, self.table.selected_name)

    def fill(self) -> None:
        """Draw the table with the runs that match the filter."""
        self.table.fill(self._runs, self._look)
        if self._filter is not None:
            self._filter.show_found()
        self._fit_panels()
        self.draw_selected()
        self._title.show(self._look)

    def restyle(self, look: Look) -> None:
        """Draw everything in another look."""
        self._look = look
        self._message.restyle(look)
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
        views = self.views
        self._footer.show(self.context, None if views is None else views.view, in_view=self._view_has_keyboard)

    def on_view_keys_changed(self) -> None:
        """Name the keys that act now."""
        self._draw_keys()

    def on_descendant_focus(self) -> None:
        """Show where the keyboard is."""
        if self.views is not None:
            self.views.write_titles()
        self._make_room()
        self._draw_keys()

    @property
    def _view_has_keyboard(self) -> bool:
        return self.views is not None and self.focused is self.views.view

    # How large the panels are

    def _fit_panels(self) -> None:
        """Size them by what they show now. While rows are filtered, the table stays as it is."""
        rows = len(self._runs) if self.table.model.filter.typed else self.table.row_count
        self.sizes.fit(rows)
        self._make_room()

    def on_runs_table_rows_changed(self) -> None:
        """The table is as high as its rows."""
        self._fit_panels()

    def _make_room(self) -> None:
        """On low screens, hide the runs while a view that takes all the room has the keyboard."""
        view = self.views.view if self.views is not None and self._view_has_keyboard else None
        self.sizes.show_runs(view is None or not (view.roomy or view.tall))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a border between panels."""
        self.sizes.grab(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move it."""
        self.sizes.drag(event)

    def on_mouse_up(self) -> None:
        """Leave it there."""
        self.sizes.drop()

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
        """The cursor keys select runs, and Enter folds groups of them, where the table has the keyboard."""
        if action == "fold":
            return self.table.model.group is not None and self.check_action("move", ())
        return self.focused in (None, self.table) if action == "move" else self.allows(action)

    def action_move(self, key: str) -> None:
        """Select another run."""
        MOVES[key](self.table)

    def action_fold(self) -> None:
        """Hide the runs of the group under the cursor, or show them."""
        self.table.toggle_fold()

    def action_mark(self) -> None:
        """Mark the selected run for comparison, or all of a group; where they are marked, remove the marks.

        In a view, the arrows have not moved to another run: there, the first press goes to the runs. It marks at once
        where the view is a comparison that asks for marks.
        """
        group, selected = self.table.model.group, self.selected
        entries = group.members if group is not None else () if selected is None else (selected,)
        if selected is not None and self.views is not None and self._view_has_keyboard:
            self._to_runs()
            wanted = self.views.shown == COMPARE and len(self._runs.marked) < 2
            if not wanted or not {*entries}.difference(self._runs.marked):
                self._log.write(f"the runs have the keyboard: space marks {selected.full_name}")
                return
        if len({*entries, *self._runs.marked}) > MOST_MARKED:
            self._log.write(f"at most {MOST_MARKED} runs are marked at once", level="warning")
        elif entries:
            self._runs.toggle_marks(entries)
            self.show_runs()
            self.table.update(*entries)
            self.draw_selected()
            marked = len(self._runs.marked)
            more = ": c compares them" if marked > 1 else "; mark one more to compare them" if marked else ""
            self._log.write(f"{plural(marked, 'run') if marked else 'no run'} marked{more}")

    def action_compare(self) -> None:
        """Compare the marked runs."""
        self.show_runs()
        if self.views is not None:
            self.views.open(COMPARE)

    def action_filter(self) -> None:
        """Type what the runs' rows must contain; in the matrix, the name of a class to find."""
        if self.views is not None and self.focused is self.views.confusion:
            self.views.finder.open()
        elif self._filter is not None:
            self._filter.open()

    def action_leave(self) -> None:
        """Go back one step: from the line that is typed in, within the view, from the view to the runs."""
        if self.views is None or self.views.close_finder():
            return
        if self._filter is not None and self._filter.display and not self._view_has_keyboard:
            self._filter.close()
            self._to_runs()
        elif self._view_has_keyboard and not self.views.leave():
            self._to_runs()

    def action_next_part(self, step: int) -> None:
        """Give the keyboard to the next part of the screen, or to the one before."""
        self.sizes.show_runs()
        if step > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def _to_runs(self) -> None:
        """Give the keyboard to the runs table."""
        self.sizes.show_runs()
        self.set_focus(self.table)
