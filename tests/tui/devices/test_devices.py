"""The devices of a run over time: charts of its own samples, in the spans that a person asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given

from cifar_tui.tui.charts.axes import Window
from cifar_tui.tui.devices.panel import DeviceOptions, bars
from cifar_tui.tui.theme import Look
from tests.support.dashboard import DashboardPilot, dashboard
from tests.support.others.script_runs import USAGE
from tests.support.panel_states import looks


def cursor(desk: DashboardPilot) -> float | None:
    views = desk.app.main.views
    assert views is not None
    return views.chart_area.deck.cursor


def panel_keys(desk: DashboardPilot) -> tuple[str, ...]:
    views = desk.app.main.views
    assert views is not None
    return views.view.active_keys


async def test_the_devices_of_a_run_are_charted_as_soon_as_they_are_sampled(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.until(lambda: desk.app.main.views is not None)
        await desk.press("6")
        await desk.shows("Nothing is recorded yet")
        assert panel_keys(desk) == ()
        await desk.press("s")
        run = await desk.run()
        run.begin(USAGE, *(replace(USAGE, t=3.0 + k, process_cpu=k / 10) for k in range(1, 9)))
        await desk.shows("2 cores  ▅▃", "gpu 0 utilization  75.00 %", "gpu 0 memory  50.00 %", "x axis: time in s")
        await desk.press("x")
        await desk.shows("the last 1 h 00 min")
        await desk.press("x")
        await desk.shows("the last 10 min 00 s")
        await desk.press("left", "left")
        await desk.until(lambda: cursor(desk) == 10.0)
        await desk.shows("10 s · ")
        await desk.press("right_square_bracket")
        await desk.shows("disk read (MiB/s)  3 MiB/s")
        assert "leave" in panel_keys(desk)
        assert "page-back page:pages" not in panel_keys(desk), "there is one page"
        await desk.pilot.resize_terminal(120, 26)
        await desk.shows("device cpu, fp32")
        await desk.press("1")
        await desk.shows("waiting for its first batch")


def test_the_spans_lead_from_all_to_minutes_and_back() -> None:
    options, seen = DeviceOptions(), []
    for _ in range(3):
        options.cycle_x_axis()
        seen.append(options.window)
    assert seen == [Window(-3600.0), Window(-600.0), Window()]
    assert options.x_axis == "time"


@given(looks)
def test_each_core_has_a_bar_of_its_height(look: Look) -> None:
    shown = bars((0.0, 0.5, 1.0), look)
    assert len(shown) == 3
    assert shown[0] == look.levels[0]
    assert shown[2] == look.levels[-1]
