"""The four cells of a comparison: how they are named and laid out, and where the cursor and the mouse find them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.analysis.paired_predictions import CELLS, Cell, PairedCounts
from cifar_tui.formatting import count
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.charts.drawn_runs import drawn_runs
from cifar_tui.tui.compare.cells import Grid, cell_rows
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from tests.support.panel_states import check_lines, looks, sizes, text

KEYS = ("Enter: images", "←→ cells", "↑ charts")


def named(name: str, label: str = "") -> Entry:
    return Entry(number=0, folder=RunFolder(Path(f"20260314-150926-{name}")), label=label)


def test_runs_are_named_in_their_cells_where_there_is_room_and_by_their_letters_elsewhere() -> None:
    counts = PairedCounts(1000, 983, 15, 1, 1, *[0.5] * 6)
    runs = drawn_runs([named("cnn", "11-29 18:30"), named("mlp")])

    def cells(width: int) -> list[str]:
        return [
            " ".join(row.split())
            for row in text(cell_rows(counts, runs, "both", (width, 9), Look(), KEYS, focused=True))[1:]
        ]

    assert cells(78) == cells(56) == ["both 983 only cnn 11-29 18:30 15 only mlp 1 neither 1"]
    assert cells(55) == cells(40) == ["both 983 only a 15 only b 1 neither 1"]
    assert cells(39) == ["both 983 only cnn 11-29 18:30 15", "only mlp 1 neither 1"]
    assert cells(25) == ["both 983 only a 15", "only b 1 neither 1"]


@pytest.mark.parametrize(
    ("cell", "rows", "columns", "to"),
    [
        ("both", 1, 0, "only_b"),
        ("both", 0, 1, "only_a"),
        ("only_a", 0, 1, "only_a"),
        ("only_a", 1, 0, "neither"),
        ("only_a", -1, 0, "only_a"),
        ("only_b", 1, 0, "only_b"),
        ("only_b", 0, -1, "only_b"),
        ("neither", -1, 0, "only_a"),
    ],
)
def test_two_by_two_the_cursor_keeps_its_row_and_column(cell: Cell, rows: int, columns: int, to: Cell) -> None:
    assert Grid(CELLS, (20, 20)).moved(cell, rows, columns) == to


@given(
    st.lists(st.integers(0, 99_999), min_size=4, max_size=4),
    st.sampled_from(CELLS),
    st.booleans(),
    sizes,
    looks,
)
def test_cells_fit_every_size_and_name_the_key_that_opens_them(
    counts: list[int], cursor: Cell, focused: bool, size: tuple[int, int], look: Look
) -> None:
    both, only_a, only_b, neither = counts
    paired = PairedCounts(sum(counts), both, only_a, only_b, neither, *[0.5] * 6)
    runs = drawn_runs([named("\x1b[2J" + "鸟" * 30), named("b")])
    strips = cell_rows(paired, runs, cursor, size, look, KEYS, focused=focused)
    check_lines(strips, size, look)
    for width in (58, 76, 140):
        about, *rows = text(cell_rows(paired, runs, cursor, (width, 9), look, KEYS, focused=focused))
        assert "Enter: images" in about
        assert all(count(number) in "".join(rows) for number in counts)
    grid = Grid.of(paired, runs, size[0], look)
    for y in range(4 // grid.across):
        left = 0
        for x, wide in enumerate(grid.widths):
            assert grid.at(left, y) == grid.at(left + wide - 1, y) == CELLS[y * grid.across + x]
            left += wide + 2
    assert grid.at(-1, 0) is grid.at(0, 4) is grid.at(500, 0) is None
