"""The columns of the table: which of them a width has room for, and what stands in their cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style

from cifar_tui.formatting import printable
from cifar_tui.system.text_width import padded
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table.arrangement import GroupRow, TableSettings
from cifar_tui.tui.runs.table.fields import Field, field_of
from cifar_tui.tui.runs.table.labels import short_time
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Row, cut, cut_middle

GAP = 2
"""Spaces before each column."""
MARK = 1
"""The column of the mark, at the left edge."""
LEAST_NAME = 18
"""Columns of a run's name with its time, `resnet 03-14 15:09`."""
LEAST_GROUP = 12
"""Columns of what a group shares, before the name of the field is left out for it."""
LAYOUTS = (
    {"state": 13, "run": 18, "model": 8, "data": 12, "epoch": 9, "best": 10, "test": 8, "time": 15, "speed": 10,
     "started": 16},
    {"state": 13, "run": 18, "model": 6, "data": 8, "epoch": 9, "best": 10, "test": 8, "time": 15, "speed": 10},
    {"state": 13, "run": LEAST_NAME, "model": 6, "data": 7, "epoch": 7, "best": 10, "test": 8, "time": 11},
    {"state": 13, "run": LEAST_NAME, "model": 6, "epoch": 7, "best": 10, "time": 11},
    {"state": 13, "run": LEAST_NAME, "epoch": 7, "best": 10},
    {"state": 11, "run": 8, "best": 10},
)  # fmt: skip
"""The columns of wide tables and of narrower ones, where nobody has chosen any, with their least widths."""
WIDEST = {"run": 40, "model": 16, "data": 24, "note": 60, "tags": 30, "id": 60}
"""Of columns that take the room that is left, in this order."""

WARNED = " !"
"""Behind the state of a run whose health check has found something."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it stands on the screen."""

    field: Field
    x: int
    """Where it begins."""
    width: int


def columns(width: int, settings: TableSettings) -> tuple[Column, ...]:
    """The columns in this width: those that were chosen, as many as fit, or else those that suit it."""
    if settings.columns:
        names = settings.columns if "run" in settings.columns else ("run", *settings.columns)
        widths: dict[str, int] = {}
        for name in dict.fromkeys(names):
            least = LEAST_NAME if name == "run" else field_of(name).width
            if widths and _total(widths) + GAP + least > width:
                break
            widths[name] = least
    else:
        widths = dict(next((layout for layout in LAYOUTS if _total(layout) <= width), LAYOUTS[-1]))
    spare = width - _total(widths)
    for name, most in WIDEST.items():
        if name in widths and spare > 0:
            more = min(spare, max(0, most - widths[name]))
            widths[name] += more
            spare -= more
    placed: list[Column] = []
    x = MARK
    for name, taken in widths.items():
        x += 1 if not placed else GAP
        placed.append(Column(field_of(name), x, min(taken, max(1, width - x))))
        x += taken
    return tuple(placed)


def _total(widths: dict[str, int]) -> int:
    return MARK + 1 + sum(widths.values()) + GAP * (len(widths) - 1)


def heading(shown: Sequence[Column], settings: TableSettings, look: Look) -> Row:
    """The line of the columns' names, with the direction at the one that is sorted by."""
    row: Row = []
    for column in shown:
        name, style = column.field.heading, look.dim
        if column.field.name == settings.sort:
            arrow, style = "↓" if settings.descending else "↑", look.strong
            space = " " if cell_len(name) + 2 <= column.width else ""
            name = f"{arrow}{space}{name}" if column.field.right else f"{name}{space}{arrow}"
        _add(row, column, cut(printable(name), column.width, look), style)
    return row


def mark(look: Look) -> str:
    """The sign before a run that is marked."""
    return "*" if look.ascii else "●"


def run_cells(entry: Entry, shown: Sequence[Column], look: Look, *, dated: bool = True) -> Row:
    """A run's row.

    Args:
        entry: The run.
        shown: The columns.
        look: How to draw.
        dated: Whether to add to any run's name when it was started, where there is room. Where others have its
            name, the name is cut for it.
    """
    row: Row = [(mark(look) if entry.marked else " ", look.run(entry.number) + look.strong)]
    for column in shown:
        name, width = column.field.name, column.width
        if name == "run":
            _pad(row, column.x)
            row += _name(entry, width, look, dated=dated)
            continue
        style = Style()
        if name == "state":
            text, style = f"{look.glyph(entry.status)} {entry.status}", look.status(entry.status)
        else:
            text = printable(column.field.shown(entry))
            if name in ("started", "id"):
                style = look.dim
            elif name == "time" and text.endswith(" left") and len(text) > width:
                text = f"~{text.removesuffix(' left')}"
        _add(row, column, cut(text, width, look), style)
        if name == "state" and entry.warnings and cell_len(text) + len(WARNED) <= width:
            row.append((WARNED, look.warning))
    return row


def group_cells(row: GroupRow, shown: Sequence[Column], settings: TableSettings, look: Look) -> Row:
    """A group's row: what its runs share, how many they are, and the results of the best of them.

    In the column that runs are sorted by, it has the value of its first run, by which it stands where it does.
    """
    field = field_of(settings.group)
    glyph = ("+" if row.folded else "-") if look.ascii else ("▸" if row.folded else "▾")
    results = [column for column in shown if column.field.kind == "accuracy" or column.field.name == settings.sort]
    results = [column for column in results if column.x > shown[0].x and column.field.name not in WIDEST]
    runs = len(row.members)
    counts = f"{runs:,} run{'' if runs == 1 else 's'}"
    if live := sum(entry.live for entry in row.members):
        counts += f", {live} live"
    if marked := sum(entry.marked for entry in row.members):
        counts += f", {marked} marked"
    if not any(column.field.name == "best" for column in results):
        counts += f", best {field_of('best').shown(row.best)}"
    warned = WARNED if any(entry.warnings for entry in row.members) else ""
    what = f"{printable(field.heading)} "
    room = (results[0].x if results else shown[-1].x + shown[-1].width + GAP) - GAP - len("▾ ")
    room -= len(warned)
    room_of_name = room - cell_len(what) - len(counts) - GAP
    if room_of_name < LEAST_GROUP:
        what, room_of_name = "", room - len(counts) - GAP
    cells: Row = [(f"{glyph} ", look.strong), (what, look.dim)]
    cells.append((cut(printable(row.group), max(1, room_of_name), look), look.strong))
    cells += [(f"  {counts}", look.dim), (warned, look.warning)]
    for column in results:
        entry = row.members[0] if column.field.name == settings.sort else row.best
        _add(cells, column, cut(printable(column.field.shown(entry)), column.width, look), look.strong)
    return cells


def _name(entry: Entry, width: int, look: Look, *, dated: bool) -> Row:
    """The run's name in its colour, and behind it when it was started."""
    name, room = printable(entry.name), width
    time = entry.label if dated or not entry.id else ""
    if not time and dated and cell_len(name) + 1 + len(short := short_time(entry.id)) <= room:
        time = short
    if time:
        room -= len(time) + 1
    if time and room < 3:
        time, room = "", width
    shown = cut_middle(name, max(room, 1), look)
    row: Row = [(shown, look.run(entry.number) + look.strong)]
    return [*row, (f" {time}", look.dim)] if time else row


def _add(row: Row, column: Column, text: str, style: Style) -> None:
    _pad(row, column.x)
    row.append((padded(text, column.width, right=True) if column.field.right else text, style))


def _pad(row: Row, x: int) -> None:
    """Spaces up to a column."""
    taken = sum(cell_len(part if isinstance(part, str) else part[0]) for part in row)
    if taken < x:
        row.append(" " * (x - taken))
