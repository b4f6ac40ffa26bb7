"""A dashboard follows what other processes do to the folders of runs: new labels and names, and runs that are gone."""

import shutil
from pathlib import Path

import pytest

from cifar_tui.records import Labels
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.runs import folder_watcher
from tests.support.dashboard import dashboard, recorded_folder


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_watcher, "TAIL_SECONDS", 0.02)
    monkeypatch.setattr(folder_watcher, "TAILS_PER_POLL", 1)


async def test_labels_show_and_are_searched_as_soon_as_they_are_changed(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "first").write_labels(Labels(tags=("old",)))
    second = recorded_folder(tmp_path, "second")
    async with dashboard(tmp_path) as pilot:
        await pilot.shows("second")
        table = pilot.app.main.table
        with table.arranged() as model:
            model.show_columns(("run", "tags", "note"))
        await pilot.shows("old")
        second.write_labels(Labels(tags=("new",), note="warmer"))
        await pilot.shows("new", "warmer")
        with table.arranged() as model:
            model.set_filter("tag:new")
        assert [entry.name for entry in table.entries] == ["second"]


async def test_a_renamed_run_stays_selected_and_marked_under_its_new_name(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "other")
    old = recorded_folder(tmp_path, "net")
    async with dashboard(tmp_path) as pilot:
        await pilot.shows("other", "net")
        entry = next(each for each in pilot.app.runs if each.folder == old)
        pilot.app.main.table.select(entry)
        await pilot.press("space")
        await pilot.until(lambda: entry.state is not None)
        old.path.rename(tmp_path / "20250101-000000-wide")
        await pilot.shows("wide", "was called net until now")
        assert pilot.app.selected is entry
        assert pilot.app.runs.marked == (entry,)
        assert entry.folder == RunFolder(tmp_path / "20250101-000000-wide")
        assert len(pilot.app.runs) == 4
        await pilot.press("d")
        await pilot.shows("20250101-000000-wide")


async def test_a_run_that_is_gone_leaves_no_row_and_the_cursor_goes_on(tmp_path: Path) -> None:
    folders = [recorded_folder(tmp_path, name) for name in ("a", "b", "c")]
    async with dashboard(tmp_path) as pilot:
        await pilot.until(lambda: len(pilot.app.runs) == 5)
        gone, table = next(each for each in pilot.app.runs if each.folder == folders[1]), pilot.app.main.table
        table.select(gone)
        await pilot.press("space")
        await pilot.until(lambda: gone.state is not None)
        shutil.rmtree(folders[1].path)
        await pilot.until(lambda: len(pilot.app.runs) == 4)
        await pilot.shows("was deleted or moved elsewhere")
        assert gone not in table.entries
        assert pilot.app.runs.marked == ()
        selected = table.selected
        assert selected is not None
        assert selected.folder in (folders[0], folders[2])
        recorded_folder(tmp_path, "zz")
        await pilot.until(lambda: len(pilot.app.runs) == 5)
        assert table.selected is selected


async def test_the_folder_of_a_run_that_trains_here_may_vanish_for_a_moment(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "cnn") as pilot:
        await pilot.press("s")
        run = await pilot.run()
        run.folder = recorded_folder(tmp_path, "cnn")
        run.learn(1)
        await pilot.until(lambda: [entry.folder for entry in pilot.app.runs] == [run.folder])
        other = recorded_folder(tmp_path, "other")
        await pilot.until(lambda: len(pilot.app.runs) == 2)
        shutil.rmtree(run.folder.path)
        shutil.rmtree(other.path)
        await pilot.until(lambda: len(pilot.app.runs) == 1)
        assert [entry.folder for entry in pilot.app.runs] == [run.folder]
