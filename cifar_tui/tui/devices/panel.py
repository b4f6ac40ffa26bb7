"""The view of a run's devices: charts of what they did over minutes, hours or the whole run, and what they do now."""

from __future__ import annotations

from typing import ClassVar

from textual.strip import Strip

from cifar_tui.formatting import plural
from cifar_tui.system.hardware import Sample
from cifar_tui.tui.charts.area import ChartArea
from cifar_tui.tui.charts.axes import Window
from cifar_tui.tui.charts.drawn_runs import drawn_runs
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.series import device_series
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.sidebar.device import picture
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, View
from cifar_tui.tui.widgets.lines import cut, line, paragraph

SPANS = (None, 3600.0, 600.0)
"""The parts of a run that `x` shows, in seconds before its last sample; None for all of it."""
FACTS = 3
"""Rows of facts above the charts where no panels stand beside them, which have the facts."""
LEAST_CHARTS = 10
"""The least rows for charts below the facts."""

NOTHING_YET = "Nothing is recorded yet: what the devices do is drawn here while the run trains."


class DeviceOptions(ChartOptions):
    """How the charts of devices are drawn: by time, and no smoother than they are."""

    def __init__(self) -> None:
        super().__init__(x_axis="time", level=0)

    def cycle_x_axis(self) -> None:
        """Show all of the run, its last hour, or its last ten minutes."""
        spans = [Window() if span is None else Window(-span) for span in SPANS]
        at = spans.index(self.window) if self.window in spans else -1
        self.window = spans[(at + 1) % len(spans)]


class DevicesPanel(ChartArea, View):
    """The devices of the selected run, by its own events: whether this process trains it, another one, or none now."""

    shows_devices: ClassVar[bool] = True

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(DeviceOptions(), devices=True, id=id)
        self.entry: Entry | None = None
        self._sample: Sample | None = None

    def show(self, context: Context) -> None:
        """Draw the selected run."""
        if context.selected is not self.entry:
            self.deck.cursor, self.deck.pinned = None, False
        self.entry, self._sample, self.look = context.selected, context.sample, context.look
        self.deck.runs = drawn_runs([] if self.entry is None else [self.entry])
        self.draw()

    def lines(self, width: int, height: int) -> list[Strip]:
        """The charts, below what is known of the devices now; while nothing is recorded, that alone or a word of it."""
        state = self.entry.state if self.entry is not None else None
        beside = any(panel.display for panel in self.screen.query("#side"))
        if state is None or state.started is None or not device_series(state):
            self.deck.drawn = []
            if beside and self.entry is not None and self.entry.status not in ENDED:
                return paragraph(NOTHING_YET, width, self.look)
            return picture(self.entry, self._sample, self.look, width, height)
        top: list[Strip] = []
        if not beside and height >= FACTS + LEAST_CHARTS:
            top = picture(self.entry, self._sample, self.look, width, FACTS)
        if (cores := self._cores(width)) is not None and height > LEAST_CHARTS:
            top.append(cores)
        return [*top, *self.deck.lines(width, height - len(top), self.look, focused=self.has_focus, top=len(top))]

    def _cores(self, width: int) -> Strip | None:
        """How busy each core was in the last sample."""
        assert self.entry is not None
        assert self.entry.state is not None
        usages = sorted(self.entry.state.usage.values(), key=lambda each: each.rank)
        if not usages or not usages[0].cores:
            return None
        name = plural(len(usages[0].cores), "core")
        shown = cut(bars(usages[0].cores, self.look), width - len(name) - 2, self.look)
        return line([(f"{name}  ", self.look.dim), (shown, self.look.run(self.entry.number))], width)

    @property
    def active_keys(self) -> tuple[str, ...]:
        """Those of the charts; Escape where it leads somewhere."""
        if not self.deck.drawn:
            return self.leave_key
        return ("x-axis:span", "zoom zoom-out:zoom", *self.page_keys, *self.leave_key)


def bars(shares: tuple[float, ...], look: Look) -> str:
    """A character for each fraction, the higher the busier."""
    levels = look.levels
    return "".join(levels[min(max(int(share * len(levels)), 0), len(levels) - 1)] for share in shares)
