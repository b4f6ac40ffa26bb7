"""The selected run's details, as many columns of them as fit, which scroll."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip

from cifar_tui.errors import error_text
from cifar_tui.formatting import printable
from cifar_tui.system.text_width import padded, wrapped
from cifar_tui.tui.details.content import Detail, Record, Section, sections
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime import background
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, RunPanel, View
from cifar_tui.tui.widgets.lines import Row, cut, line, width_of
from cifar_tui.tui.widgets.scroll_bar import bar_cell

if TYPE_CHECKING:
    from cifar_tui.store.run_folder import RunFolder

LABEL = 18
"""The most columns of a label."""
COLUMN, GAP = 54, 3
"""The least columns of a column of sections where there are two, and those between them."""
WHEEL = 3
"""Lines that a step of the wheel scrolls."""
LONGEST = 4000
"""Characters of a value that are shown."""


class DetailsPanel(RunPanel, View, can_focus=True):
    """All that is known of the selected run beside its results."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_lines(-1)", show=False),
        Binding("down", "scroll_lines(1)", show=False),
        Binding("pageup", "scroll_pages(-1)", show=False),
        Binding("pagedown", "scroll_pages(1)", show=False),
        Binding("home", "scroll_pages(-1000)", show=False),
        Binding("end", "scroll_pages(1000)", show=False),
    ]

    returns = True

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._folder: RunFolder | None = None
        """The run whose record is read, or is being read."""
        self._record: Record | None = None
        self._problem = ""
        """Why its record could not be read."""
        self._top = self._height = self._last_top = 0

    def show(self, context: Context) -> None:
        """Draw the selected run; another one is read, and shown from its top."""
        if context.selected is not self.entry:
            self._top = 0
        folder = context.selected.folder if context.selected is not None else None
        if folder != self._folder:
            self._folder, self._record, self._problem = folder, None, ""
            self._read()
        super().show(context)

    def reload(self) -> None:
        """Read the record again."""
        self._read()

    @property
    def active_keys(self) -> tuple[str, ...]:
        """Those that lead away."""
        return ("leave",)

    def _read(self) -> None:
        """Read the record of the run in this folder on a thread."""
        if (folder := self._folder) is None:
            return

        def done(record: Record) -> None:
            if self._folder == folder:
                self._record, self._problem = record, ""
                self.draw()

        def failed(error: Exception) -> None:
            if self._folder == folder:
                self._problem = error_text(error)
                self.draw()

        background.run(folder.read_any_record, done, failed)

    def lines(self, width: int, height: int) -> list[Strip]:
        """What is in sight of it."""
        if self.entry is None:
            return [line([("no run is selected", self.look.dim)], width)]
        rows = picture(self.entry, self._record, self._problem, self.look, width - 2)
        self._height, self._last_top = height, max(0, len(rows) - height)
        self._top = max(0, min(self._top, self._last_top))
        shown = [line(row, width - 1) for row in rows[self._top : self._top + height]]
        bars = [bar_cell(y, height, self._top, len(rows), self.look) for y in range(len(shown))]
        return [Strip.join([row, line([bar], 1)]) for row, bar in zip(shown, bars, strict=True)]

    def action_scroll_lines(self, lines: int) -> None:
        """Show later lines, or earlier ones."""
        self._top = max(0, min(self._top + lines, self._last_top))
        self.draw()

    def action_scroll_pages(self, pages: int) -> None:
        """Show the next page, or an earlier one."""
        self.action_scroll_lines(pages * max(1, self._height - 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show later lines."""
        event.stop()
        self.action_scroll_lines(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show earlier ones."""
        event.stop()
        self.action_scroll_lines(-WHEEL)


def picture(entry: Entry, record: Record | None, problem: str, look: Look, width: int) -> list[Row]:
    """All lines of a run's details, in one column or two."""
    found = sections(entry, record)
    label = min(LABEL, max(len(each.label) for section in found for each in section.details), width // 3)
    if width < 2 * COLUMN + GAP:
        blocks = [_block(section, entry, look, label, width) for section in found]
        rows = [row for block in blocks for row in [*block, []]][:-1]
    else:
        column = (width - GAP) // 2
        left, right = _halves([_block(section, entry, look, label, column) for section in found])
        height = max(len(left), len(right))
        left, right = left + [[]] * (height - len(left)), right + [[]] * (height - len(right))
        rows = [[*a, " " * (column + GAP - width_of(a)), *b] for a, b in zip(left, right, strict=True)]
    if problem:
        notice: list[Row] = [[(text, look.warning)] for text in wrapped(look.text(printable(problem)), width)]
        rows = [*notice, [], *rows]
    return rows


def _halves(blocks: list[list[Row]]) -> tuple[list[Row], list[Row]]:
    """The blocks in two columns of about one height, in order."""

    def joined(part: list[list[Row]]) -> list[Row]:
        return [row for block in part for row in [*block, []]][:-1]

    cuts = [(joined(blocks[:n]), joined(blocks[n:])) for n in range(1, len(blocks) + 1)]
    return min(cuts, key=lambda pair: max(map(len, pair)))


def _block(section: Section, entry: Entry, look: Look, label: int, width: int) -> list[Row]:
    """A section in lines: its title, then its values, which are wrapped beside their labels."""
    own = section.title == entry.full_name
    title = look.text(printable(section.title))
    rows: list[Row] = [[(cut(title, width, look), look.run(entry.number) + look.strong if own else look.strong)]]
    for each in section.details:
        rows += _detail(each, look, label, width - 2)
    return rows


def _detail(detail: Detail, look: Look, label: int, width: int) -> list[Row]:
    room = max(8, width - label - 2)
    name = padded(cut(printable(detail.label), label, look), label)
    value = look.text(printable(detail.value[:LONGEST]))
    style = {"strong": look.strong, "plain": Style(), "dim": look.dim}[detail.tone]
    first, *others = wrapped(value, room) or [""]
    rows: list[Row] = [[(f"  {name}  ", look.dim), (first, style)]]
    rows += [[" " * (label + 4), (text, style)] for text in others]
    usual = look.text(f"  default {detail.default}")
    if detail.default and not others and width_of([first, usual]) <= room:
        rows[0].append((usual, look.dim))
    return rows
