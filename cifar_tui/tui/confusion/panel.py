"""The confusion view: matrices of the selected run for the validation after each epoch, and for the test at the end."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip

from cifar_tui.analysis.class_scores import class_names, largest_confusions
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Evaluated, SplitName
from cifar_tui.formatting import out_of, printable
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.confusion.matrix import ROWS_ABOVE, Frame, Viewport, assessed, scrolled
from cifar_tui.tui.confusion.picture import picture
from cifar_tui.tui.confusion.search import Search
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.runs.source import is_script, recorded_by, source
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, RunPanel, View
from cifar_tui.tui.widgets.lines import paragraph


class Names(NamedTuple):
    """The classes, and their names in drawable characters."""

    classes: tuple[str, ...]
    look: Look
    drawn: tuple[str, ...]


def evaluations(state: RunState | None) -> list[Evaluated]:
    """The validations, epoch by epoch, and the test at the end; damaged ones are left out."""
    if state is None or state.started is None:
        return []
    size = len(state.started.classes)
    every = [*state.validations, *([state.test] if state.test is not None else [])]
    # A script's classes need have no names.
    return [each for each in every if each.confusion and len(each.confusion) == (size or len(each.confusion))]


def why_no_matrix(entry: Entry | None) -> str:
    """Why there is no matrix, and when there will be one."""
    if entry is None:
        return "no run is selected"
    status = entry.status
    if source(entry) and entry.state is not None:
        if is_script(entry):
            return "no confusion matrix so far: its script gives one by run.validated(…, confusion=matrix)"
        return f"there is no confusion matrix in {recorded_by(entry)}"
    if status == "ready":
        return "press s to start: the matrix comes with the first epoch's validation"
    if entry.state is None or entry.state.started is None:
        if entry.folder is not None and entry.run is None and entry.unread and not entry.error:
            return "reading its events…"
        return f"{status}: there is no matrix" + ("" if status in ENDED else " yet")
    if status in ENDED:
        return "it ended before its first validation: there is no matrix"
    started, state = entry.state.started, entry.state
    return f"the first matrix comes at the end of this epoch: batch {state.batch}{out_of(started.batches)} is done"


class ConfusionPanel(RunPanel, View, can_focus=True):
    """A matrix with a cell cursor: of the newest evaluation, or of an earlier one."""

    tall: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", show=False),
        Binding("down", "move(1, 0)", show=False),
        Binding("left", "move(0, -1)", show=False),
        Binding("right", "move(0, 1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(-1)", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shown: int | None = None
        self._cursor: tuple[int, int] | None = None
        """None until there is a matrix; it starts on the most confused pair."""
        self._pair: tuple[int, int] | None = None
        """The cell that was gone to last as one of the most confused pairs."""
        self._corner = (0, 0)
        self._percent = False
        self._frame: Frame | None = None
        self._names = Names((), Look(), ())
        self._search = Search()

    def show(self, context: Context) -> None:
        """Draw the selected run; another run starts with its newest evaluation."""
        if context.selected is not self.entry:
            self._shown = None
            if _classes(context.selected) != _classes(self.entry):
                self._cursor, self._corner, self._search = None, (0, 0), Search()
        super().show(context)

    def step(self, delta: int) -> None:
        """Go back or on through the evaluations, the test's being the last; the newest is followed from then on."""
        last = len(self._found()) - 1
        if last >= 0:
            place = max(0, min(last, (last if self._shown is None else self._shown) + delta))
            self._shown = None if place == last else place
            self.draw()

    def reload(self) -> None:
        """Go back to the newest evaluation."""
        self.leave()

    def leave(self) -> bool:
        """Go back to the newest evaluation; whether an earlier one was shown."""
        if self._shown is None:
            return False
        self._shown = None
        self.draw()
        return True

    @property
    def active_keys(self) -> tuple[str, ...]:
        """Those for the cell, and those for a matrix that does not fit."""
        if self.cell is None:
            return ()
        return (
            *(() if source(self.entry) else ("cell",)),
            "percent",
            *(("find-class", "confused") if self.scrolls else ("confused",)),
            *(("cursor-left cursor-right:epoch",) if len(self._found()) > 1 else ()),
        )

    @property
    def cell(self) -> tuple[int, int] | None:
        """The true and the predicted class under the cursor; None where there is no matrix."""
        return None if self._frame is None else self._cursor

    @property
    def split(self) -> SplitName:
        """Which images the matrix is of."""
        found = self._found()
        return found[-1 if self._shown is None else self._shown].split if found else "validation"

    @property
    def scrolls(self) -> bool:
        """Whether a part of the matrix is not visible."""
        return self._frame is not None and self._frame.is_part

    def toggle_percent(self) -> None:
        """Switch between counts and percentages of their row."""
        self._percent = not self._percent
        self.draw()

    def find(self, typed: str) -> None:
        """Go to the class whose name contains this, first to one that begins with it; empty ends the search."""
        found = self._found()
        self._search = Search.of(typed, class_names(_classes(self.entry), found[-1].confusion) if found else ())
        self._go_to_found()

    def find_next(self) -> None:
        """Go to the next matching class."""
        self._search = self._search.next()
        self._go_to_found()

    def _go_to_found(self) -> None:
        if self._search.found:
            k = self._search.found[self._search.place]
            self._jump(k, k)
        else:
            self.draw()

    def _jump(self, row: int, column: int) -> None:
        """Move the cursor to a cell, which is centred where it was not visible."""
        frame, (top, left) = self._frame, self._corner
        if frame is not None and not (top <= row < top + frame.rows and left <= column < left + frame.columns):
            self._corner = row - frame.rows // 2, column - frame.columns // 2
        self._cursor = row, column
        self.draw()

    def go_to_confused(self, step: int) -> None:
        """Go to the most confused pair, or from the one that was gone to last so many further in their list."""
        if self._frame is None:
            return
        matrix = self._matrix
        pairs = [(row, column) for row, column, _ in assessed(matrix, self._drawn_names(matrix)).confusions]
        if pairs:
            place = pairs.index(self._pair) + step if self._pair == self._cursor and self._pair in pairs else 0
            self._pair = pairs[place % len(pairs)]
            self._jump(*self._pair)

    @property
    def _matrix(self) -> ConfusionMatrix:
        return self._found()[-1 if self._shown is None else self._shown].confusion

    def lines(self, width: int, height: int) -> list[Strip]:
        """The matrix, scrolled to its cursor, or why there is none."""
        found, self._frame = self._found(), None
        if not found:
            return paragraph(why_no_matrix(self.entry), width, self.look)[:height]
        if self._shown is not None and self._shown >= len(found) - 1:
            self._shown = None
        matrix = found[-1 if self._shown is None else self._shown].confusion
        names = self._drawn_names(matrix)
        size = len(matrix)
        row, column = self._cursor or first_cell(matrix)
        self._cursor = cursor = min(row, size - 1), min(column, size - 1)
        self._frame = frame = Frame.of(matrix, names, width, height)
        self._corner = (
            scrolled(self._corner[0], cursor[0], frame.rows, size),
            scrolled(self._corner[1], cursor[1], frame.columns, size),
        )
        viewport = Viewport(cursor, self._corner, self._percent, self.has_focus)
        images = not source(self.entry)
        return picture(found, self._shown, names, viewport, self.look, (width, height), self._search, images=images)

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cell cursor."""
        if self._cursor is not None and self._frame is not None:
            row, column = self._cursor[0] + rows, self._cursor[1] + columns
            self._cursor = max(0, min(self._frame.size - 1, row)), max(0, min(self._frame.size - 1, column))
            self.draw()

    def action_page(self, pages: int) -> None:
        """Move it by as many rows as are visible."""
        if self._frame is not None:
            self.action_move(pages * self._frame.rows, 0)

    def action_edge(self, column: int) -> None:
        """Move it to the first or the last column."""
        if self._frame is not None:
            self.action_move(0, -self._frame.size if column == 0 else self._frame.size)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked cell."""
        frame, at = self._frame, event.get_content_offset(self)
        if frame is None or at is None:
            return
        row, column = (at.y - ROWS_ABOVE) // frame.lines, (at.x - frame.label) // frame.cell
        if 0 <= row < frame.rows and 0 <= column < frame.columns:
            self._cursor = self._corner[0] + row, self._corner[1] + column
            self.draw()

    def _drawn_names(self, matrix: ConfusionMatrix) -> tuple[str, ...]:
        """The names of a matrix's classes in drawable characters, kept: there may be a thousand."""
        classes = _classes(self.entry)
        classes = classes or class_names(classes, matrix)
        if self._names.classes is not classes or self._names.look != self.look:
            self._names = Names(classes, self.look, tuple(self.look.text(printable(name)) for name in classes))
        return self._names.drawn

    def _found(self) -> list[Evaluated]:
        return evaluations(self.entry.state if self.entry is not None else None)


def _classes(entry: Entry | None) -> tuple[str, ...]:
    started = entry.state.started if entry is not None and entry.state is not None else None
    return started.classes if started is not None else ()


def first_cell(matrix: ConfusionMatrix) -> tuple[int, int]:
    """Where the cursor starts: on the most confused pair."""
    for row, column, _ in largest_confusions(matrix, 1):
        return row, column
    return 0, min(1, len(matrix) - 1)
