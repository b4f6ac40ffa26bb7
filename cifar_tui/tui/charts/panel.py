"""The charts view: the curves of the selected run and of those that are marked, in pages."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip

from cifar_tui.formatting import printable
from cifar_tui.state.run_state import RunState
from cifar_tui.system.text_width import wrapped
from cifar_tui.tui.charts.area import AREA_KEYS, ChartArea
from cifar_tui.tui.charts.drawn_runs import drawn_runs
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.series import all_series, curves, finite
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, View
from cifar_tui.tui.widgets.lines import Part, line, paragraph


class ChartsPanel(ChartArea, View):
    """The curves of one run, or of several."""

    def __init__(self, options: ChartOptions, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(options, id=id)
        self.entry: Entry | None = None
        self._marked: tuple[Entry, ...] = ()

    def show(self, context: Context) -> None:
        """Draw these runs; the cursor stays where it is as long as one of them was drawn before."""
        self.entry, self._marked, self.look = context.selected, context.marked, context.look
        before = {run.entry for run in self.deck.runs}
        self._select()
        if before.isdisjoint(run.entry for run in self.deck.runs):
            self.deck.cursor, self.deck.pinned = None, False
        self.draw()

    def draw(self) -> None:
        """Draw the runs that are wanted now."""
        self._select()
        super().draw()

    def _select(self) -> None:
        entries = list(self._marked) if self.options.overlay != "selected" else []
        if self.entry is not None and self.entry not in entries and (self.options.overlay != "marked" or not entries):
            entries.append(self.entry)
        self.deck.runs = drawn_runs(entries)

    def lines(self, width: int, height: int) -> list[Strip]:
        """The charts and what they read; those of the last call where nothing changed."""
        if len(self.deck.runs) < 2:
            entry = self.deck.runs[0].entry if self.deck.runs else None
            state = None if entry is None else entry.state
            if entry is None or state is None or state.started is None or (why := self._why_nothing(state)) is None:
                self.deck.drawn = []
                return [line(parts, width) for parts in message(entry, self.look, width)][:height]
            if why:
                self.deck.drawn = []
                return paragraph(why, width, self.look)[:height]
        return self.deck.lines(width, height, self.look, focused=self.has_focus)

    def _why_nothing(self, state: RunState) -> str | None:
        """Why what is wanted of a run cannot be drawn; empty where it can be, None where nothing is logged yet."""
        names, opened = all_series(state), self.deck.opened
        if opened is None:
            # What the devices do is known before the first batch.
            waits = not self.deck.page and not any(each.kind != "device" for each in names)
            return None if waits and not has_values(state) else ""
        if opened.kind == "main" or (not names and not has_values(state)):
            return "" if has_values(state) else None
        found = [point for _, points in curves(state, opened) for point in points]
        if finite(found):
            return ""
        name = printable(opened.name)
        if found:
            return f"No value of {name} is a number so far; y chooses another series, Esc shows loss and accuracy."
        so_far = " so far" if state.finished is None else ""
        return f"This run has no {name}{so_far}; y chooses another series, Esc shows loss and accuracy."

    @property
    def active_keys(self) -> tuple[str, ...]:
        """Those of the charts; Escape where it leads somewhere."""
        return (*((*AREA_KEYS, *self.page_keys) if self.has_focus else ("series",)), *self.leave_key)


def has_values(state: RunState) -> bool:
    """Whether there is a point of loss and accuracy to draw."""
    return bool(state.batch_loss.points or state.epochs)


def message(entry: Entry | None, look: Look, width: int) -> list[list[Part]]:
    """Why there are no charts yet, in lines of up to `width` columns."""
    if entry is None:
        return [[("No run is selected.", look.dim)]]
    name = (look.text(printable(entry.full_name)), look.run(entry.number))
    started = entry.state is not None and entry.state.started is not None
    if entry.error:
        what = " failed before its first batch:" if started else " did not start:"
        return [[name, what], *_wrapped(entry.error, look.bad, look, width)]
    if entry.loading is not None:
        what, done, total = entry.loading.what, entry.loading.done, entry.loading.total
        full, empty = look.bar(done / total, 20) if total else ("", "")
        rest: list[Part] = (
            [(full, look.run(entry.number)), (empty, look.dim), f" {100 * done // total} %"] if total else []
        )
        return [[name, look.text(f" is being prepared: {printable(what)} "), *rest]]
    if entry.state is not None and entry.state.finished is not None:
        why = _wrapped(entry.state.finished.message, look.dim, look, width)
        return [[name, " ended before its first batch:"], *why]
    if started:
        return [[name, look.text(" has started: waiting for its first batch…")]]
    if entry.is_recorded:
        return [[name, look.text(": reading its events…")]]
    return [[name, look.text(" is ready. "), ("Press s to start it.", look.dim)]]


def _wrapped(text: str, style: Style, look: Look, width: int) -> list[list[Part]]:
    return [[(row, style)] for row in wrapped(look.text(printable(text)), width)]
