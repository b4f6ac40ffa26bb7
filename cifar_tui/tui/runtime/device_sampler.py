"""What the devices do, measured every few seconds while something trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cifar_tui.tui.runtime import background

if TYPE_CHECKING:
    from cifar_tui.system.hardware import Sample

SAMPLE_SECONDS = 2.0


class DeviceSampler:
    """Measures on a thread, and only while it is to: an idle screen is not written to."""

    def __init__(self, show: Callable[[Sample | None], None]) -> None:
        """Call `show`, within the event loop, with each sample, and with None when there are no more."""
        self._show = show
        self._watch: background.Watch | None = None

    def run_while(self, training: bool) -> None:
        """Measure from now on, or no more."""
        if training and self._watch is None:
            from cifar_tui.system.hardware import Sampler

            self._watch = background.Watch(Sampler().sample, self._show, SAMPLE_SECONDS)
        elif not training and self._watch is not None:
            self.stop()
            self._show(None)

    def stop(self) -> None:
        """Measure no more, and show nothing more."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
