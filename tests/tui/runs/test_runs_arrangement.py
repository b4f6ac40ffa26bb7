"""The order and the groups of the runs table, and where its cursor stays; by its keys on the whole dashboard too."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifar_tui.records import Labels
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.runs import run_options
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.run_options import RunOptions
from cifar_tui.tui.runs.table.arrangement import GroupRow, RunRow, TableSettings
from cifar_tui.tui.runs.table.model import TableModel
from tests.support.dashboard import DashboardPilot, dashboard, recorded_folder
from tests.support.others.script_runs import script_folder
from tests.support.panel_states import earlier


def model(*runs: Entry, **settings: object) -> TableModel:
    made = TableModel()
    made.fill(runs)
    made.apply(TableSettings(**settings))  # type: ignore[arg-type]
    return made


def rows(made: TableModel) -> list[str | int]:
    """A group by its name, a run by its number."""
    return [row.group if isinstance(row, GroupRow) else row.entry.number for row in made.rows]


RUNS = tuple(
    earlier(number, f"2026031{number}-150926-{name}", state=state, model=name, best_val_accuracy=best,
            options={"lr": lr, "net": net})
    for number, (name, state, best, lr, net) in enumerate(
        [("cnn", "finished", 0.5, 0.1, "w9"), ("mlp", "running", None, 0.01, "w10"), ("cnn", "failed", 0.7, 0.1, None),
         ("resnet18", "finished", 0.6, None, "w1"), ("resnet9", "finished", float("nan"), 1e-3, "w10")]
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("best", [2, 3, 0, 1, 4]),
        ("model", [0, 2, 1, 4, 3]),
        ("state", [1, 2, 0, 3, 4]),
        ("started", [4, 3, 2, 1, 0]),
        ("lr", [4, 1, 0, 2, 3]),
        ("net", [3, 0, 1, 4, 2]),
        ("unheard-of", [0, 1, 2, 3, 4]),
    ],
)
def test_runs_are_sorted_in_the_direction_that_suits_the_field_with_unknown_values_last(
    field: str, order: list[int]
) -> None:
    made = model(*RUNS)
    made.sort_by(field)
    assert rows(made) == order if field else sorted(rows(made), reverse=True) == [4, 3, 2, 1, 0]


def test_the_other_direction_keeps_unknown_values_last() -> None:
    made = model(*RUNS)
    made.sort_by("best")
    made.go_to(0)
    made.sort_by("best")
    assert rows(made) == [0, 3, 2, 1, 4]
    assert (made.row, made.cursor) == (RunRow(RUNS[2]), 2), "the same run is selected"


def test_a_run_that_gets_better_takes_its_new_place_and_the_cursor_stays_on_its_run() -> None:
    made = model(*RUNS)
    made.sort_by("best")
    made.go_to(1)
    assert not made.update(RUNS)
    better = earlier(9, "20260320-150926-new", best_val_accuracy=0.1)
    made.fill([*RUNS, better])
    assert rows(made)[-3:] == [9, 1, 4]
    better.summary = earlier(9, best_val_accuracy=0.99).summary
    assert made.update([better])
    assert rows(made)[0] == 9
    assert made.row == RunRow(RUNS[3])


def test_groups_have_their_runs_below_them_and_stand_for_their_best_one() -> None:
    made = model(*RUNS, group="model")
    assert rows(made) == ["cnn", 0, 2, "mlp", 1, "resnet9", 4, "resnet18", 3]
    first = made.rows[0]
    assert isinstance(first, GroupRow)
    assert (first.best, first.members) == (RUNS[2], (RUNS[0], RUNS[2]))
    made.sort_by("best")
    assert rows(made)[:3] == ["cnn", 2, 0]
    by_option = model(*RUNS, group="lr")
    by_option.toggle_all_folds()
    assert rows(by_option) == ["0.001", "0.01", "0.1", "–"]


def test_a_run_of_several_tags_is_in_several_groups() -> None:
    both, none = earlier(1, "20260314-150926-a"), earlier(2, "20260314-150927-b")
    both.labels = Labels(tags=("base", "wide"))
    assert rows(model(both, none, group="tags")) == ["base", 1, "wide", 1, "–", 2]
    assert model(both, none, group="tags").entries == [both, none]


def test_folding_keeps_the_cursor_in_its_group() -> None:
    made = model(*RUNS, group="model")
    made.select(RUNS[1])
    made.toggle_all_folds()
    assert rows(made) == ["cnn", "mlp", "resnet9", "resnet18"]
    assert made.group is not None
    assert made.group.group == "mlp"
    assert set(made.entries) == set(RUNS)
    made.toggle_fold()
    assert rows(made) == ["cnn", "mlp", 1, "resnet9", "resnet18"]
    made.toggle_all_folds()
    made.toggle_all_folds()
    assert len(made.rows) == 9
    made.toggle_all_folds()
    made.select(RUNS[3])
    assert made.row == RunRow(RUNS[3], "resnet18"), "it is unfolded for the run"


def test_the_cursor_returns_to_its_run_when_the_filter_is_cleared_unless_it_was_moved() -> None:
    made = model(*RUNS)
    made.go_to(3)
    made.set_filter("mlp")
    assert made.row == RunRow(RUNS[1])
    made.set_filter("nothing at all")
    made.set_filter("")
    assert made.row == RunRow(RUNS[3])
    made.set_filter("mlp")
    made.keep_selection()
    made.set_filter("")
    assert made.row == RunRow(RUNS[1])


async def choose(desk: DashboardPilot, key: str, words: str) -> None:
    await desk.press(key, *words, "enter")


async def test_runs_are_sorted_grouped_and_folded_by_keys(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "deep", epochs=3)
    recorded_folder(tmp_path, "wide", epochs=4)
    async with dashboard(tmp_path, "cnn", size=(100, 24)) as desk:
        await desk.shows("deep", "wide")
        table = desk.app.main.table
        await choose(desk, "o", "epochs")
        assert [entry.name for entry in table.entries] == ["wide", "deep", "cnn"]
        await desk.shows("↓ epoch")
        await desk.press("O")
        assert [entry.name for entry in table.entries] == ["cnn", "deep", "wide"]
        await choose(desk, "g", "state")
        await desk.shows("▾ state ready  1 run", "▾ state stopped  2 runs", "by state")
        await desk.press("G")
        await desk.shows("▸ state stopped  2 runs")
        assert table.row_count == 2
        await desk.press("down", "space")
        assert {entry.name for entry in desk.app.runs.marked} == {"deep", "wide"}
        await desk.shows("2 runs, 2 marked", "2 runs marked")
        await desk.press("enter")
        assert table.row_count == 4
        await desk.press("space")
        assert not desk.app.runs.marked
        await desk.shows("no run marked")
        await desk.press("down", "space")
        await desk.shows("1 run marked; mark one more to compare them")
        await desk.press("space")
        await choose(desk, "g", "noth")
        assert table.row_count == 3


async def test_options_of_all_runs_are_read_once_and_only_when_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    reading = run_options.read_options

    def recorded(folder: RunFolder) -> RunOptions:
        read.append(folder.id)
        return reading(folder)

    monkeypatch.setattr("cifar_tui.tui.runs.run_events.read_options", recorded)
    recorded_folder(tmp_path, "old")
    script_folder(tmp_path, "net")
    async with dashboard(tmp_path, "cnn") as desk:
        await desk.shows("old", "net")
        await desk.press("slash", *"best")
        assert read == []
        await desk.press("escape", "slash", *"patience", "equals_sign", *"10", "enter")
        await desk.until(lambda: [entry.name for entry in desk.app.main.table.entries] == ["cnn", "old"])
        await desk.shows("2 of 3 runs")
        await desk.press("slash", *"patience", "equals_sign")
        await desk.shows("! a value is missing after patience=")
        await desk.press("escape")
        assert sorted(read) == ["20250101-000000-net", "20250101-000000-old"]
        await choose(desk, "o", "pati")
        assert len(read) == 2


async def test_columns_are_chosen_ordered_and_given_back_to_the_width(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path, "cnn") as desk:
        await desk.shows("old")
        table = desk.app.main.table
        automatic = [field.name for field in table.shown_fields]
        await desk.press("C", *"pati", "space", "enter")
        assert table.settings.columns == (*automatic[:2], "patience", *automatic[2:])
        await desk.shows("patience")
        assert table.shown_fields[2].name == "patience", "there is room for what was chosen last"
        await desk.press("C", "space", "down", "greater_than_sign", "enter")
        assert table.settings.columns[:2] == ("patience", "run")
        await desk.press("C", *"pati", "space", "escape")
        assert "patience" in table.settings.columns, "Esc changes nothing"
        await desk.press("C", "ctrl+r", "enter")
        assert table.settings.columns == ()
        await desk.press("C", "enter")
        assert table.settings.columns == (), "what is not touched stays automatic"
        await desk.pilot.resize_terminal(80, 24)
        await desk.until(lambda: len(table.shown_fields) < len(automatic))
        await desk.press("C")
        await desk.shows("time left, or taken")
