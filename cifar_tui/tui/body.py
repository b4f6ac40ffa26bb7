"""What the selected run does: its view, and beside that its progress and its device. Put on after the first picture."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from cifar_tui.tui.log.messages import Remark
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.sidebar.device import DevicePanel
from cifar_tui.tui.sidebar.progress import ProgressPanel
from cifar_tui.tui.theme import Look
from cifar_tui.tui.views import Views

if TYPE_CHECKING:
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.system.hardware import Sample


class Body(Vertical):
    """The panels below the runs table."""

    def __init__(self, remarks: Collection[Remark], look: Look, session: Callable[[], Workspace]) -> None:
        """Have the charts on.

        Args:
            remarks: What the log shows; the collection grows elsewhere.
            look: How to draw.
            session: Gives the session that has the images.
        """
        super().__init__(id="body")
        self.views = Views(remarks, look, session)
        self._short = ProgressPanel(id="short-progress")
        self._progress = ProgressPanel(id="progress")
        self._device = DevicePanel(id="side-device")
        self._progress.border_title = "progress"
        self._device.border_title = "learning rate and device"

    def compose(self) -> ComposeResult:
        """A line of progress for small screens, then the view and the panels at its side."""
        yield self._short
        with Horizontal():
            yield self.views
            with Vertical(id="side"):
                yield self._progress
                yield self._device

    def draw(self, entry: Entry | None, marked: Sequence[Entry], look: Look) -> None:
        """Draw all panels of this run, and the view of those that are marked where it is on."""
        for panel in (self._short, self._progress, self._device):
            panel.view(entry, look)
        self.views.draw(entry, marked, look)

    def sampled(self, sample: Sample | None) -> None:
        """What the devices do now; None where nothing runs."""
        self._device.sampled(sample)
        self.views.sampled(sample)
