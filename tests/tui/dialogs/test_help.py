"""The help and the command palette: the one table of keys, for a person."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.config import TrainingConfig
from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.dialogs.help import Help, key_names
from cifar_tui.tui.dialogs.palette import Palette
from cifar_tui.tui.dialogs.table_commands import TableCommands
from cifar_tui.tui.keys import KEYS
from cifar_tui.tui.main_screen import MainScreen
from cifar_tui.tui.panel_layout import PanelLayout
from cifar_tui.tui.run_commands import RunCommands
from cifar_tui.tui.theme import ASCII_GLYPHS, GLYPHS, Look
from cifar_tui.tui.view_switcher import ViewSwitcher
from tests.support.dashboard import ScreenHost

DESIGNED = (
    *("s", "S", "p", "n", "r", "space", "c", "1", "2", "3", "4", "5", "x", "l", "plus", "minus", "slash", "e"),
    *("question_mark", "q"),
)


def dashboard() -> Dashboard:
    def session() -> Any:
        raise AssertionError("nothing is trained here")

    return Dashboard(Path("runs"), [TrainingConfig()], session)


def test_each_key_of_the_dashboard_is_in_the_table_once() -> None:
    keys = Counter(name for key in KEYS for name in key.keys.split(","))
    assert set(DESIGNED) <= set(keys)
    assert set(keys.values()) == {1}
    assert len({key.id for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_each_key_has_an_action_where_it_is_bound(key: Any) -> None:
    owners = {
        "app": Dashboard,
        "screen": MainScreen,
        "commands": RunCommands,
        "table": TableCommands,
        "sizes": PanelLayout,
        "views": ViewSwitcher,
    }
    owner = owners[key.action.partition(".")[0]]
    assert callable(getattr(owner, f"action_{key.action_name}", None))


def test_keys_are_named_as_on_a_keyboard() -> None:
    names = {key.id: key_names(key) for key in KEYS}
    assert [names[key] for key in ("mark", "smoother", "leave", "help", "quit")] == [
        *["Space", "+ =", "Esc", "? F1", "q Ctrl+C"]
    ]


async def test_the_help_has_every_key_and_every_glyph() -> None:
    app = ScreenHost(lambda: Help(Look()))
    async with app.run_test(size=(120, 60)):
        said = " ".join("\n".join(app.text()).split())
        for key in KEYS:
            assert f"{key_names(key)} {key.help.split()[0]}" in said
        for status, glyph in GLYPHS.items():
            assert status in said
            assert glyph in said
        assert "! behind a state: health check" in said
        assert "unless this terminal has the focus (--bell, --notify)" in said


async def test_the_help_scrolls_where_it_does_not_fit() -> None:
    app = ScreenHost(lambda: Help(Look()))
    async with app.run_test(size=(60, 15)) as pilot:
        assert KEYS[0].help in "\n".join(app.text())
        await pilot.press("end")
        assert "interrupted" in "\n".join(app.text())
        assert KEYS[-1].help in "\n".join(app.text())
        assert "scroll" in "\n".join(app.text())
        await pilot.resize_terminal(120, 60)
        await pilot.pause()
        assert "scroll" not in "\n".join(app.text()), "all of it fits"


async def test_the_help_closes_by_its_own_keys_on_a_screen_of_any_size() -> None:
    app = ScreenHost(lambda: Help(Look()))
    keys = ("escape", "question_mark", "f1", "q", "ctrl+c")
    async with app.run_test(size=(60, 15)) as pilot:
        for key, size in zip(keys, ((12, 4), (1, 1), (80, 24), (200, 60), (5, 30)), strict=True):
            await pilot.resize_terminal(*size)
            await pilot.press(key)
            assert len(app.screen_stack) == 1
            app.open(Help(Look()))
            await pilot.pause()
        assert app.answers == [None] * len(keys)


async def test_the_help_is_ascii_where_the_terminal_has_no_more() -> None:
    app = ScreenHost(lambda: Help(Look(ascii=True)))
    async with app.run_test(size=(120, 60)):
        said = "\n".join(app.text())
        assert said.isascii()
        assert f"{ASCII_GLYPHS['finished']} finished" in said


async def test_the_palette_finds_what_keys_do_by_their_names() -> None:
    app = ScreenHost(lambda: Palette(app.themes, Look()))
    async with app.run_test(size=(80, 24)) as pilot:
        assert KEYS[0].help in "\n".join(app.text())
        await pilot.press(*"matrix percent", "enter")
        app.open(Palette(app.themes, Look()))
        await pilot.pause()
        await pilot.press("down", "down", "up", "enter")
        app.open(Palette(app.themes, Look()))
        await pilot.pause()
        await pilot.press(*"no such thing", "enter")
        assert "no command matches" in "\n".join(app.text())
        await pilot.press("escape", "escape")
        assert app.answers == [next(key for key in KEYS if key.id == "percent"), KEYS[1], None]


async def test_what_the_palette_finds_is_done() -> None:
    app = dashboard()
    async with app.run_test(size=(120, 40)) as pilot:
        while app.main.views is None:
            await pilot.pause()
        await pilot.press("ctrl+p", *"library", "enter")
        await pilot.pause()
        assert app.main.views is not None
        assert app.main.views.shown == "log"
        await pilot.press("ctrl+p", *"notif", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Help)
