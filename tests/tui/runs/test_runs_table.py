"""The runs table: a row says what a run does, fits its columns, and stays where the cursor is."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from cifar_tui.config import TrainingConfig
from cifar_tui.records import Summary
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.untrusted import codec
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table import LAYOUTS, RunsTable, cells, columns, matches
from cifar_tui.tui.theme import Look
from tests.support.recorded import ID, recorded_state

WIDEST = LAYOUTS[0]


def row(entry: Entry, width: int = 200, look: Look | None = None) -> dict[str, str]:
    shown = columns(width)
    return {
        column.name: cell.plain.strip() for column, cell in zip(shown, cells(entry, shown, look or Look()), strict=True)
    }


def earlier(**summary: Any) -> Entry:
    return Entry(3, folder=RunFolder(Path("runs") / ID), summary=codec.decode_known(Summary, summary | {"id": ID}))


def test_a_ready_run_says_what_it_will_train() -> None:
    said = row(Entry(0, config=TrainingConfig(model="mlp", data="digits", epochs=7)))
    assert said["state"].endswith("ready")
    assert (said["run"], said["model"], said["data"], said["epoch"]) == ("mlp", "mlp", "digits", "0/7")
    own = row(Entry(0, config=TrainingConfig(model="my_models:Net")))
    assert (own["run"], own["model"]) == ("net", "Net")
    assert said["best val"] == "–"


def test_a_run_under_way_says_where_it_stands_and_how_long_it_still_takes() -> None:
    entry = Entry(0, config=TrainingConfig(), state=recorded_state(planned=10, test=None, ending=None))
    entry.run = object()  # type: ignore[assignment]
    said = row(entry)
    assert (said["state"], said["epoch"], said["best val"]) == ("► running", "3/10", "70.00 %")
    assert said["time"].endswith("left")


def test_an_earlier_run_is_told_by_its_summary_and_then_by_its_events() -> None:
    entry = earlier(state="finished", model="cnn", data="cifar10", epochs=3, planned_epochs=5, seconds=75.0,
                    best_val_accuracy=0.5, test_accuracy=0.25, images_per_second=340.2)  # fmt: skip
    said = row(entry)
    assert (said["state"], said["epoch"], said["best val"], said["test"]) == ("√ finished", "3/5", "50.00 %", "25.00 %")
    assert (said["time"], said["images/s"], said["started"]) == ("1 min 15 s", "340", "2026-03-14 15:09")
    entry.state = recorded_state()
    assert row(entry)["best val"] == "70.00 %"


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
    shown = columns(width)
    made = cells(earlier(**summary), shown, Look(ascii=ascii_only))
    assert all(cell.cell_len <= column.width for cell, column in zip(made, shown, strict=True))
    assert all("\n" not in cell.plain for cell in made)


@pytest.mark.parametrize("width", [60, 80, 98, 118, 158, 198])
def test_the_columns_fit_the_usual_widths(width: int) -> None:
    assert sum(column.width + 2 for column in columns(width)) <= width


def test_in_ascii_and_without_colour_a_row_still_tells_states_apart() -> None:
    plain = Look(colour=False, ascii=True)
    told = {row(earlier(state=state), look=plain)["state"] for state in ("stopped", "failed", "finished", "diverged")}
    assert len(told) == 4
    assert all(text.isascii() for text in told)
    assert all(cell.style.color is None for cell in cells(earlier(), WIDEST, plain) if not isinstance(cell.style, str))


def test_the_filter_takes_runs_that_have_all_words() -> None:
    entry = earlier(state="finished", model="cnn", data="digits")
    assert matches(entry, ["cnn", "dig"])
    assert matches(entry, ["0314"])
    assert matches(entry, [])
    assert not matches(entry, ["cnn", "mlp"])


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
        await pilot.pause()
        assert table.selected is entries[2]
        table.fill(entries[:2], Look())
        await pilot.pause()
        assert table.selected in entries[:2]
        table.fill([], Look())
        await pilot.pause()
        assert table.selected is None


async def test_only_the_cells_of_a_row_that_changed_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry(0, config=TrainingConfig(data="digits"))
    async with OneTable().run_test(size=(160, 20)) as pilot:
        table = pilot.app.query_one(RunsTable)
        table.fill([entry], Look())
        drawn: list[str] = []
        monkeypatch.setattr(table, "update_cell", lambda key, column, value: drawn.append(column))
        table.update(entry)
        assert drawn == []
        entry.marked = True
        table.update(entry)
        assert drawn == [" "]


async def test_a_thousand_earlier_runs_are_shown_to_the_last() -> None:
    entries = [earlier(state="finished", model="cnn", data="cifar10") for _ in range(1000)]
    for number, entry in enumerate(entries):
        entry.number = number
    async with OneTable().run_test(size=(160, 40)) as pilot:
        table = pilot.app.query_one(RunsTable)
        table.fill(entries, Look())
        table.action_scroll_bottom()
        assert table.selected is entries[-1]
