"""How high the runs table is, and how wide the panels beside the view: by what they show, or as a person has set it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from textual.geometry import Region, Size

from cifar_tui.tui.preferences.settings import ScreenSettings, Settings

SECTION = "screen"
"""Of the settings."""
SHARE = 3
"""The runs table takes no more than this part of the screen by itself."""
HEADER = 1
ROWS, VIEW_LINES = 1, 8
"""The least rows of the table, and the least lines below it for all else: the view, and the lines of text."""
SIDE, SIDE_OF_HUGE = 40, 56
"""Columns of the panels beside the view, on broad screens and on huge ones."""
SIDE_LEAST, VIEW_COLUMNS = 24, 50
"""With fewer, the panels beside the view are left out; the least columns of the view."""

Seam = Literal["runs", "side"]


class PanelSizes:
    """The sizes, and what changes them; a size that is set to what it would be anyway is as if it were not set."""

    def __init__(self, settings: Settings, changed: Callable[[], None]) -> None:
        """Start as it was kept.

        Args:
            settings: Where the sizes are kept.
            changed: Called when there is another size.
        """
        self._settings, self._changed = settings, changed
        self._set = settings.load(SECTION, ScreenSettings)
        self._rows, self._frame, self._screen = 0, 0, Size(0, 0)
        self.dragged: Seam | None = None
        """The border that the mouse holds."""

    def show(self, rows: int, frame: int, screen: Size) -> None:
        """Size the panels for this.

        Args:
            rows: Of the runs table.
            frame: Lines of its frame.
            screen: The terminal's size.
        """
        self._rows, self._frame, self._screen = rows, frame, screen

    @property
    def runs_lines(self) -> int:
        """The lines of the runs table, with its frame."""
        return self._clamped_lines(self._set.runs_lines) if self._set.runs_lines else self._lines_by_rows

    @property
    def side_columns(self) -> int:
        """The columns of the panels beside the view; 0 where there are none."""
        wanted = self._set.side_columns or self._usual_side
        return 0 if wanted < 0 else min(wanted, max(SIDE_LEAST, self._screen.width - VIEW_COLUMNS))

    def grow_runs(self, lines: int) -> None:
        """Make the runs table so much higher."""
        self._set_runs(self.runs_lines + lines)

    def grow_side(self, columns: int) -> None:
        """Make the panels beside the view so much wider; they are left out where too little is left of them."""
        now = self.side_columns
        self._set_side(now + columns if now or columns < 0 else SIDE_LEAST)

    def grab(self, x: int, y: int, runs: Region, side: Region) -> bool:
        """Take hold of the border at a place, where there is one.

        Args:
            x: Column of the screen.
            y: Line of it.
            runs: Where the table is.
            side: Where the panels beside the view are; empty where there are none.
        """
        if runs and y in (runs.bottom - (self._frame > 1), runs.bottom):
            self.dragged = "runs"
        elif side and y >= side.y and x in (side.x - 1, side.x):
            self.dragged = "side"
        return self.dragged is not None

    def drag(self, x: int, y: int, runs: Region) -> None:
        """Move that border to a place."""
        if self.dragged == "runs":
            self._set_runs(y - runs.y + (self._frame > 1))
        elif self.dragged == "side":
            self._set_side(self._screen.width - x)

    def drop(self) -> None:
        """Let go of it."""
        self.dragged = None
        self._keep()

    @property
    def _lines_by_rows(self) -> int:
        """For all rows, up to a third of the screen."""
        wanted = self._rows + HEADER + self._frame
        return max(min(wanted, self._screen.height // SHARE), min(self._frame + HEADER + ROWS, self._screen.height))

    @property
    def _usual_side(self) -> int:
        return SIDE_OF_HUGE if self._screen.width >= 160 else SIDE

    def _clamped_lines(self, lines: int) -> int:
        least = self._frame + HEADER + ROWS
        return max(least, min(lines, max(self._lines_by_rows, self._screen.height - VIEW_LINES)))

    def _set_runs(self, lines: int) -> None:
        lines = self._clamped_lines(lines)
        self._change(replace(self._set, runs_lines=0 if lines == self._lines_by_rows else lines))

    def _set_side(self, columns: int) -> None:
        if columns < SIDE_LEAST:
            columns = -1
        elif columns == self._usual_side:
            columns = 0
        self._change(replace(self._set, side_columns=columns))

    def _change(self, new: ScreenSettings) -> None:
        if new != self._set:
            self._set = new
            if self.dragged is None:
                self._keep()
            self._changed()

    def _keep(self) -> None:
        # Of the section, this part of the dashboard sets the sizes alone.
        kept = self._settings.load(SECTION, ScreenSettings)
        sizes = replace(kept, runs_lines=self._set.runs_lines, side_columns=self._set.side_columns)
        self._settings.keep(SECTION, sizes)
