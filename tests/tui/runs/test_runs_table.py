"""The runs table: a row says what a run does, fits its columns, and stays where the cursor is."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from cifar_tui.config import TrainingConfig
from cifar_tui.records import Summary
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table.arrangement import GroupRow, TableSettings, arrange
from cifar_tui.tui.runs.table.columns import columns, group_cells, heading, run_cells
from cifar_tui.tui.runs.table.fields import FIELDS
from cifar_tui.tui.runs.table.labels import run_labels
from cifar_tui.tui.runs.table.panel import RunsTable
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Row, line
from tests.support.panel_states import earlier, row
from tests.support.recorded import recorded_state
from tests.tui.textual_compat import screen_strips

AUTOMATIC = TableSettings()


def test_a_ready_run_says_what_it_will_train() -> None:
    said = row(Entry(0, config=TrainingConfig(model="mlp", data="digits", epochs=7)))
    assert said["state"].endswith("ready")
    assert (said["run"], said["model"], said["data"], said["epoch"]) == ("mlp", "mlp", "digits", "0/7")
    own = row(Entry(0, config=TrainingConfig(model="my_models:Net")))
    assert (own["run"], own["model"]) == ("net", "Net")
    assert said["best"] == "–"


def test_a_run_under_way_says_where_it_stands_and_how_long_it_still_takes() -> None:
    entry = Entry(0, config=TrainingConfig(), state=recorded_state(planned=10, test=None, ending=None))
    entry.run = object()  # type: ignore[assignment]
    said = row(entry)
    assert (said["state"], said["epoch"], said["best"]) == ("► running", "3/10", "70.00 %")
    assert said["time"].endswith("left")
    left = said["time"]
    entry.run, entry.tail = None, object()  # type: ignore[assignment]
    entry.summary = Summary(id="20260314-150926-cnn", state="running", epochs=2, planned_epochs=10, seconds=60.0)
    assert row(entry)["time"] == left, "it is the same for a run of another process that is followed"
    entry.tail = None
    assert row(entry)["time"] == "4 min left", "of one that is not, by its last summary"
    assert row(Entry(1, summary=entry.summary))["time"] == "4 min left"


def test_an_earlier_run_is_told_by_its_summary_and_then_by_its_events() -> None:
    entry = earlier(state="finished", model="cnn", data="cifar10", epochs=3, planned_epochs=5, seconds=75.0,
                    best_val_accuracy=0.5, test_accuracy=0.25, images_per_second=340.2)  # fmt: skip
    said = row(entry)
    assert (said["state"], said["epoch"], said["best"], said["test"]) == ("✓ finished", "3/5", "50.00 %", "25.00 %")
    assert (said["time"], said["speed"], said["started"]) == ("1 min 15 s", "340", "2026-03-14 15:09")
    entry.state = recorded_state()
    assert row(entry)["best"] == "70.00 %"


@given(
    st.dictionaries(
        st.sampled_from(["state", "model", "data", "epochs", "seconds", "best_val_accuracy", "images_per_second"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.floats(),
            st.text("aé日\n\x1b", max_size=40),
            st.lists(st.integers(), max_size=2),
        ),
    ),
    st.integers(1, 250),
    st.booleans(),
)
def test_a_damaged_summary_still_makes_a_row_that_fits(summary: dict[str, Any], width: int, ascii_only: bool) -> None:
    shown = columns(width, AUTOMATIC)
    look = Look(ascii=ascii_only)
    damaged = earlier(**summary)
    damaged.label = "03-14 15:09"
    parts = run_cells(damaged, shown, look)
    drawn = line(parts, max(width, 1))
    assert "\n" not in drawn.text
    for column, following in itertools.pairwise(shown):
        assert drawn.crop(column.x + column.width, following.x).text.strip() == "", "columns are kept apart"


@pytest.mark.parametrize("width", [60, 80, 98, 118, 158, 198])
def test_the_columns_fit_the_usual_widths(width: int) -> None:
    shown = columns(width - 1, AUTOMATIC)
    assert shown[-1].x + shown[-1].width <= width - 1
    assert {"state", "run", "best"} <= {column.field.name for column in shown}


@pytest.mark.parametrize("width", [59, 79, 97, 117, 157])
def test_runs_of_one_model_are_told_apart_by_their_start_at_every_width(width: int) -> None:
    long = "efficientnet_b0"
    runs = [earlier(n, f"20260314-15{n:02}26-{long}", state="finished") for n in range(3)]
    for run, label in run_labels(runs).items():
        run.label = label
    times = {row(run, width)["run"].rpartition(" ")[2] for run in runs}
    assert times == {"15:00", "15:01", "15:02"}


def test_runs_of_one_name_have_day_and_time_behind_it_whichever_others_there_are() -> None:
    def labels(*ids: str) -> list[str]:
        runs = [earlier(number, run_id) for number, run_id in enumerate(ids)]
        return list(run_labels(runs).values())

    assert labels("20260314-150926-cnn") == []
    assert labels("20260314-150926-cnn", "20260314-150926-mlp") == []
    assert labels("20260314-150926-cnn", "20260314-160926-cnn") == ["03-14 15:09", "03-14 16:09"]
    assert labels("20260314-150926-cnn", "20260315-150926-cnn") == ["03-14 15:09", "03-15 15:09"]
    assert labels("20260314-150926-cnn", "20260314-150927-cnn", "20260314-160000-cnn") == [
        "03-14 15:09:26", "03-14 15:09:27", "03-14 16:00",
    ]  # fmt: skip
    ready = [Entry(number, config=TrainingConfig()) for number in range(2)]
    assert list(run_labels(ready).values()) == ["(new)", "(new 2)"]


@pytest.mark.parametrize("width", [59, 79, 119])
def test_a_long_name_keeps_both_of_its_ends(width: int) -> None:
    names = [f"{begin}-{'very-long-' * 5}{end}" for begin in ("a", "b") for end in ("lr0.1", "lr0.2")]
    shown = [row(earlier(n, f"20260314-150926-{name}"), width)["run"] for n, name in enumerate(names)]
    assert len(set(shown)) == 4, shown


def test_a_group_shows_the_value_it_is_sorted_by_and_that_a_run_in_it_has_a_warning() -> None:
    runs = [earlier(n, state="finished", model="cnn", best_val_accuracy=n / 10, seconds=60.0 * n) for n in (4, 2, 3)]
    shown = columns(100, AUTOMATIC)

    def group(sort: str, *, descending: bool = False) -> str:
        settings = TableSettings(group="model", sort=sort, descending=descending)
        row = arrange(runs, settings)[0]
        assert isinstance(row, GroupRow)
        return line(group_cells(row, shown, settings, Look()), 100).text

    assert "40.00 %" in group("")
    assert "20.00 %" in group("best")
    assert "40.00 %" in group("best", descending=True)
    assert "40.00 %" in group("time")
    assert "2 min" in group("time")
    assert " !" not in group("")
    assert runs[1].summary is not None
    runs[1].summary = replace(runs[1].summary, warnings=["plateau"])
    assert "3 runs !" in group("")


def test_in_ascii_and_without_colour_a_row_still_tells_states_apart() -> None:
    plain = Look(colour=False, ascii=True)
    told = {row(earlier(state=state), look=plain)["state"] for state in ("stopped", "failed", "finished", "diverged")}
    assert len(told) == 4
    assert all(text.isascii() for text in told)
    parts = run_cells(earlier(), columns(198, AUTOMATIC), plain)
    assert all(part[1].color is None for part in parts if not isinstance(part, str))


@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_marked_run_and_the_sorted_column_are_plain_to_see(ascii_only: bool) -> None:
    look = Look(ascii=ascii_only, colour=False)
    entry = earlier(state="finished")
    assert row(entry, look=look)["mark"] == " "
    entry.marked = True
    assert row(entry, look=look)["mark"] == ("*" if ascii_only else "●")

    def head(**settings: Any) -> str:
        parts = heading(columns(158, AUTOMATIC), TableSettings(**settings), look)
        return "".join(look.text(part if isinstance(part, str) else part[0]) for part in parts)

    down, up = ("v", "^") if ascii_only else ("↓", "↑")
    assert f"{down} best val" in head(sort="best", descending=True)
    assert f"model {up}" in head(sort="model")
    assert down not in head().replace("val", "") or not ascii_only


def test_chosen_columns_stand_in_their_order_as_many_as_fit() -> None:
    entry = earlier(state="finished", test_accuracy=0.5, options={"lr": 0.25, "depth": 18})
    said = row(entry, chosen="lr run depth test")
    assert list(said) == ["mark", "lr", "run", "depth", "test"]
    assert (said["lr"], said["depth"], said["test"]) == ("0.25", "18", "50.00 %")
    assert list(row(entry, 40, chosen="run lr depth test")) == ["mark", "run", "lr", "depth"]
    assert list(row(entry, chosen="lr")) == ["mark", "run", "lr"], "a run without a name says nothing"
    assert {column.field.name for column in columns(400, TableSettings(tuple(FIELDS)))} == FIELDS.keys()


class OneTable(App[None]):
    def compose(self) -> ComposeResult:
        yield RunsTable(lambda: None)


async def test_the_cursor_stays_on_its_run_while_others_come_and_go() -> None:
    entries = [Entry(number, config=TrainingConfig(name=f"run{number}")) for number in range(5)]
    async with OneTable().run_test(size=(120, 20)) as pilot:
        table = pilot.app.query_one(RunsTable)
        table.fill(entries[1:4], Look())
        table.action_cursor_down()
        assert table.selected is entries[2]
        table.fill(entries, Look())
        assert table.selected is entries[2]
        table.fill(entries[:2], Look())
        assert table.selected in entries[:2]
        table.fill([], Look())
        assert table.selected is None


async def test_only_the_cells_of_a_row_that_changed_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry(0, config=TrainingConfig(data="digits"))
    async with OneTable().run_test(size=(160, 20)) as pilot:
        table = pilot.app.query_one(RunsTable)
        table.fill([entry], Look())
        drawn: list[tuple[int, ...]] = []
        monkeypatch.setattr(table, "refresh", lambda *regions, **_: drawn.extend(tuple(each) for each in regions))
        table.update(entry)
        assert drawn == []
        entry.marked = True
        table.update(entry)
        assert drawn == [(0, 1, 1, 1)]


async def test_a_thousand_earlier_runs_are_shown_to_the_last_and_only_those_in_sight_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries = [earlier(number, state="finished", model="cnn", data="cifar10") for number in range(1000)]
    async with OneTable().run_test(size=(160, 40)) as pilot:
        table = pilot.app.query_one(RunsTable)
        drawn: list[Entry] = []

        def cells(entry: Entry, *given: Any, **more: Any) -> Row:
            drawn.append(entry)
            return run_cells(entry, *given, **more)

        monkeypatch.setattr("cifar_tui.tui.runs.table.panel.run_cells", cells)
        table.fill(entries, Look())
        assert 10 < len(drawn) < 40
        table.action_scroll_bottom()
        assert table.selected is entries[-1]
        assert 20 < len(drawn) < 80
        drawn.clear()
        table.action_cursor_up()
        table.update(entries[0], entries[-2])
        assert drawn == [entries[-2]]


async def test_the_mouse_sorts_by_a_heading_selects_a_run_folds_a_group_and_scrolls() -> None:
    entries = [
        earlier(
            n, f"20260314-1509{n:02}-run{n}", state="finished", model=("cnn", "mlp")[n % 2], best_val_accuracy=n / 100
        )
        for n in range(60)
    ]
    async with OneTable().run_test(size=(120, 20)) as pilot:
        table = pilot.app.query_one(RunsTable)
        table.fill(entries, Look())
        best = next(column for column in table._columns if column.field.name == "best")
        await pilot.click(table, offset=(best.x + best.width - 1, 0))
        assert (table.entries[0], table.settings.sort, table.settings.descending) == (entries[59], "best", True)
        assert table.selected is entries[0], "sorting selects no other run"
        await pilot.click(table, offset=(best.x, 0))
        assert table.entries[0] is table.selected is entries[0]
        table.action_scroll_bottom()
        for _ in range(10):
            table.action_cursor_up()
        await pilot.click(table, offset=(best.x, 0))
        assert table.selected is entries[49]
        assert "run59" in screen_strips(pilot.app.screen)[1].text, (
            "what comes first is shown, where the cursor allows it"
        )
        await pilot.click(table, offset=(best.x, 0))
        table.action_scroll_top()
        await pilot.click(table, offset=(30, 3))
        assert table.selected is entries[2]
        await pilot.mouse_down(table, offset=(119, 19))
        await pilot.mouse_up(table, offset=(119, 19))
        assert "run59" in screen_strips(pilot.app.screen)[-1].text, "the scroll bar goes to the end"
        assert table.selected is entries[2]
        with table.arranged() as model:
            model.group_by("model")
        await pilot.click(table, offset=(2, 1))
        assert [row.group for row in table.model.rows[:3]] == ["cnn", "mlp", "mlp"], "the first one is folded"
