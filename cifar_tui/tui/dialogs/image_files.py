"""Asks which image files to classify with a run's best weights."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from cifar_tui.system.paths import expand_image_path
from cifar_tui.tui.dialogs.path_completion import PathSuggester
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.modal import Modal

HINT = (
    "Image files, folders, patterns such as photos/*.jpg; names with spaces in quotation marks. "
    "The right arrow key completes one."
)


class ImageFiles(Modal[tuple[str, ...]]):
    """Returns the names that were typed; None where it is cancelled."""

    def __init__(self, run: str, look: Look, *, typed: str = "", why_not: str = "") -> None:
        """Ask.

        Args:
            run: The run's name.
            look: How to draw.
            typed: What stands on the line at first, to be typed over.
            why_not: Why the run cannot classify images; whatever is typed, this is shown.
        """
        super().__init__(look)
        self._run = run
        self._why_not = why_not
        self._line = Input(typed, suggester=PathSuggester(), select_on_focus=True)
        self._line.cursor_blink = False  # A line over SSH is not to be kept busy.
        self._hint = Static(self.shown(self._judged()[1]), id="hint", markup=False)

    @property
    def typed(self) -> str:
        """What stands on the line."""
        return self._line.value

    def compose(self) -> ComposeResult:
        """One line to type in, and a hint."""
        with Vertical(classes="box") as box:
            self.frame(box, f"Classify image files with {self._run}", "Enter classifies  Esc cancels")
            yield self._line
            yield self._hint

    @on(Input.Changed)
    def _check(self) -> None:
        self._hint.update(self.shown(self._judged()[1]))

    @on(Input.Submitted)
    def _take(self) -> None:
        names, _ = self._judged()
        if names:
            self.answer(names)

    def _judged(self) -> tuple[tuple[str, ...], str]:
        """The names, none where the line cannot be read, and a hint."""
        if self._why_not:
            return (), f"× {self._why_not}"
        try:
            return split(self._line.value), HINT
        except ValueError as error:
            return (), f"× {error}"


def split(line: str) -> tuple[str, ...]:
    """The names on a line, taken apart as a shell does it, unless all of it is a path; `~` and `$VAR` too.

    Raises:
        ValueError: A quotation mark is not closed, or nothing follows a backslash.
    """
    whole = expand_image_path(line.strip())
    with contextlib.suppress(OSError, ValueError):
        if whole and Path(whole).exists():
            return (whole,)
    return tuple(map(expand_image_path, shlex.split(line)))
