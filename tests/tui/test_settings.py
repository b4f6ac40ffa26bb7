"""The user's settings: kept in one file, which two dashboards share, and which may be damaged, linked or read-only."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from cifar_tui.system import user_folders
from cifar_tui.tui.preferences.settings import FILE, MOST_BYTES, ScreenSettings, Settings
from tests.support.dashboard import dashboard, recorded_folder


@dataclass(frozen=True, slots=True)
class Shown:
    """Settings of a part of the dashboard."""

    columns: tuple[str, ...] = ("run", "best")
    log: bool = False
    smoothing: float = 0.9


async def written(settings: Settings) -> dict[str, object]:
    """What the file says once nothing is being written."""
    for _ in range(500):
        if not settings._writing:
            break
        await asyncio.sleep(0.01)
    found = json.loads(settings.path.read_text())
    assert isinstance(found, dict)
    return found


async def test_what_is_set_is_there_the_next_time_and_the_rest_at_its_default(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "new" / FILE)
    assert settings.load("charts", Shown) == Shown()
    settings.keep("charts", Shown(columns=("run",), smoothing=0.5))
    assert settings.load("charts", Shown) == Shown(columns=("run",), smoothing=0.5)
    assert await written(settings) == {"charts": {"columns": ["run"], "smoothing": 0.5}}
    assert Settings(settings.path).load("charts", Shown) == Shown(columns=("run",), smoothing=0.5)
    assert not settings.problem


async def test_two_dashboards_keep_each_others_settings_and_those_of_other_versions(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text('{"screen": {"theme": "nord", "later": 1}, "unknown": {"a": [1]}, "odd": 3}')
    one, other = Settings(path), Settings(path)
    one.keep("screen", ScreenSettings(theme="light"))
    await written(one)
    other.keep("screen", ScreenSettings(theme="nord", runs_lines=7))
    assert await written(other) == {
        "screen": {"theme": "light", "runs_lines": 7, "later": 1},
        "unknown": {"a": [1]},
    }


async def test_a_damaged_file_is_reported_and_replaced_by_what_is_set_next(tmp_path: Path) -> None:
    path = tmp_path / FILE
    for damaged in (b"{", b"[]", b"\xff", b" " * (MOST_BYTES + 1)):
        path.write_bytes(damaged)
        settings = Settings(path)
        assert str(path) in settings.problem
        assert settings.load("screen", ScreenSettings) == ScreenSettings()
    settings.keep("screen", ScreenSettings(theme="light"))
    assert await written(settings) == {"screen": {"theme": "light"}}


def test_values_that_do_not_fit_are_at_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text('{"screen": {"theme": 3, "runs_lines": 9, "side_columns": "x"}, "charts": [1]}')
    settings = Settings(path)
    assert settings.load("screen", ScreenSettings) == ScreenSettings(runs_lines=9)
    assert settings.load("charts", Shown) == Shown()


async def test_where_nothing_can_be_written_that_is_said_once_and_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifar_tui.tui.preferences.settings.RETRY_SECONDS", 0.0)
    (tmp_path / "file").touch()
    settings = Settings(tmp_path / "file" / FILE)
    said: list[str] = []
    settings.report = said.append
    for lines in (5, 6):
        settings.keep("screen", ScreenSettings(runs_lines=lines))
        for _ in range(500):
            if not settings._writing and said:
                break
            await asyncio.sleep(0.01)
    assert len(said) == 1
    assert "settings cannot be kept" in said[0]
    assert settings.load("screen", ScreenSettings).runs_lines == 6, "for this time"
    (tmp_path / "file").unlink()
    settings.keep("screen", settings.load("screen", ScreenSettings))
    assert await written(settings) == {"screen": {"runs_lines": 6}}


async def test_a_file_that_is_linked_to_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / FILE).symlink_to(tmp_path / "dotfiles" / FILE)
    settings = Settings(tmp_path / FILE)
    settings.keep("screen", ScreenSettings(theme="light"))
    await written(settings)
    assert (tmp_path / FILE).is_symlink()
    assert Settings(tmp_path / "dotfiles" / FILE).load("screen", ScreenSettings).theme == "light"


def test_the_tests_have_settings_of_their_own() -> None:
    assert Settings().path == user_folders.config() / FILE
    assert not Settings().path.is_relative_to(Path.home())


async def test_how_curves_and_runs_are_shown_is_kept_for_the_next_time(tmp_path: Path) -> None:
    for name in ("old", "older"):
        recorded_folder(tmp_path, name)
    async with dashboard(tmp_path) as desk:
        await desk.until(lambda: desk.app.main.table.row_count == 4)
        await desk.press("l", "plus")
        with desk.app.main.table.arranged() as model:
            model.sort_by("run")
        path = desk.app.settings.path
        await desk.until(lambda: path.exists() and "sort" in path.read_text() and "smoothing" in path.read_text())
    async with dashboard(tmp_path) as desk:
        await desk.until(lambda: desk.app.main.table.row_count == 4)
        assert desk.app.main.table.settings.sort == "run"
        assert desk.app.main.views is not None
        options = desk.app.main.views.charts.options
        assert (options.log, options.settings.smoothing) == (True, 3)
