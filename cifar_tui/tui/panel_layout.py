"""How the main screen gives room to its panels: by what they show, by keys, and by dragging a border."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.containers import Vertical
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget

from cifar_tui.tui.preferences.panel_sizes import PanelSizes
from cifar_tui.tui.preferences.settings import Settings

FRAMED = (100, 30)
"""Columns and lines from which on panels have frames all around, and stand side by side."""


class PanelLayout:
    """Sets the sizes of the runs table and of the panels beside the view on a screen; its actions are those of keys."""

    def __init__(self, screen: Screen[None], table: Widget, allows: Callable[[str], bool], settings: Settings) -> None:
        """Lay out the table; the panels beside the view come later.

        Args:
            screen: Where they stand.
            table: The runs.
            allows: Whether a key may do an action now.
            settings: Keep the sizes.
        """
        self.side: Vertical | None = None
        """The panels beside the view, once there are any."""
        self._screen, self._table, self._allows = screen, table, allows
        self._sizes = PanelSizes(settings, self.apply)

    def fit(self, rows: int) -> None:
        """Size the panels for so many rows of the table and for the terminal as it is."""
        size = self._screen.app.size
        frame = 1 if size.width < FRAMED[0] or size.height < FRAMED[1] else 2
        self._sizes.show(rows, frame, size)
        self.apply()

    def apply(self) -> None:
        """Set the sizes."""
        self._table.styles.height = self._sizes.runs_lines
        if self.side is not None:
            columns = self._sizes.side_columns
            self.side.styles.width = columns
            self._screen.set_class(not columns, "-no-side")

    def show_runs(self, shown: bool = True) -> None:
        """Show the table; or hide it, on a low screen, where a view takes all the room."""
        self._table.styles.display = None if shown or self._screen.app.size.height >= FRAMED[1] else "none"

    def grab(self, event: events.MouseDown) -> None:
        """Take hold of the border at the mouse, where there is one."""
        side = self.side.region if self.side is not None and self.side.display else Region()
        if event.button == 1 and self._sizes.grab(event.screen_x, event.screen_y, self._table.region, side):
            self._screen.capture_mouse()

    def drag(self, event: events.MouseMove) -> None:
        """Move it."""
        if self._sizes.dragged is not None:
            self._sizes.drag(event.screen_x, event.screen_y, self._table.region)

    def drop(self) -> None:
        """Leave it there."""
        if self._sizes.dragged is not None:
            self._screen.release_mouse()
            self._sizes.drop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While something is typed, keys are text."""
        return self._allows(action)

    def action_grow_runs(self, lines: int) -> None:
        """Make the runs table so much higher."""
        self._sizes.grow_runs(lines)

    def action_grow_side(self, columns: int) -> None:
        """Make the panels beside the view so much wider."""
        self._sizes.grow_side(columns)
