"""Keys that come faster than they act: each has its effect, in turn, where it was meant to."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifar_tui.tui.runtime import key_queue
from tests.support.dashboard import dashboard
from tests.support.recorded import batch


async def test_what_is_typed_at_once_after_the_filters_key_belongs_to_the_filter(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead("/", *"stop")
        await desk.until(lambda: desk.app.main.table.model.filter.typed == "stop")
        assert desk.workspace.runs == []


@pytest.mark.parametrize("opens", ["?", "n", "s"])
async def test_a_key_right_after_escape_is_not_lost_to_the_dialog_that_it_closes(tmp_path: Path, opens: str) -> None:
    async with dashboard(tmp_path) as desk:
        if opens == "s":
            await desk.press("s")
            (await desk.run()).begin(batch(1, 1))
        await desk.press(opens)
        assert desk.app.screen is not desk.app.main
        await desk.type_ahead("escape", "5")
        await desk.until(lambda: desk.app.screen is desk.app.main)
        await desk.until(lambda: desk.view == "log")


@pytest.mark.parametrize("keys", [("?", "escape"), ("n", "escape"), ("n", "escape", "/", "n", "escape")])
async def test_keys_pressed_ahead_act_in_turn(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead(*keys, "5")
        await desk.until(lambda: desk.view == "log")
        assert desk.app.screen is desk.app.main
        await desk.until(lambda: desk.app.main.table.model.filter.typed == "")
        await desk.shows("cnn", "mlp")


async def test_what_is_typed_ahead_of_an_input_is_written_into_it(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead("/", "m", "l")
        await desk.until(lambda: desk.app.main.table.model.filter.typed == "ml")


async def test_a_key_after_enter_in_the_filter_is_no_text(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead("/", "m", "l", "enter", "5", "d")
        await desk.until(lambda: desk.view == "details")
        assert desk.app.main.table.model.filter.typed == "ml"


@pytest.mark.parametrize("before", [(), ("/", "m", "enter")])
async def test_a_list_is_searched_and_answered_ahead(tmp_path: Path, before: tuple[str, ...]) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead(*before, "o", *"best", "enter", "C", *"patience", " ", "enter", "5")
        await desk.until(lambda: desk.view == "log")
        settings = desk.app.main.table.settings
        assert (settings.sort, settings.columns[2]) == ("best", "patience")


async def test_a_key_whose_effect_never_shows_delays_the_next_one_for_a_moment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_queue, "TIMEOUT", 0.01)
    monkeypatch.setattr(key_queue.KeyHandled, "bubble", False)
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead("?", "escape", "5")
        await desk.until(lambda: desk.view == "log")


async def test_ctrl_c_in_the_filter_neither_quits_nor_fails(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("slash", "m", "ctrl+c", "l")
        await desk.until(lambda: desk.app.main.table.model.filter.typed == "ml")
        assert desk.app.is_running
