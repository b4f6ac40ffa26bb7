"""Asks for the limits of the charts' axes."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from cifar_tui.tui.charts.options import LIMITS_HELP, Limits, parse_limits
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.modal import Modal


class AxisLimits(Modal[Limits]):
    """Returns the limits that were typed, by axes; None where it is cancelled."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self._line = Input(placeholder="x=10:50 y=0.2:0.5")
        self._line.cursor_blink = False  # A line over SSH is not to be kept busy.
        self._hint = Static(self.shown(LIMITS_HELP), id="hint", markup=False)

    def compose(self) -> ComposeResult:
        """One line to type in, and a hint."""
        with Vertical(classes="box") as box:
            self.frame(box, "Limits of the axes", "Enter, Esc cancels")
            yield self._line
            yield self._hint

    @on(Input.Changed)
    def _check(self) -> None:
        try:
            parse_limits(self._line.value)
        except ValueError:
            return  # It may be half typed.
        self._hint.update(self.shown(LIMITS_HELP))

    @on(Input.Submitted)
    def _take(self) -> None:
        try:
            self.answer(parse_limits(self._line.value))
        except ValueError as error:
            self._hint.update(self.shown(f"× {error}"))
