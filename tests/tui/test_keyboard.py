"""Where the keyboard is: seen at a glance, moved by keys and clicks, and what keys and the footer do there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from cifar_tui.system import user_folders
from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.preferences.settings import FILE, ScreenSettings, Settings
from tests.support.dashboard import DashboardPilot, dashboard, digits, recorded_folder, workspace_of
from tests.support.recorded import batch
from tests.support.terminal import Screen, Terminal
from tests.tui.textual_compat import screen_strips


def place(desk: DashboardPilot) -> str:
    """What has the keyboard: `runs`, or the name of the view."""
    focused = desk.app.main.focused
    assert focused is not None
    return focused.id or ""


def reversed_titles(desk: DashboardPilot) -> list[str]:
    """What is reversed in the frames' top lines."""
    lines = [strip for strip in screen_strips(desk.app.screen) if set("━─╭┏") & set(strip.text)]
    return [s.text.strip() for strip in lines for s in strip if s.style and s.style.reverse and s.text.strip()]


def footer(desk: DashboardPilot) -> str:
    return desk.screen().splitlines()[-1]


async def ready(desk: DashboardPilot) -> None:
    await desk.until(lambda: desk.app.main.views is not None)
    await desk.shows("1 charts")


async def test_tab_goes_round_and_arrows_act_where_the_keyboard_is(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path) as desk:
        await ready(desk)
        await desk.shows("old")
        assert place(desk) == "runs"
        await desk.press("end")
        assert desk.app.selected is not None
        assert desk.app.selected.name == "old"
        await desk.press("tab")
        assert place(desk) == "charts"
        await desk.press("up", "left")
        assert desk.app.selected.name == "old"
        await desk.press("shift+tab", "up")
        assert place(desk) == "runs"
        assert desk.app.selected.name == "mlp"
        await desk.press("enter")
        assert place(desk) == "charts"
        for key, view in (("5", "log"), ("6", "device"), ("4", "compare"), ("k", "confidence"), ("1", "charts")):
            await desk.press(key)
            assert place(desk) == view
            await desk.press("tab", "tab")
            assert place(desk) == view


async def test_escape_goes_back_a_step_at_a_time_and_at_last_to_the_runs(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path) as desk:
        await ready(desk)
        await desk.press("2", "k", "escape")
        assert place(desk) == "confusion", "from where it was opened"
        await desk.press("escape")
        assert place(desk) == "runs"
        assert desk.view == "confusion"
        await desk.press("slash", "o", "enter")
        assert place(desk) == "runs"
        await desk.press("tab", "tab", "escape")
        assert desk.app.main.table.model.filter.typed == "o", "it is the view that was left"
        await desk.press("escape")
        assert desk.app.main.table.model.filter.typed == ""


async def test_clicks_give_the_keyboard_and_select(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await ready(desk)
        views = desk.app.main.views
        assert views is not None
        await desk.pilot.click(views.view)
        assert place(desk) == "charts"
        await desk.pilot.click(desk.app.main.table, offset=(20, 3))
        assert place(desk) == "runs"
        assert desk.app.selected is not None
        assert desk.app.selected.name == "mlp"
        line = next(y for y, line in enumerate(desk.screen().splitlines()) if "5 log" in line)
        await desk.pilot.click(offset=(desk.screen().splitlines()[line].index("5 log"), line))
        await desk.until(lambda: desk.view == "log")


async def test_on_a_low_screen_the_runs_make_room_for_images_while_these_have_the_keyboard(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(80, 24)) as desk:
        await ready(desk)
        await desk.press("3")
        await desk.until(lambda: "best val" not in desk.screen())
        await desk.press("tab", "down")
        await desk.shows("best val")
        assert place(desk) == "runs"
        assert desk.app.selected is not None
        assert desk.app.selected.name == "mlp"
        await desk.press("enter")
        await desk.until(lambda: "best val" not in desk.screen())
        await desk.pilot.resize_terminal(60, 20)
        await desk.press("k")
        await desk.shows("4 compare k confidence")
        await desk.pilot.resize_terminal(20, 5)
        await desk.pilot.resize_terminal(80, 24)
        await desk.until(lambda: desk.app.main.focused is not None)


async def test_space_in_a_view_goes_to_the_runs_and_marks_none(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await ready(desk)
        await desk.press("space", "down", "space", "c", "down", "space")
        assert [entry.name for entry in desk.app.runs.marked] == ["cnn", "mlp"]
        assert place(desk) == "runs"
        await desk.press("space")
        assert [entry.name for entry in desk.app.runs.marked] == ["cnn"]
        await desk.press("c", "up", "space")
        assert [entry.name for entry in desk.app.runs.marked] == ["cnn", "mlp"], "the comparison asks for one more"


async def test_a_comparison_that_asks_for_marks_has_the_selected_run_marked_at_once(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(80, 24)) as desk:
        await ready(desk)
        await desk.press("c")
        await desk.shows("Mark at least two runs with space.")
        await desk.press("space")
        assert [entry.name for entry in desk.app.runs.marked] == ["cnn"]
        assert place(desk) == "runs"
        await desk.shows("1 run marked; mark one more with space.")
        await desk.press("c", "space")
        assert [entry.name for entry in desk.app.runs.marked] == ["cnn"], "the mark that is there stays"
        await desk.press("down", "space")
        assert [entry.name for entry in desk.app.runs.marked] == ["cnn", "mlp"]


async def test_the_frame_shows_it_without_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with dashboard(tmp_path, size=(80, 24)) as desk:
        await ready(desk)
        await desk.until(lambda: reversed_titles(desk) == ["runs"])
        heavy = [line for line in desk.screen().splitlines() if "━" in line]
        assert "runs" in heavy[0]
        await desk.press("tab")
        await desk.until(lambda: reversed_titles(desk) == ["1 charts"])
        heavy = [line for line in desk.screen().splitlines() if "━" in line]
        assert "1 charts" in heavy[0]
        await desk.press("question_mark")
        await desk.until(lambda: reversed_titles(desk) == ["Keys"])


async def test_the_footer_names_the_keys_of_what_has_the_keyboard_and_does_what_they_do(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await ready(desk)
        await desk.until(lambda: "space mark" in footer(desk) and "Tab charts" in footer(desk))
        await desk.press("tab")
        await desk.until(lambda: "← → cursor  x axis" in footer(desk) and "Tab runs" in footer(desk))
        views = desk.app.main.views
        assert views is not None
        options = views.charts.options
        before = options.level
        line = desk.app.size.height - 1
        for shown, at in (("+ -", 0), ("+ -", 0), ("+ -", 2)):
            await desk.pilot.click(offset=(footer(desk).index(shown) + at, line))
            await desk.pilot.pause()
        assert options.level == before + 1
        assert place(desk) == "charts", "the footer takes no keyboard"
        await desk.pilot.click(offset=(footer(desk).index("? help"), line))
        await desk.shows("Esc closes")


async def test_help_and_quit_are_always_in_the_footer(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path, size=(80, 24)) as desk:
        await ready(desk)
        for key in ("1", "2", "3", "4", "5", "6", "k", "tab", "end", "space", "up", "space", "c"):
            await desk.press(key)
            await desk.until(lambda: footer(desk).rstrip().endswith("? help  q quit"))
        await desk.pilot.resize_terminal(60, 15)
        await desk.until(lambda: footer(desk).rstrip().endswith("? help  q quit"))


async def test_the_runs_are_as_high_as_their_rows_up_to_a_third_and_as_they_were_set(tmp_path: Path) -> None:
    for number in range(12):
        recorded_folder(tmp_path, f"old-{number}")
    async with dashboard(tmp_path, size=(100, 30)) as desk:
        await ready(desk)
        table = desk.app.main.table
        await desk.until(lambda: table.size.height == 30 // 3 - 2)
        await desk.press("slash", *"mlp", "enter")
        assert table.outer_size.height == 10, "it stays while rows are filtered"
        await desk.press("escape", "ctrl+down", "ctrl+down", "ctrl+left")
        await desk.until(lambda: table.outer_size.height == 12)
        x = desk.app.size.width - 42
        await desk.pilot.mouse_down(offset=(30, table.region.bottom - 1))
        await desk.pilot.hover(offset=(30, table.region.bottom + 2))
        await desk.until(lambda: table.outer_size.height > 12)
        await desk.pilot.mouse_up(offset=(30, table.region.bottom - 1))
        height = table.outer_size.height
        side = desk.app.main.query_one("#side")
        assert side.region.x == x
    kept = ScreenSettings(runs_lines=height, side_columns=42)
    await desk.until(lambda: Settings().load("screen", ScreenSettings) == kept)
    async with dashboard(tmp_path, size=(100, 30)) as desk:
        await ready(desk)
        await desk.until(lambda: desk.app.main.table.outer_size.height == height)


async def test_a_theme_is_seen_before_it_is_chosen_and_kept(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(80, 24)) as desk:
        await ready(desk)
        await desk.press("t", "down")
        await desk.until(lambda: desk.app.theme == "light")
        await desk.press("escape")
        await desk.until(lambda: desk.app.theme == "dark")
        await desk.press("ctrl+p", *"nord")
        await desk.until(lambda: desk.app.theme == "nord")
        await desk.press(*(["backspace"] * 4))  # The first that is found is no theme.
        await desk.until(lambda: desk.app.theme == "dark")
        await desk.press("escape", "t", *"d-li", "enter")
        await desk.until(lambda: desk.app.theme == "colour-blind-light")
    assert not desk.app.look.dark
    file = user_folders.config() / FILE
    await desk.until(file.exists)
    assert json.loads(file.read_text())["screen"] == {"theme": "colour-blind-light"}
    for given, shown in (("", "colour-blind-light"), ("dark", "dark")):
        app = Dashboard(tmp_path, digits("cnn"), workspace_of(desk.workspace), theme=given)
        assert app.theme == shown


async def test_the_question_whether_to_stop_a_run_goes_when_the_run_has_ended(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.begin(batch(1, 1))
        await desk.shows("running")
        await desk.press("s")
        await desk.shows("Stop cnn?")
        run.end("stopped")
        await desk.until(lambda: desk.app.screen is desk.app.main)
        await desk.shows("there is nothing to stop")
        assert run.asked == ["start"]


async def test_a_line_that_is_typed_in_is_part_of_the_round(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await ready(desk)
        await desk.press("slash", "m", "tab")
        assert place(desk) == "charts"
        await desk.press("shift+tab")
        assert isinstance(desk.app.main.focused, Input)
        await desk.press("end", "l", "enter")
        assert place(desk) == "runs"
        assert desk.app.main.table.model.filter.typed == "ml"


def test_on_a_terminal_the_keyboard_is_moved_by_keys_and_the_mouse_and_a_theme_is_chosen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cifar_tui", "--data", "digits", "--ascii"]

    def title(terminal: Terminal, text: str) -> Callable[[Screen], bool]:
        """Whether this title is reversed."""

        def is_reversed(screen: Screen) -> bool:
            lines = terminal.text().splitlines()
            y = next((y for y, line in enumerate(lines) if y and text in line), None)
            return y is not None and bool(screen.buffer[y][lines[y].index(text)].reverse)

        return is_reversed

    with Terminal(command, cwd=tmp_path, env={"COLORTERM": ""}) as terminal:
        terminal.wait_for("1 charts")
        terminal.wait_for(title(terminal, "runs"))
        terminal.wait_for(lambda screen: (screen.buffer[3][0].data, screen.buffer[9][0].data) == ("|", " "))
        terminal.press("tab")
        terminal.wait_for(title(terminal, "1 charts"))
        terminal.wait_for(lambda screen: (screen.buffer[3][0].data, screen.buffer[9][0].data) == (" ", "|"))
        terminal.click(20, 4)
        terminal.wait_for(title(terminal, "runs"))
        terminal.wait_for("mlp is ready")
        y = next(y for y, line in enumerate(terminal.text().splitlines()) if "5 log" in line)
        terminal.click(terminal.text().splitlines()[y].index("5 log"), y)
        terminal.wait_for(title(terminal, "5 log"))
        terminal.press("t", "down", "down", "enter")
        terminal.wait_for(lambda screen: screen.buffer[0][40].bg == "303030")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.restored, terminal.unrestored
