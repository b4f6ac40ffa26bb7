"""The dashboard at every size of the terminal: something useful is shown, and the layout comes to rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.geometry import Size
from textual.screen import Screen

from cifar_tui.events import Paused
from cifar_tui.tui.main_screen import SMALLEST, MainScreen
from tests.support.dashboard import dashboard
from tests.support.recorded import batch
from tests.tui.textual_compat import LayoutCounter


async def test_no_terminal_is_too_small_to_say_so(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(40, 10)) as desk:
        assert f"needs {SMALLEST[0]} columns" in desk.screen()
        await desk.pilot.resize_terminal(*SMALLEST)
        await desk.shows("cnn", "mlp", "ready")
        await desk.pilot.resize_terminal(3, 1)
        await desk.pilot.resize_terminal(200, 60)
        await desk.shows("cnn", "learning rate")


async def test_changes_of_size_that_overtake_each_other_come_to_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(tmp_path) as desk:
        LayoutCounter(monkeypatch, MainScreen, limit=100)
        for size in (Size(100, 30), Size(1, 1), Size(59, 14), Size(120, 40)):
            desk.app.main.post_message(events.Resize(size, size))
            desk.app.main.call_later(lambda: None)
        await desk.pilot.pause()
        assert desk.app.main.size == (120, 40)


@pytest.mark.parametrize("opens", ["", "?", "n", "ctrl+p", "q"])
async def test_the_smallest_terminals_come_to_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens: str) -> None:
    async with dashboard(tmp_path) as desk:
        if opens == "q":
            await desk.press("s")
            (await desk.run()).begin(batch(1, 1))
        if opens:
            await desk.press(opens)
            assert desk.app.screen is not desk.app.main
        layouts = LayoutCounter(monkeypatch, Screen, limit=16)
        for size in ((1, 1), (1, 60), (3, 2), (58, 1)):
            layouts.count = 0
            await desk.pilot.resize_terminal(*size)
            await desk.pilot.pause(0.4)
            assert desk.app.screen.size == size


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
async def test_every_view_is_drawn_at_every_size_for_every_state(tmp_path: Path, size: tuple[int, int]) -> None:
    async with dashboard(tmp_path, size=size) as desk:
        for key in "24561":
            await desk.press(key)
        await desk.press("s")
        run = await desk.run()
        run.begin(batch(1, 1, float("nan")), batch(1, 2, float("inf")))
        await desk.until(lambda: desk.app.selected and desk.app.selected.status == "running")
        for key in "24561xlz+-":
            await desk.press({"+": "plus", "-": "minus"}.get(key, key))
        run.learn(3)
        run.end("finished")
        for key, is_tall in (("2", True), ("4", True), ("5", False)):
            await desk.press(key)
            assert desk.app.main.table.display == (not is_tall or size[1] > 24), key
        await desk.until(lambda: desk.app.selected and desk.app.selected.status == "finished")
        for key in ("2", "left", "4", "space", "4", "5", "6", "1", "left", "left", "right", "escape"):
            await desk.press(key)
        await desk.shows("finished")


async def test_the_footer_names_the_keys_that_matter_now(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=SMALLEST) as desk:

        def footer() -> str:
            return desk.screen().splitlines()[-1]

        await desk.until(lambda: "s start" in footer() and "q quit" in footer())
        await desk.press("s")
        run = await desk.run()
        run.begin(batch(1, 1))
        await desk.until(lambda: "s stop" in footer() and "p pause" in footer() and "q quit" in footer())
        run.tell(Paused(t=1.0, epoch=1, batch=1))
        await desk.until(lambda: "p resume" in footer())
        run.end("stopped")
        await desk.until(lambda: "r resume" in footer() and "s stop" not in footer())
        await desk.press("/", *"nothing", "enter")
        await desk.until(lambda: "n new run" in footer() and footer().count("new") == 1)
