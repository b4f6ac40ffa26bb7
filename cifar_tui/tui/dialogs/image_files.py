"""The question which image files a run's best weights are to be asked about."""

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

HINT = "Image files, folders, patterns such as photos/*.jpg; names with spaces in quotation marks. → completes one."


class ImageFiles(Modal[tuple[str, ...]]):
    """Gives the names that were typed; None where there are to be none."""

    def __init__(self, run: str, look: Look, *, typed: str = "", why_not: str = "") -> None:
        """Ask.

        Args:
            run: The run's name.
            look: How to draw.
            typed: What stands on the line at first, to be typed over.
            why_not: Why the run cannot be asked; whatever is typed, it stays with this.
        """
        super().__init__(look)
        self._run = run
        self._why_not = why_not
        self._line = Input(typed, suggester=PathSuggester(), select_on_focus=True)
        self._line.cursor_blink = False  # A line over SSH is not to be kept busy.
        self._remark = Static(self.shown(self._judged()[1]), id="remark", markup=False)

    @property
    def typed(self) -> str:
        """What stands on the line."""
        return self._line.value

    def compose(self) -> ComposeResult:
        """One line to type in, and a remark on it."""
        with Vertical(classes="box") as box:
            self.frame(box, f"What does {self._run} take images for?", "Enter shows them, Esc cancels")
            yield self._line
            yield self._remark

    @on(Input.Changed)
    def _check(self) -> None:
        self._remark.update(self.shown(self._judged()[1]))

    @on(Input.Submitted)
    def _take(self) -> None:
        names, _ = self._judged()
        if names:
            self.answer(names)

    def _judged(self) -> tuple[tuple[str, ...], str]:
        """The names, none where they cannot be told, and a remark on them."""
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
