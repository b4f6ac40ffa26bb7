"""A series is chosen from a list, drawn of every run that has it, and left again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dashboard import DashboardPilot, dashboard
from tests.support.others.script_runs import USAGE, metric, script_events, script_folder, script_started


async def select(desk: DashboardPilot, name: str) -> None:
    """Select a run and wait until its events are read."""
    await desk.until(lambda: any(entry.name == name for entry in desk.app.runs))
    entry = next(entry for entry in desk.app.runs if entry.name == name)
    desk.app.main.table.select(entry)
    await desk.until(lambda: desk.app.selected is entry and entry.state is not None)
    await desk.until(lambda: desk.app.main.views is not None)


async def test_a_series_is_found_by_a_part_of_its_name_and_escape_leaves_it(tmp_path: Path) -> None:
    script_folder(tmp_path, "net")
    async with dashboard(tmp_path) as desk:
        await select(desk, "net")
        await desk.press("2", "y")
        await desk.shows("Draw a series", "loss and accuracy", "learning rate", "grad_norm")
        await desk.press(*"norm", "enter")
        await desk.shows("grad_norm  1.033", "Esc: all charts")
        await desk.press("left", "escape")
        await desk.shows("grad_norm  1.033")
        await desk.press("escape")
        await desk.shows("o validation")
        assert "grad_norm" not in desk.screen()
        await desk.until(lambda: "Esc back" not in desk.screen())


async def test_the_key_of_the_view_and_the_first_item_return_to_loss_and_accuracy(tmp_path: Path) -> None:
    script_folder(tmp_path, "net")
    async with dashboard(tmp_path) as desk:
        await select(desk, "net")
        for back in (["1"], ["y", "home", *["up"] * 5, "enter"]):
            await desk.press("y", *"learning", "enter")
            await desk.shows("learning rate  0.003333")
            await desk.press(*back)
            await desk.shows("o validation")


async def test_the_list_opens_at_the_series_that_is_drawn_and_cancelling_changes_nothing(tmp_path: Path) -> None:
    script_folder(tmp_path, "net")
    async with dashboard(tmp_path) as desk:
        await select(desk, "net")
        await desk.press("y", *"grad", "enter")
        await desk.shows("grad_norm  1.033")
        await desk.press("y", "up", "enter")
        await desk.shows("learning rate  0.003333")
        await desk.press("y", "down", "escape")
        await desk.shows("learning rate  0.003333")


async def test_a_chosen_series_stays_for_other_runs_and_one_without_it_says_so(tmp_path: Path) -> None:
    script_folder(tmp_path, "net")
    script_folder(tmp_path, "agent", script_started(), *(metric(step, reward=step) for step in range(1, 9)))
    async with dashboard(tmp_path) as desk:
        await select(desk, "net")
        await desk.press("y", *"grad", "enter")
        await desk.shows("grad_norm  1.033")
        await select(desk, "agent")
        await desk.shows("This run has no grad_norm")
        await desk.press("y", *"rew", "enter")
        await desk.shows("reward  8", "steps")
        await select(desk, "net")
        await desk.shows("This run has no reward")
        await desk.press("escape")
        await select(desk, "agent")
        await desk.shows("reward  8", "x axis: steps")
        assert "loss  " not in desk.screen().partition("1 charts")[2], "a run without a loss has no page for it"


async def test_devices_alone_are_no_reason_to_say_that_no_loss_is_logged(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.until(lambda: desk.app.main.views is not None)
        await desk.press("s")
        run = await desk.run()
        run.begin(USAGE)
        await desk.shows("waiting for its first batch")
        await desk.press("y", *"gpu 0 util", "enter")
        await desk.shows("gpu 0 utilization  75.00 %")


async def test_a_series_without_a_number_says_so(tmp_path: Path) -> None:
    script_folder(tmp_path, "net", *script_events())
    async with dashboard(tmp_path) as desk:
        await select(desk, "net")
        await desk.press("y", *"broken", "enter")
        await desk.shows("No value of broken is a number so far")


@pytest.mark.parametrize("size", [(60, 15), (200, 60)])
async def test_the_list_of_a_run_that_has_not_started_offers_loss_and_accuracy(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with dashboard(tmp_path, size=size) as desk:
        await desk.until(lambda: desk.app.main.views is not None)
        await desk.press("y")
        await desk.shows("loss and accuracy")
        await desk.press("enter")
        await desk.shows("Press s to start it")
