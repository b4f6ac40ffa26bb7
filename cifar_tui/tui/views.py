"""The views of the dashboard: each registers here, with its key, and nowhere else.

This table is read before the first picture: a view's package is imported when the view is made, after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.tui.charts.options import ChartOptions
    from cifar_tui.tui.images.image_loader import ImageLoader
    from cifar_tui.tui.log.status_log import StatusLog
    from cifar_tui.tui.view import View


@dataclass(frozen=True, slots=True)
class Shared:
    """What views are made with, and what several of them share."""

    workspace: Callable[[], Workspace]
    """Gives what the runs of this process share; from any thread."""
    log: StatusLog
    chart_options: ChartOptions
    image_loader: ImageLoader


@dataclass(frozen=True, slots=True)
class ViewType:
    """A view: its name in the program, its key, and what a person reads of it."""

    name: str
    key: str
    key_id: str
    """For keymaps; stable."""
    label: str
    help: str
    make: Callable[[Shared], View]
    listed: bool = True
    """Whether it is named in the frame while another view is shown: there is no room for all."""


def _charts(shared: Shared) -> View:
    from cifar_tui.tui.charts.panel import ChartsPanel

    return ChartsPanel(shared.chart_options, id="charts")


def _confusion(_: Shared) -> View:
    from cifar_tui.tui.confusion.panel import ConfusionPanel

    return ConfusionPanel(id="confusion")


def _images(shared: Shared) -> View:
    from cifar_tui.tui.images.panel import ImagesPanel

    return ImagesPanel(shared.workspace, shared.image_loader, id="images")


def _confidence(shared: Shared) -> View:
    from cifar_tui.tui.charts.confidence import ConfidencePanel

    return ConfidencePanel(shared.image_loader, id="confidence")


def _compare(shared: Shared) -> View:
    from cifar_tui.tui.compare.panel import ComparePanel

    return ComparePanel(shared.chart_options, shared.workspace, id="compare")


def _log(shared: Shared) -> View:
    from cifar_tui.tui.log.panel import LogPanel

    return LogPanel(shared.log, id="log")


def _device(_: Shared) -> View:
    from cifar_tui.tui.devices.panel import DevicesPanel

    return DevicesPanel(id="device")


def _details(_: Shared) -> View:
    from cifar_tui.tui.details.panel import DetailsPanel

    return DetailsPanel(id="details")


VIEWS = (
    ViewType("charts", "1", "charts", "charts", "Loss and accuracy of the selected run", _charts),
    ViewType("confusion", "2", "confusion", "confusion", "Confusion matrix, epoch by epoch", _confusion),
    ViewType("images", "3", "images", "images", "Images, as the best weights predict them", _images),
    ViewType("compare", "4", "comparison", "compare", "Marked runs; images one or neither gets right", _compare),
    ViewType("log", "5", "log", "log", "Messages and library output", _log),
    ViewType("device", "6", "device", "device", "What the devices did, over time", _device),
    ViewType("confidence", "k", "confidence", "confidence", "Confidence and calibration", _confidence, listed=False),
    ViewType("details", "d", "details", "details", "The run: options, data, versions, folder", _details, listed=False),
)  # fmt: skip
"""In the order in which the frame and the help name them; the first one is shown at first."""
