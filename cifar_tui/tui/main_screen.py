"""What stands where, and which part of it is drawn when a run has news."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input, Static

from cifar_tui.hardware import Sample
from cifar_tui.tui import keys
from cifar_tui.tui.charts import ChartsPanel
from cifar_tui.tui.compare import ComparePanel
from cifar_tui.tui.confusion import ConfusionPanel
from cifar_tui.tui.device import DevicePanel
from cifar_tui.tui.entry import Entry
from cifar_tui.tui.footer import footer
from cifar_tui.tui.lines import Part
from cifar_tui.tui.log import LogPanel, Remark, words
from cifar_tui.tui.look import Look
from cifar_tui.tui.progress import ProgressPanel
from cifar_tui.tui.runs_table import RunsTable
from cifar_tui.tui.status_line import StatusLine

SMALLEST = (60, 15)
"""Columns and lines of the smallest terminal that shows anything useful."""
VIEWS = {"charts": "1 charts", "confusion": "2 confusion", "compare": "4 compare", "log": "5 log", "device": "6 device"}


class MainScreen(Screen[None]):
    """The runs table, the view of the selected run, and beside it its progress and its device."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("screen")]
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

    # As Textual's, which draws the whole screen again whenever the focus goes to another widget.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look
        self.runs = RunsTable()
        self.charts = ChartsPanel(id="charts")
        self.confusion = ConfusionPanel(id="confusion")
        self.compare = ComparePanel(self.charts.options, id="compare")
        self.log_panel = LogPanel(look, id="log")
        self.filter = Input(id="filter", placeholder="filter: any part of a run's row", compact=True)
        self.filter.cursor_blink = False  # A line over SSH is not to be kept busy.
        self._devices = (DevicePanel(id="device"), DevicePanel(id="side-device"))
        self._progress = (ProgressPanel(id="progress"), ProgressPanel(id="short-progress"))
        self._title = StatusLine(id="title")
        self._message = StatusLine(id="message")
        self._keys = StatusLine(id="keys")
        self._views = ContentSwitcher(id="views", initial="charts")
        self._marked: Sequence[Entry] = ()

    def compose(self) -> ComposeResult:
        """The panels, from top to bottom."""
        yield self._title
        yield self.runs
        yield self.filter
        yield self._progress[1]
        with Horizontal(id="body"):
            with self._views:
                yield self.charts
                yield self.confusion
                yield self.compare
                yield self.log_panel
                yield self._devices[0]
            with Vertical(id="side"):
                yield self._progress[0]
                yield self._devices[1]
        yield self._message
        yield Static(id="too-small")
        yield self._keys

    def on_mount(self) -> None:
        """Frames, and the focus."""
        self.set_class(self.look.ascii, "-ascii")
        self.runs.border_title = "runs"
        self._progress[0].border_title = "progress"
        self._devices[1].border_title = "learning rate and device"
        self._name_views()
        self.runs.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Say it where nothing useful fits."""
        width, height = event.size
        text = f"cifar-tui needs {SMALLEST[0]} columns and {SMALLEST[1]} lines; here are {width} and {height}"
        self.query_one("#too-small", Static).update(text[: max(width, 1)])
        self.call_after_refresh(self._draw_keys)

    @property
    def selected(self) -> Entry | None:
        """The run that the panels show."""
        return self.runs.selected

    @property
    def view(self) -> str:
        """The view that is on, one of `VIEWS`."""
        return self._views.current or "charts"

    def show_view(self, name: str) -> None:
        """Put another view on, and the cursor keys into it where it has a cursor of its own."""
        self._views.current = name
        self._name_views()
        self._draw_view()
        if name in ("confusion", "log"):
            self.query_one(f"#{name}").focus()
        else:
            self.runs.focus()

    def fill(self, entries: Iterable[Entry]) -> None:
        """Show these runs in the table."""
        self.runs.fill(entries, self.look)
        self.draw_selected()

    def restyle(self, look: Look) -> None:
        """Draw everything in another look."""
        self.look = look
        self.log_panel.restyle(look)
        self.fill(self.runs.entries)

    def draw(self, changed: Collection[Entry], marked: Sequence[Entry]) -> None:
        """Draw what shows one of the runs that have news."""
        self._marked = marked
        for entry in changed:
            self.runs.update(entry)
        if self.selected in changed or (self.view == "compare" and any(entry in changed for entry in marked)):
            self.draw_selected()

    def draw_selected(self) -> None:
        """Draw all panels of the selected run."""
        for panel in (*self._progress, self._devices[1]):
            panel.view(self.selected, self.look)
        self._draw_view()
        self._draw_keys()

    def mark(self, marked: Sequence[Entry]) -> None:
        """Compare these from now on."""
        self._marked = marked
        for entry in self.runs.entries:
            self.runs.update(entry)
        self._draw_view()
        self._draw_keys()

    def sampled(self, sample: Sample | None) -> None:
        """What the devices do now; None where nothing runs."""
        for panel in self._devices:
            panel.sampled(sample)

    def say(self, remark: Remark) -> None:
        """Put a line into the log, and below the panels until the next one."""
        self.log_panel.add(remark)
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

    def action_show(self, view: str) -> None:
        """Another view."""
        self.show_view(view)

    def action_x_axis(self) -> None:
        """The next x axis."""
        self.charts.cycle_x_axis()
        self._draw_view()

    def action_log_scale(self) -> None:
        """The loss on a logarithmic scale, or not."""
        self.charts.toggle_log()
        self._draw_view()

    def action_smooth(self, step: int) -> None:
        """Smoother curves, or rougher ones."""
        self.charts.smooth(step)
        self._draw_view()

    def action_zoom(self) -> None:
        """The next part of the x axis."""
        self.charts.zoom()
        self._draw_view()

    def action_step(self, delta: int) -> None:
        """The charts' cursor, or the matrix's epoch."""
        if self.view == "confusion":
            self.confusion.step(delta)
        else:
            self.charts.step(delta)

    def action_percent(self) -> None:
        """The matrix in counts or in row percentages."""
        self.confusion.toggle_percent()

    def _draw_view(self) -> None:
        match self.view:
            case "charts":
                self.charts.view(self.selected, self.look)
            case "confusion":
                self.confusion.view(self.selected, self.look)
            case "compare":
                self.compare.compare(self._marked, self.look)
            case "device":
                self._devices[0].view(self.selected, self.look)

    def _draw_keys(self) -> None:
        self._keys.say(footer(self.selected, len(self._marked), self._keys.size.width, self.look), look=self.look)

    def _name_views(self) -> None:
        titles = (f"[b reverse] {title} [/]" if name == self.view else title for name, title in VIEWS.items())
        self._views.border_title = "  ".join(titles)
