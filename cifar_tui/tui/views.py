"""The views of the selected run, one of which is on at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from cifar_tui.system.hardware import Sample
from cifar_tui.tui.charts.confidence import ConfidencePanel
from cifar_tui.tui.charts.panel import ChartsPanel
from cifar_tui.tui.compare.panel import ComparePanel
from cifar_tui.tui.confusion.panel import ConfusionPanel
from cifar_tui.tui.images.image_loader import ImageLoader
from cifar_tui.tui.images.panel import ImagesPanel
from cifar_tui.tui.log.messages import Remark
from cifar_tui.tui.log.panel import LogPanel
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.sidebar.device import DevicePanel
from cifar_tui.tui.theme import Look

if TYPE_CHECKING:
    from cifar_tui.runs.workspace import Workspace

TITLES = {
    "charts": "1 charts",
    "confusion": "2 confusion",
    "images": "3 images",
    "compare": "4 compare",
    "log": "5 log",
    "device": "6 device",
    "confidence": "k confidence",
}
UNNAMED = ("confidence",)
"""Views whose names are in the frame only while they are on: it has no room for all."""


class Views(ContentSwitcher):
    """Charts, confusion matrix, test images and confidence in them, comparison, log, devices."""

    def __init__(self, remarks: Collection[Remark], look: Look, session: Callable[[], Workspace]) -> None:
        """Have the charts on.

        Args:
            remarks: What the log shows; the collection grows elsewhere.
            look: How to draw.
            session: Gives the session that has the images.
        """
        super().__init__(id="views", initial="charts")
        self.charts = ChartsPanel(id="charts")
        self.confusion = ConfusionPanel(id="confusion")
        loader = ImageLoader(session, self._draw)
        self.images = ImagesPanel(session, loader, id="images")
        self.confidence = ConfidencePanel(loader, id="confidence")
        self.compare = ComparePanel(self.charts.options, session, id="compare")
        self.log_panel = LogPanel(remarks, look, id="log")
        self.device = DevicePanel(id="device")
        self._look = look
        self._entry: Entry | None = None
        self._marked: Sequence[Entry] = ()

    def compose(self) -> ComposeResult:
        """All of them."""
        yield self.charts
        yield self.confusion
        yield self.images
        yield self.confidence
        yield self.compare
        yield self.log_panel
        yield self.device

    def on_mount(self) -> None:
        """The views' names are in the frame."""
        self._write_titles()

    @property
    def shown(self) -> str:
        """The view that is on, one of `TITLES`."""
        return self.current or "charts"

    def show(self, name: str) -> None:
        """Put another view on."""
        self.current = name
        self._write_titles()
        self._draw()

    @property
    def keyboard(self) -> Widget | None:
        """The view that is on, where it takes the cursor keys; None where it has no use for them."""
        views: dict[str, Widget] = {"confusion": self.confusion, "images": self.images, "log": self.log_panel}
        if self.compare.allow_focus():
            views["compare"] = self.compare
        return views.get(self.shown)

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of keys that act in the view that is on, as it stands, and not in every other."""
        match self.shown:
            case "confusion" if self.confusion.cell is not None:
                return ("cell", *(("find-class", "confused") if self.confusion.scrolls else ()), "switch")
            case "compare" if self.compare.cell is not None:
                return ("cell", "switch")
            case "images" | "confidence":
                return ("leave",)
        return ()

    def draw(self, entry: Entry | None, marked: Sequence[Entry], look: Look) -> None:
        """Draw the view that is on: of this run, or of those that are marked."""
        self._entry, self._marked, self._look = entry, marked, look
        self._draw()

    def restyle(self, look: Look) -> None:
        """Draw what is not drawn run by run in another look."""
        self.log_panel.restyle(look)

    def sampled(self, sample: Sample | None) -> None:
        """What the devices do now; None where nothing runs."""
        self.device.sampled(sample)

    def remarked(self, remark: Remark) -> None:
        """Something was said; it is in the remarks already."""
        self.log_panel.add(remark)

    def step(self, delta: int) -> None:
        """The matrix's epoch, the page of images or the charts' cursor, on or back."""
        if self.shown == "confusion":
            self.confusion.step(delta)
        elif self.shown == "images":
            self.images.action_page(delta)
        elif self.shown == "charts":
            self.charts.step(delta)

    def leave(self) -> None:
        """Take the charts' cursor away, or go to the matrix's newest epoch."""
        if self.shown == "confusion":
            self.confusion.leave()
        elif self.shown == "charts":
            self.charts.leave()

    def _draw(self) -> None:
        match self.shown:
            case "charts":
                self.charts.view(self._entry, self._look)
            case "confusion":
                self.confusion.view(self._entry, self._look)
            case "images":
                self.images.view(self._entry, self._look)
            case "confidence":
                self.confidence.view(self._entry, self._look)
            case "compare":
                self.compare.compare(self._marked, self._look)
            case "device":
                self.device.view(self._entry, self._look)

    def _write_titles(self) -> None:
        named = [name for name in TITLES if name == self.shown or name not in UNNAMED]
        titles = (f"[b reverse] {TITLES[name]} [/]" if name == self.shown else TITLES[name] for name in named)
        self.border_title = "  ".join(titles)
