"""The table of all runs on the screen: rows of runs and of their groups, and a cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.message import Message
from textual.strip import Strip

from cifar_tui.formatting import printable
from cifar_tui.tui.preferences.settings import Settings
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table.arrangement import GroupRow, Row, TableSettings
from cifar_tui.tui.runs.table.columns import Column, columns, group_cells, heading, run_cells
from cifar_tui.tui.runs.table.fields import Field
from cifar_tui.tui.runs.table.model import TableModel
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Panel, Part, drawable, line
from cifar_tui.tui.widgets.scroll_bar import bar_cell

SECTION = "runs"
"""Of the settings."""
WHEEL = 3
"""Rows that a step of the wheel scrolls."""


class RunsTable(Panel, can_focus=True):
    """The runs that match the filter, a row each, and the one that is selected.

    It draws the rows that are visible and no others, so that thousands cost no more than a few. The screen moves its
    cursor: its bindings have priority, so that keys act in the order in which they come.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"runs--cursor"}

    class RowsChanged(Message):
        """There are more rows or fewer."""

    def __init__(
        self,
        selected: Callable[[], None],
        options_wanted: Callable[[], None] = lambda: None,
        settings: Settings | None = None,
    ) -> None:
        """Show no runs yet.

        Args:
            selected: Called whenever another run is under the cursor, or none is left: at once, and not by a message,
                so that the row and the panels change on the screen together.
            options_wanted: Called when the options of all runs are needed; they come by `fill`.
            settings: Keep its columns, order and groups; None to keep none.
        """
        super().__init__(id="runs")
        self.model = TableModel()
        self._kept = settings
        if settings is not None:
            self.model.apply(settings.load(SECTION, TableSettings))
        self._selection_changed, self._want_options = selected, options_wanted
        self._columns: tuple[Column, ...] = ()
        self._strips: dict[int, Strip] = {}
        """The rows as they were drawn since they changed, and the heading at -1: moving the cursor draws none again."""
        self._first = 0
        """The row at the top."""
        self._selected: Entry | None = None
        self._dragged = False

    @property
    def entries(self) -> list[Entry]:
        """The runs that match the filter, from top to bottom."""
        return self.model.entries

    @property
    def row_count(self) -> int:
        """Rows, without the heading."""
        return len(self.model.rows)

    @property
    def selected(self) -> Entry | None:
        """The run under the cursor: of a group its best one."""
        row = self.model.row
        return row.shown if row is not None else None

    @property
    def selected_name(self) -> str:
        """Its name; empty where it is the only run."""
        run = self.selected
        return "" if run is None or len(self.model.all) < 2 else printable(run.full_name)

    @property
    def settings(self) -> TableSettings:
        """What a person has set."""
        return self.model.settings

    @property
    def room(self) -> int:
        """The columns that it has for the runs, before the scroll bar and a space."""
        return self.size.width - 2

    @property
    def shown_fields(self) -> list[Field]:
        """Those that have a column now."""
        return [column.field for column in self._columns]

    # What changes it

    def fill(self, entries: Iterable[Entry], look: Look) -> None:
        """Show these, and keep the cursor on the run that it is on."""
        self.look = look
        with self.arranged() as model:
            model.fill(entries)

    def update(self, *entries: Entry) -> None:
        """Draw what changed of these runs' rows; where they stand elsewhere now, all."""
        with self.arranged() as model:
            if not model.update(entries):
                changed = set(entries)
                for n in [n for n in self._strips if n >= 0 and not changed.isdisjoint(model.rows[n].members)]:
                    del self._strips[n]

    def select(self, entry: Entry) -> None:
        """Put the cursor on this run, where it is shown."""
        with self.arranged() as model:
            model.select(entry)

    @contextmanager
    def arranged(self) -> Iterator[TableModel]:
        """Draw what comes of a change of the rows, with the cursor on the line that it was on.

        Of another order, the first rows are shown, where they leave the cursor visible.
        """
        rows, on_line, order = self.model.rows, self.model.cursor - self._first, self._sorting
        count = len(rows)
        yield self.model
        if self._kept is not None:
            self._kept.keep(SECTION, self.settings)
        if self.model.rows is not rows:
            self._strips.clear()
        if len(self.model.rows) != count and self.is_mounted:
            self.post_message(self.RowsChanged())
        self._first = max(0, self.model.cursor - on_line) if self._sorting == order else 0
        self._scroll_to_cursor()
        if self.model.misses_options:
            self._want_options()
        subtitle = Content(self.look.text(self.model.arrangement_note))
        if subtitle.plain != str(self.border_subtitle or ""):
            self.border_subtitle = subtitle
        self.draw()
        self._notify_selected()

    @property
    def _sorting(self) -> tuple[str, bool]:
        return self.settings.sort, self.settings.descending

    def _notify_selected(self) -> None:
        if self.selected is not self._selected:
            self._selected = self.selected
            self._selection_changed()

    # The picture

    @property
    def _height(self) -> int:
        """The lines of the rows."""
        return max(1, self.size.height - 1)

    @property
    def _last_first(self) -> int:
        """The first row where the last one is at the bottom."""
        return max(0, len(self.model.rows) - self._height)

    @property
    def _scrolls(self) -> bool:
        return len(self.model.rows) > self._height

    def lines(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002
        """The heading, and the rows that are visible."""
        self._first = max(0, min(self._first, self._last_first))
        if not self._strips:
            self._columns = columns(self.room, self.settings)
            self._strips[-1] = self._strip(heading(self._columns, self.settings, self.look))
        drawn = [Strip.join([self._strips[-1], Strip.blank(1)])]
        if not self.model.rows and self.model.all:
            text = "no run matches the filter; Esc clears it"
            return [*drawn, line([(self.look.text(f"  {text}"), self.look.dim)], width)]
        for n, row in enumerate(self.model.rows[self._first : self._first + self._height], self._first):
            if n not in self._strips:
                self._strips[n] = self._strip(self._cells(row))
            bar = bar_cell(n - self._first, self._height, self._first, len(self.model.rows), self.look)
            strip = Strip.join([self._strips[n], line([bar], 1)])
            if n == self.model.cursor:
                cursor = self.get_component_rich_style("runs--cursor")
                # Dim text would be too faint there, and colours that are reversed are patches.
                plain = [cursor.reverse or part.style == self.look.dim for part in strip]
                parts = [Segment(part.text, None if p else part.style) for part, p in zip(strip, plain, strict=True)]
                strip = Strip(parts, strip.cell_length).apply_style(cursor)
            drawn.append(strip)
        return drawn

    def _cells(self, row: Row) -> list[Part]:
        if isinstance(row, GroupRow):
            return group_cells(row, self._columns, self.settings, self.look)
        dated = not any(column.field.name == "started" for column in self._columns)
        return run_cells(row.entry, self._columns, self.look, dated=dated)

    def _strip(self, cells: list[Part]) -> Strip:
        return line([drawable(part, self.look) for part in cells], self.size.width - 1)

    def on_focus(self) -> None:
        """The cursor shows who has the keyboard."""
        self.draw()

    def on_blur(self) -> None:
        """Likewise."""
        self.draw()

    def on_resize(self) -> None:
        """The columns depend on the width; the cursor stays visible."""
        self._strips.clear()
        self._scroll_to_cursor()
        self.draw()

    # What keys and the mouse do

    def toggle_fold(self) -> None:
        """Hide the runs of the group under the cursor, or show them."""
        with self.arranged() as model:
            model.toggle_fold()

    def action_cursor_up(self) -> None:
        """Go to the row above."""
        self._go_to(self.model.cursor - 1)

    def action_cursor_down(self) -> None:
        """Go to the row below."""
        self._go_to(self.model.cursor + 1)

    def action_page_up(self) -> None:
        """Go up by as many rows as are visible."""
        self._go_to(self.model.cursor - self._height)

    def action_page_down(self) -> None:
        """Go down by as many."""
        self._go_to(self.model.cursor + self._height)

    def action_scroll_top(self) -> None:
        """Go to the first row."""
        self._go_to(0)

    def action_scroll_bottom(self) -> None:
        """Go to the last row."""
        self._go_to(len(self.model.rows) - 1)

    def on_click(self, event: events.Click) -> None:
        """Select the run that is clicked, fold a group, sort by a heading."""
        at = event.get_content_offset(self)
        if at is None or (self._scrolls and at.x >= self.size.width - 1):
            return
        if at.y == 0:
            clicked = [column for column in self._columns if column.x <= at.x + 1]
            if clicked:
                with self.arranged() as model:
                    model.sort_by(clicked[-1].field.name)
        elif 0 <= (place := self._first + at.y - 1) < len(self.model.rows):
            self._go_to(place)
            self.toggle_fold()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show later rows; the cursor stays on its run."""
        self._scroll(event, WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show earlier rows."""
        self._scroll(event, -WHEEL)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag the scroll bar."""
        if self._scrolls and (at := event.get_content_offset(self)) is not None and at.x >= self.size.width - 1:
            self._dragged = True
            self.capture_mouse()
            self._drag(at.y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag it."""
        if self._dragged:
            self._drag(event.y - self.gutter.top)

    def on_mouse_up(self) -> None:
        """Let go of it."""
        if self._dragged:
            self._dragged = False
            self.release_mouse()

    def _drag(self, y: int) -> None:
        self._first = max(0, min(self._last_first, round((y - 1) / max(1, self._height - 1) * self._last_first)))
        self.draw()

    def _scroll(self, event: events.MouseEvent, rows: int) -> None:
        event.stop()
        self._first = max(0, min(self._last_first, self._first + rows))
        self.draw()

    def _go_to(self, place: int) -> None:
        self.model.go_to(place)
        self._scroll_to_cursor()
        self.draw()
        self._notify_selected()

    def _scroll_to_cursor(self) -> None:
        cursor = self.model.cursor
        self._first = max(min(self._first, cursor, self._last_first), cursor - self._height + 1, 0)
