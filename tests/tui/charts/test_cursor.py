"""The cursor of charts: where keys move it, and what it reads of one run and of several."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.charts.canvas import canvas_width
from cifar_tui.tui.charts.deck import Deck
from cifar_tui.tui.charts.drawn_runs import drawn_runs
from cifar_tui.tui.charts.options import ChartOptions
from tests.support.recorded import recorded_state
from tests.support.screens.drawn_charts import LOOK, advance, deck, entry, live, read, text


@pytest.mark.parametrize("width", [20, 58, 118])
@pytest.mark.parametrize("options", [ChartOptions(), ChartOptions("time"), ChartOptions("samples", log_x=True)])
def test_in_few_epochs_the_cursor_goes_from_the_last_point_to_the_first_and_back(
    width: int, options: ChartOptions
) -> None:
    made = deck(live(2), options)
    made.lines(width, 26, LOOK)
    way: list[float] = []
    made.step(-1)
    while made.cursor is not None and made.cursor not in way:
        way.append(made.cursor)
        made.step(-1)
    axis = made.drawn[0].x
    assert way == sorted(way, reverse=True)
    assert axis.position(way[-1]) < 2 / canvas_width(made.drawn[0].place.width)
    assert len(way) <= width
    for _ in way:
        made.step(1)
    assert made.cursor == way[0]


def way_back(made: Deck, steps: int) -> list[float | None]:
    way = []
    for _ in range(steps):
        made.step(-1)
        way.append(made.cursor)
    return way


def test_the_cursor_goes_from_epoch_to_epoch_from_wherever_it_is() -> None:
    made = deck(live(7))
    advance(made.runs[0].entry.state)  # type: ignore[arg-type]
    made.lines(58, 26, LOOK)
    assert way_back(made, 4) == [7.02, 7.0, 6.0, 5.0]
    made.cursor = 4.7
    made.step(1)
    assert made.cursor == 5.0
    made.cursor = 4.7
    assert way_back(made, 1) == [4.0]
    made.step(-100_000)
    assert made.cursor == 1.0
    made.step(100_000)
    assert made.cursor == 7.02


def test_each_of_fifty_epochs_is_reached_in_a_narrow_chart_and_of_hundreds_every_column_is() -> None:
    made = deck(live(50, batches=2))
    made.lines(78, 12, LOOK)
    assert way_back(made, 46)[-1] == 5.0
    made = deck(live(300, batches=1, planned=300))
    made.lines(78, 12, LOOK)
    way = way_back(made, 20)
    columns = canvas_width(made.drawn[0].place.width)
    assert all(a is not None and b is not None and 9 <= a - b <= 300 / columns + 1 for a, b in itertools.pairwise(way))


def test_zoomed_to_few_epochs_the_cursor_goes_from_batch_to_batch() -> None:
    made = deck(live(7))
    made.set_limits({"x": (4.1, 5.9)})
    made.lines(118, 26, LOOK)
    assert way_back(made, 3) == pytest.approx([5.9, 5.86, 5.82])
    empty = deck(recorded_state((), ending=None, test=None))
    empty.lines(118, 26, LOOK)
    assert way_back(empty, 1) == [None]


def test_the_cursor_reads_the_nearest_value_of_each_curve() -> None:
    state = recorded_state(((0.4, 0.5), (0.6, 0.7)), losses=((1.5, 1.4), (0.75, 1.25)))
    rough = ChartOptions(level=0)
    values = "loss: train 0.750, validation 1.250 · accuracy: train 60.00 %, validation 70.00 %"
    assert read(state, 1.75, rough, (148, 26)) == f"epoch 1.75 · 1,750 images · 7.5 s · {values}"
    assert read(state, 1.75, rough, (112, 26)) == f"epoch 1.75 · 1,750 images · {values}"
    assert read(state, 1.25, rough, (58, 20)) == "epoch 1.25 · loss 0.750, val 1.400 · 60.00 %, val 50.00 %"
    assert read(state, 1250, ChartOptions("samples", level=0)).startswith("1,250 images · epoch 1.25 · 5.5 s · loss")
    assert read(state, 5.5, ChartOptions("time", level=0)).startswith("5.5 s · epoch 1.25 · 1,250 images · loss")


def test_the_cursor_reads_the_batch_beside_the_smoothed_value_where_there_is_room() -> None:
    state = recorded_state(((0.4, 0.5), (0.6, 0.7)), losses=((1.5, 1.4), (0.75, 1.25)))
    wide = read(state, 1.5, ChartOptions(), (178, 26))
    assert "loss: train smoothed 1.196, batch 0.750, validation 1.400 · accuracy: train smoothed 48.11 %" in wide


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            148,
            "epoch 1.75 · 1,750 images · 7.5 s · loss: train smoothed 1.110, validation 1.250 · accuracy: train",
        ),
        (78, "epoch 1.75 · loss ~1.110, val 1.250 · accuracy ~50.39 %, val 70.00 %"),
        (62, "epoch 1.75 · loss ~1.110, val 1.250 · ~50.39 %, val 70.00 %"),
    ],
)
def test_smoothed_values_are_marked_at_every_width(columns: int, words: str) -> None:
    state = recorded_state(((0.4, 0.5), (0.6, 0.7)), losses=((1.5, 1.4), (0.75, 1.25)))
    assert read(state, 1.75, ChartOptions(), (columns, 20)).startswith(words)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            178,
            "loss: train 0.250 (smoothed 1.047), validation 1.250 · accuracy: train 91.79 % (smoothed 52.08 %)",
        ),
        (148, "loss: train 0.250, validation 1.250 · accuracy: train 91.79 %, validation 70.00 %"),
        (78, "loss train 0.250, val 1.250 · accuracy train 91.79 %, val 70.00 %"),
        (68, "loss 0.250, val 1.250 · accuracy 91.79 %, val 70.00 %"),
        (58, "loss 0.250, val 1.250 · 91.79 %, val 70.00 %"),
    ],
)
def test_at_the_end_of_an_epoch_its_own_figures_are_read_as_in_the_log(columns: int, words: str) -> None:
    state = recorded_state(((0.4, 0.5), (0.6, 0.7)), losses=((1.5, 1.4), (0.75, 1.25)))
    state.epochs[1] = replace(state.epochs[1], train_loss=0.2501, train_accuracy=0.9179)
    assert words in read(state, 2.0, ChartOptions(), (columns, 20))
    assert "91.79 %" in read(state, 2000.0, ChartOptions("samples"), (columns, 20))
    assert "91.79 %" in read(state, 9.0, ChartOptions("time"), (columns, 20))


@pytest.mark.parametrize(
    ("columns", "words"),
    [(78, "a one-of-a-long-name  b two-of-a-long-name  faint: train"), (40, "a one…g-name  b two…g-name")],
)
def test_where_runs_have_no_lines_the_last_line_names_them_behind_the_place(columns: int, words: str) -> None:
    made = Deck(ChartOptions())
    made.runs = drawn_runs(
        [entry(live(4), folder=RunFolder(Path(f"20260314-150926-{name}-of-a-long-name"))) for name in ("one", "two")]
    )
    made.lines(columns, 11, LOOK)
    made.step(-1)
    assert text(made.lines(columns, 11, LOOK)).splitlines()[-1].rstrip() == f"epoch 4 · {words}"


def test_the_cursor_stands_at_an_epoch_of_which_no_batch_was_recorded() -> None:
    made = deck(recorded_state(batches=False))
    made.lines(118, 26, LOOK)
    made.step(-1)
    assert made.cursor == 3.0
    made.step(-1)
    assert made.cursor == 2.0


def test_the_cursor_keeps_its_place_when_the_x_axis_changes() -> None:
    made = deck(live(7), cursor=3.5)
    for kind, place in (("samples", 3500.0), ("time", 17.5), ("epochs", 3.5)):
        made.options.cycle_x_axis()
        made.lines(118, 26, LOOK)
        assert made.options.x_axis == kind
        assert made.cursor == pytest.approx(place, rel=0.01)
