"""A panel of charts: the keys and the mouse that move their cursor, choose among them, zoom and pan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from cifar_tui.tui.charts.deck import Deck, Drawn
from cifar_tui.tui.charts.options import ZOOM, ChartOptions, Limits
from cifar_tui.tui.charts.series import Series
from cifar_tui.tui.view import View
from cifar_tui.tui.widgets.lines import Panel

WHEEL = 0.8
"""What is left of an axis after a step of the wheel."""
AREA_KEYS = (
    "cursor-left cursor-right:← →=cursor",
    "x-axis:axis",
    "log-scale:log",
    "smoother rougher:smooth",
    "zoom zoom-out:zoom",
    "series",
)
"""The ids of the keys that matter most while charts have the keyboard."""
FIRM = 2
"""The rows by which the mouse moves a chart's y axis too: a hand is not that steady."""


@dataclass(slots=True)
class Grab:
    """The chart that the mouse has grabbed, as it was then, and where."""

    chart: Drawn
    x: int
    y: int
    moved: bool = False


class ChartArea(Panel, can_focus=True):
    """Shows the charts of a deck, in its first lines. Other keys of charts are in the dashboard's table of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
        Binding("up", "move_choice(-1)", show=False),
        Binding("down", "move_choice(1)", show=False),
        Binding("pageup", "turn_page(-1)", show=False),
        Binding("pagedown", "turn_page(1)", show=False),
        Binding("home", "cursor_to(-1)", show=False),
        Binding("end", "cursor_to(1)", show=False),
        Binding("shift+left", "pan_x(-1)", show=False),
        Binding("shift+right", "pan_x(1)", show=False),
        Binding("shift+up", "pan_y(1)", show=False),
        Binding("shift+down", "pan_y(-1)", show=False),
    ]

    def __init__(
        self,
        options: ChartOptions,
        *,
        reads_below: bool = True,
        devices: bool = False,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """Start without runs.

        Args:
            options: How curves are drawn; shared by all areas.
            reads_below: As a deck has it.
            devices: Likewise.
            id: For the stylesheet.
        """
        super().__init__(id=id)
        self.deck = Deck(options, reads_below=reads_below, devices=devices)
        self._grab: Grab | None = None

    @property
    def options(self) -> ChartOptions:
        """How curves are drawn."""
        return self.deck.options

    def choose(self, series: Series | None) -> None:
        """Draw this series in full size; None for loss and accuracy."""
        self.deck.choose(series)
        self._keys_changed()

    def open_chart(self) -> bool:
        """Draw the chosen chart in full size; whether there was another one to choose from."""
        opened = self.deck.open()
        if opened:
            self._keys_changed()
        return opened

    def step(self, delta: int) -> None:
        """Move the cursor by evaluations or columns; where there is none, it appears at the last point."""
        self.deck.step(delta)
        self._keys_changed()

    def turn_page(self, count: int) -> None:
        """Turn pages."""
        self.deck.turn(count)
        self._keys_changed()

    def zoom_x(self, steps: int) -> None:
        """Zoom in on the x axis, or out."""
        self.deck.zoom_x(ZOOM**steps)
        self.draw()

    def zoom_y(self, steps: int) -> None:
        """Zoom in on the y axis of the chosen chart, or out."""
        self.deck.zoom_y(ZOOM**steps)
        self.draw()

    def set_limits(self, limits: Limits) -> None:
        """Show these parts of the axes."""
        self.deck.set_limits(limits)
        self.draw()

    def reload(self) -> None:
        """Return to the first page."""
        self.choose(None)

    def leave(self) -> bool:
        """Clear the cursor, or else return from a chart in full size, or else to the first page."""
        if not self.deck.leave():
            return False
        self._keys_changed()
        return True

    @property
    def page_keys(self) -> tuple[str, ...]:
        """Those that turn pages, where there are several."""
        return ("page-back page:pages",) if self.deck.turns else ()

    @property
    def leave_key(self) -> tuple[str, ...]:
        """Escape, where it leads somewhere."""
        return ("leave",) if self.deck.can_leave else ()

    def action_step(self, delta: int) -> None:
        """Move the cursor."""
        self.step(delta)

    def action_move_choice(self, step: int) -> None:
        """Choose another chart."""
        self.deck.move_choice(step)
        self.draw()

    def action_turn_page(self, count: int) -> None:
        """Turn pages."""
        self.turn_page(count)

    def action_cursor_to(self, end: int) -> None:
        """Move the cursor to the first or the last place that is shown."""
        self.step(end * 100_000)

    def action_pan_x(self, steps: int) -> None:
        """Move along the x axis."""
        self.deck.pan_x(steps)
        self.draw()

    def action_pan_y(self, steps: int) -> None:
        """Move along the y axis of the chosen chart."""
        self.deck.pan_y(steps)
        self.draw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Grab the chart under the mouse."""
        at = event.get_content_offset(self)
        found = None if at is None or event.button != 1 else self.deck.at(at.x, at.y)
        if at is not None and found is not None:
            self._grab = Grab(found, at.x, at.y)
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move what is grabbed, or have the cursor follow."""
        at = event.get_content_offset_capture(self)
        if (grab := self._grab) is not None:
            columns, rows = at.x - grab.x, at.y - grab.y
            if grab.moved or columns or abs(rows) >= FIRM:
                grab.moved = True
                self.deck.drag(grab.chart, columns, rows if abs(rows) >= FIRM else 0)
                self.draw()
        elif self.deck.point(at.x, at.y, pin=False):
            self.draw()

    def on_mouse_up(self) -> None:
        """Let go; where nothing was moved, the cursor stays at this place."""
        if (grab := self._grab) is None:
            return
        self._grab = None
        self.release_mouse()
        if not grab.moved:
            self.deck.choose_at(grab.x, grab.y)
            self.deck.point(grab.x, grab.y, pin=True)
            self._keys_changed()

    def on_click(self, event: events.Click) -> None:
        """Draw a chart in full size that is clicked twice."""
        at = event.get_content_offset(self)
        if event.chain == 2 and at is not None and self.deck.at(at.x, at.y) is not None:
            self.open_chart()

    def on_leave(self) -> None:
        """Clear a cursor that only follows the mouse."""
        if self.deck.unpoint():
            self.draw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in at the mouse; with Ctrl or Shift, on the y axis."""
        self._scroll(event, WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out at the mouse."""
        self._scroll(event, 1 / WHEEL)

    def _scroll(self, event: events.MouseEvent, factor: float) -> None:
        at = event.get_content_offset(self)
        if at is None or self.deck.at(at.x, at.y) is None:
            return
        event.stop()
        (self.deck.zoom_y if event.ctrl or event.shift else self.deck.zoom_x)(factor, at.x, at.y)
        self.draw()

    def _keys_changed(self) -> None:
        """Draw, and have the keys named that act now."""
        self.draw()
        self.post_message(View.KeysChanged())
