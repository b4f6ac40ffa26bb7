"""The table of all runs: those of this process first, then earlier ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.coordinate import Coordinate
from textual.widgets import DataTable
from textual.widgets.data_table import RowDoesNotExist

from cifar_tui.formatting import UNKNOWN, duration, of_planned, percent, printable, short, speed, time_left
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, as wide as its widest usual content."""

    name: str
    width: int
    right: bool = False
    """Whether it holds figures, which are aligned at the right."""


YEAR = len("2026-")
FRAME = 2
"""Columns of the frame around the table, on screens that have frames."""
MARK = Column(" ", 1)
STATE, NAME = Column("state", 13), Column("run", 12)
MODEL, DATA = Column("model", 6), Column("data", 10)
EPOCH, BEST, TEST = Column("epoch", 9, right=True), Column("best val", 9, right=True), Column("test", 9, right=True)
TIME, SPEED, STARTED = Column("time", 15), Column("images/s", 9, right=True), Column("started", 16)
LAYOUTS = (
    (MARK, STATE, Column("run", 28), MODEL, Column("data", 20), EPOCH, BEST, TEST, TIME, SPEED, STARTED),
    (MARK, STATE, Column("run", 19), MODEL, Column("data", 8), EPOCH, BEST, TEST, TIME, SPEED),
    (MARK, STATE, Column("run", 16), MODEL, DATA, EPOCH, BEST, TEST, TIME),
    (MARK, STATE, NAME, MODEL, EPOCH, BEST, TIME),
    (MARK, STATE, Column("run", 8), Column("epoch", 7, right=True), BEST, Column("time", 10)),
)
"""The columns of wide tables and of narrower ones."""


def columns(width: int) -> tuple[Column, ...]:
    """The most columns that fit into this width; each takes two more than its content."""
    fitting = (layout for layout in LAYOUTS if sum(column.width + 2 for column in layout) <= width)
    return next(fitting, LAYOUTS[-1])


def cells(entry: Entry, shown: Sequence[Column], look: Look) -> list[Text]:
    """A run's row."""
    status = entry.status
    values: dict[str, tuple[str, Style]] = {
        " ": ("*" if entry.marked else " ", look.strong),
        "state": (f"{look.glyph(status)} {status}", look.status(status)),
        "run": (printable(entry.name), look.run(entry.number) + look.strong),
        "started": (_started(entry.id), look.dim),
    }
    plain = {
        # Of a class of the user's own, and of a path, the last part.
        "model": _model(entry).rpartition(":")[2],
        "data": _data(entry).rpartition("/")[2],
        "epoch": _epoch(entry),
        "best val": _best(entry),
        "test": percent(_test(entry)),
        "time": _time(entry),
        "images/s": _speed(entry),
    }
    values |= {name: (printable(text), Style()) for name, text in plain.items()}
    dated = STARTED not in shown and entry.id and _started(entry.id)
    row = []
    for column in shown:
        text, style = values[column.name]
        cell = Text(look.text(text), style, no_wrap=True)
        cell.truncate(column.width, overflow="crop" if look.ascii else "ellipsis")
        if column.name == "run" and dated and cell.cell_len + len(dated) - YEAR < column.width:
            cell.append(f" {dated[YEAR:]}", look.dim)
        if column.name == "state" and entry.warnings and cell.cell_len + 2 <= column.width:
            cell.append(" !", look.warning)
        if column.right:
            cell.pad_left(column.width - cell.cell_len)
        row.append(cell)
    return row


def matches(entry: Entry, words: Sequence[str]) -> bool:
    """Whether each word is part of what the run's row contains."""
    text = f"{entry.status} {entry.id} {entry.name} {_model(entry)} {_data(entry)}".lower()
    return all(word in text for word in words)


class RunsTable(DataTable[Text], inherit_bindings=False, can_focus=False):
    """The runs that match the filter, a row each, and the one that is selected.

    It takes no focus, because Textual redraws a table whenever the focus comes or goes: the screen moves its cursor.
    """

    def __init__(self, selected: Callable[[], None]) -> None:
        """Call `selected` whenever another run is under the cursor, or none is left.

        It is called at once, and not by a message, so that the row and the panels change on the screen together.
        """
        super().__init__(
            id="runs", cursor_type="row", cursor_foreground_priority="renderable", show_row_labels=False, cell_padding=1
        )
        self.entries: list[Entry] = []
        """Those that are shown, from top to bottom."""
        self.look = Look()
        self._tell_selected = selected
        self._filling = False
        self._shown: tuple[Column, ...] = ()
        self._drawn: dict[str, list[Text]] = {}
        self._selected: Entry | None = None

    @property
    def selected(self) -> Entry | None:
        """The run under the cursor."""
        return self.entries[self.cursor_row] if 0 <= self.cursor_row < len(self.entries) else None

    def fill(self, entries: Iterable[Entry], look: Look) -> None:
        """Show these, and keep the cursor on the run that it is on."""
        self.entries, self.look = list(entries), look
        self._rebuild()

    def select(self, entry: Entry) -> None:
        """Put the cursor on this run, where it is shown."""
        if entry in self.entries:
            self.move_cursor(row=self.entries.index(entry))

    def update(self, entry: Entry) -> None:
        """Draw what changed of this run's row."""
        key = str(entry.number)
        old = self._drawn.get(key)
        if old is None:
            return
        new = cells(entry, self._shown, self.look)
        for column, before, after in zip(self._shown, old, new, strict=True):
            if before != after or before.style != after.style:
                try:
                    self.update_cell(key, column.name, after)
                except RowDoesNotExist:  # It was filtered away a moment ago.
                    return
        self._drawn[key] = new

    def on_resize(self) -> None:
        """The columns depend on the width."""
        if columns(self.size.width) != self._shown:
            self._rebuild()

    def watch_cursor_coordinate(self, old_coordinate: Coordinate, new_coordinate: Coordinate) -> None:
        """The cursor is on another row."""
        super().watch_cursor_coordinate(old_coordinate, new_coordinate)
        self._tell()

    def _rebuild(self) -> None:
        selected = self._selected
        # Before the first layout, as the first layout will have it.
        self._shown = columns(self.size.width or self.app.size.width - FRAME)
        self._filling = True
        self.clear(columns=True)
        for column in self._shown:
            head = column.name.rjust(column.width) if column.right else column.name
            self.add_column(Text(head, self.look.dim), width=column.width, key=column.name)
        self._drawn = {str(entry.number): cells(entry, self._shown, self.look) for entry in self.entries}
        for key, row in self._drawn.items():
            self.add_row(*row, key=key)
        if selected is not None and selected in self.entries:
            self.move_cursor(row=self.entries.index(selected), animate=False)
        self._filling = False
        self._tell()

    def _tell(self) -> None:
        if self.selected is not self._selected and not self._filling:
            self._selected = self.selected
            self._tell_selected()


def _model(entry: Entry) -> str:
    return _known(entry.config.model if entry.config else entry.summary and entry.summary.model)


def _data(entry: Entry) -> str:
    return _known(entry.config.data if entry.config else entry.summary and entry.summary.data)


def _known(value: object) -> str:
    return UNKNOWN if value in (None, "") else str(value)


def _epoch(entry: Entry) -> str:
    if entry.state is not None and entry.state.started is not None:
        # As in its summary, an ended run's are those that are whole.
        reached = entry.state.epoch if entry.active else len(entry.state.epochs)
        planned = entry.state.started.epochs
        return _step(entry.state.samples) if entry.state.counts_no_epochs else of_planned(reached, planned)
    if entry.summary is not None:
        planned = entry.summary.planned_epochs
        epochs = _known(entry.summary.epochs)
        if entry.summary.source and not planned and not entry.summary.epochs and entry.summary.samples:
            return _step(entry.summary.samples)
        return epochs if entry.summary.source and planned is None else f"{epochs}/{_known(planned)}"
    return f"0/{entry.config.epochs}" if entry.config else UNKNOWN


def _step(samples: int) -> str:
    """How far a run is that has no epochs, in the width of the column."""
    return f"at {short(samples)}"


def _best(entry: Entry) -> str:
    """The best validation accuracy, or the lowest loss of a run that has no accuracies."""
    if entry.state is not None and entry.state.started is not None:
        best, by_loss = entry.state.best, entry.state.best_by_loss
        accuracy = best.val_accuracy if best is not None else None
        loss = by_loss.val_loss if by_loss is not None else None
    elif entry.summary is not None:
        accuracy, loss = entry.summary.best_val_accuracy, entry.summary.best_val_loss
    else:
        return UNKNOWN
    return f"loss {short(loss)}" if loss is not None and accuracy is None else percent(accuracy)


def _test(entry: Entry) -> float | None:
    if entry.state is not None and entry.state.started is not None:
        return entry.state.test.accuracy if entry.state.test else None
    return entry.summary.test_accuracy if entry.summary else None


def _time(entry: Entry) -> str:
    """The time left of an active run, as far as that is known; else the time that it took."""
    if entry.state is not None and entry.state.started is not None:
        if entry.active and entry.state.finished is None and math.isfinite(entry.state.eta):
            return f"{time_left(entry.state.eta)} left"
        return duration(entry.state.seconds)
    return duration(entry.summary.seconds if entry.summary else None)


def _speed(entry: Entry) -> str:
    if entry.state is not None and entry.state.started is not None:
        now = entry.state.training_speed or entry.state.images_per_second
        return _with_unit(now if math.isfinite(now) else None, entry.state.started.unit)
    return _with_unit(entry.summary.images_per_second, entry.summary.unit or "images") if entry.summary else UNKNOWN


def _with_unit(per_second: float | None, unit: str) -> str:
    """The speed; in steps a second where the size of a batch is not known."""
    if unit == "steps" and per_second is not None and math.isfinite(per_second):
        return f"{short(per_second)} st/s"
    return speed(per_second)


def _started(run_id: str) -> str:
    """The date and the time that a run's id begins with."""
    date, time = run_id[:8], run_id[9:15]
    if not (date.isdigit() and time.isdigit()):
        return ""
    return f"{date[:4]}-{date[4:6]}-{date[6:]} {time[:2]}:{time[2:4]}"
