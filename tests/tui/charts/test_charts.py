"""A run's charts: what they show of a state, what the cursor reads, and how little a redraw changes."""

import itertools
import math
from collections.abc import Sequence

import pytest
from textual.strip import Strip

from cifar_tui.events import Metric, Resumed
from cifar_tui.runs.messages import Loading
from cifar_tui.tui.charts.axes import Window, XAxis
from cifar_tui.tui.charts.canvas import LABELS, canvas_width
from cifar_tui.tui.charts.deck import Deck
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.page import placed
from cifar_tui.tui.charts.panel import message
from cifar_tui.tui.charts.series import ACCURACY, LOSS, MAIN, Series
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from tests.support.recorded import recorded_state
from tests.support.screens.drawn_charts import LOOK, advance, deck, drawn, entry, live, read, text

SIZES = [(1, 1), (7, 2), (20, 5), (58, 8), (78, 14), (78, 26), (100, 20), (118, 26), (148, 44), (200, 50)]


def cells(strips: Sequence[Strip]) -> list[tuple[str, object]]:
    return [(glyph, style) for strip in strips for part, style, _ in strip for glyph in part]


def test_both_metrics_are_charted_with_a_legend_in_words() -> None:
    picture = drawn(live(4))
    for words in ("loss", "accuracy %", "⠒ train", "o val", "⠒ batch", "▲ best 4"):
        assert words in picture
    assert "[ ] page 1/2 · x axis: epochs · y: linear · smoothing 0.9 · all" in picture


@pytest.mark.parametrize("x_axis", ["epochs", "samples", "time"])
def test_a_broken_line_stands_where_a_run_was_resumed(x_axis: XAxis) -> None:
    options = ChartOptions(x_axis=x_axis)
    assert "┊" not in drawn(live(4), options)
    state = live(2)
    state.apply(Resumed(t=state.t + 1, epoch=3, batch=0, samples=2000))
    for _ in range(100):
        advance(state)
    # The time axis begins with the run, so it is further on than half of the run by the second that it stood still.
    assert len(state.epochs) == 4

    for look, glyph in ((LOOK, "┊"), (Look(ascii=True, colour=False), ":")):
        made = deck(state, options)
        made.opened = LOSS
        picture = made.lines(105, 26, look)
        assert f"{glyph} resumed" in picture[0].text
        columns = {
            row.text.index(glyph, LABELS + 1) - LABELS - 1 for row in picture[1:-3] if glyph in row.text[LABELS + 1 :]
        }
        where = {"epochs": 2.0, "samples": 2000.0, "time": 11.0}[x_axis]
        assert columns == {int(made.drawn[0].x.position(where) * canvas_width(105))}


@pytest.mark.parametrize(
    ("width", "height", "places"),
    [
        (118, 25, [(0, 0, 58, 25), (60, 0, 58, 25)]),
        (78, 25, [(0, 0, 78, 12), (0, 12, 78, 13)]),
        (100, 59, [(0, 0, 100, 29), (0, 29, 100, 30)]),
        (78, 13, [(0, 0, 38, 13), (40, 0, 38, 13)]),
    ],
)
def test_charts_stand_beside_each_other_or_stacked(
    width: int, height: int, places: list[tuple[int, int, int, int]]
) -> None:
    assert [(each.x, each.y, each.width, each.height) for each in placed(MAIN, width, height)] == places


def test_where_one_chart_has_room_each_has_a_page() -> None:
    made = deck(live(2))
    first = text(made.lines(58, 7, LOOK))
    made.turn(1)
    second = text(made.lines(58, 7, LOOK))
    assert first.startswith("loss")
    assert second.startswith("accuracy")
    assert "page 2/3" in second
    made.turn(-2)
    assert text(made.lines(58, 7, LOOK)).startswith("learning rate")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("look", [LOOK, Look(colour=False), Look(ascii=True, colour=False)])
def test_every_size_is_filled_exactly_in_the_characters_and_colours_there_are(
    size: tuple[int, int], look: Look
) -> None:
    width, height = size
    for options in (ChartOptions(), ChartOptions("time", log=True, log_x=True, level=0, window=Window(-5))):
        picture = deck(live(3), options, cursor=1.5).lines(width, height, look)
        assert len(picture) == height
        assert all(strip.cell_length == width for strip in picture)
        assert look.colour or all(not style or style.color is None for _, style in map(tuple, cells(picture)))  # type: ignore[attr-defined]
        assert not look.ascii or text(picture).isascii()


def test_values_that_are_not_finite_are_marked_and_named_and_break_no_chart() -> None:
    broken = recorded_state(
        ((0.4, math.nan), (math.inf, 0.7), (math.nan, math.nan)),
        losses=((1.0, math.nan), (math.inf, -math.inf), (math.nan, 0.0)),
        test=None,
        ending="diverged",
    )
    for options in (ChartOptions(), ChartOptions("samples", log=True), ChartOptions("time", window=Window(-3))):
        assert "accuracy %" in drawn(broken, options, (78, 26))
    picture = drawn(broken)
    assert "× inf/NaN" in picture
    assert picture.splitlines()[1].count("×") > 1
    assert "loss: train NaN, validation 0" in read(broken, 3.0, ChartOptions(level=0))
    diverged = recorded_state(((math.nan, math.nan),), losses=((math.nan, math.nan),), test=None, ending="diverged")
    assert "× NaN" in drawn(diverged)


def test_without_colour_batches_are_dots_and_the_curves_lines() -> None:
    picture = deck(live(6)).lines(118, 26, Look(colour=False))
    assert "· batch" in text(picture)
    assert text(picture).count("·") > 20
    assert any("⠁" <= glyph <= "⣿" for glyph, _ in cells(picture))


def test_evaluations_are_marked_where_they_are_apart_and_are_a_line_where_they_are_not() -> None:
    few, many = drawn(live(8), size=(118, 26)), drawn(live(45), size=(118, 26))
    assert few.count("o") > 10
    assert "o val" in few
    assert "ooo" not in few + many
    assert not any("o" in row[6:58] + row[66:] for row in many.splitlines()[1:-3])
    assert "oo" not in drawn(live(45), look=Look(ascii=True, colour=False)).replace("smoothing", "")


def test_a_spike_stays_visible_and_is_named_where_it_does_not_set_the_scale() -> None:
    state = live(6)
    state.batch_loss.points[150].high = 80.0
    made = deck(state)
    picture = text(made.lines(118, 26, LOOK))
    assert made.drawn[0].y.high < 10
    assert "↑ to 80" in picture
    assert picture.splitlines()[1].count("↑") == 1
    all_values = deck(state, ChartOptions(outliers=True))
    assert "↑" not in text(all_values.lines(118, 26, LOOK))
    assert all_values.drawn[0].y.high >= 80


def test_the_first_steep_epoch_does_not_press_the_others_into_a_row() -> None:
    state = live(40)
    for k, point in enumerate(state.batch_loss.points[:40]):
        point.mean = point.low = point.high = 300.0 - k
    made = deck(state)
    made.lines(118, 26, LOOK)
    assert made.drawn[0].y.high < 3


def test_a_value_that_is_no_number_is_marked_where_it_is_merged_with_others() -> None:
    state = live(1, batches=2, planned=1)
    for k in range(1, 3001):
        state.apply(Metric(t=1 + k / 10, samples=1000 + k, values={"grad": math.nan if k == 5 else 1.0}))
    assert len(state.metrics["grad"].points) < 3000
    made = deck(state)
    made.choose(Series("metric", "grad"))
    assert "× NaN" in text(made.lines(78, 20, LOOK)).splitlines()[0]


def test_a_chart_without_values_in_its_limits_says_so() -> None:
    made = deck(live(4))
    made.set_limits({"x": (900.0, 1000.0)})
    made.lines(78, 12, LOOK)
    assert text(made.lines(78, 12, LOOK)).count("no values here; 0 shows all") == 2
    made.set_limits({"x": (1.2, 1.21)})
    assert "no values here" not in text(made.lines(78, 12, LOOK)), "a line leads through it"


def test_a_redraw_of_a_run_under_way_changes_few_cells() -> None:
    state = live(12)
    made = deck(state)
    before = cells(made.lines(118, 26, LOOK))
    changes = []
    for _ in range(20):
        advance(state)
        after = cells(made.lines(118, 26, LOOK))
        changes.append(sum(a != b for a, b in zip(before, after, strict=True)))
        before = after
    assert sum(changes) < 20 * 30


def test_axes_move_seldom_while_a_run_trains() -> None:
    state = live(1)
    made = deck(state)
    limits = []
    for _ in range(120):
        for _ in range(5):
            advance(state)
        made.lines(58, 20, LOOK)
        limits.append([(chart.x.low, chart.x.high, chart.y.low, chart.y.high) for chart in made.drawn])
    assert sum(a != b for a, b in itertools.pairwise(limits)) < 15


def test_an_opened_series_stays_where_the_runs_have_none_to_turn_to() -> None:
    made = Deck(ChartOptions(), devices=True)
    made.opened = LOSS
    made.turn(1)
    assert made.opened == LOSS


def test_series_are_in_a_grid_of_pages_of_which_each_chart_opens() -> None:
    state = live(3)
    for k in range(1, 60):
        state.apply(Metric(t=k / 4, samples=50 * k, values={f"m{n}": k * n + 0.5 for n in range(1, 12)}))
    made = deck(state)
    made.lines(118, 26, LOOK)
    made.turn(1)
    grid = text(made.lines(118, 26, LOOK, focused=True))
    assert "▸learning rate" in grid
    assert [name for name in grid.split() if name.startswith("m")] == [f"m{n}" for n in range(1, 9)]
    made.move_choice(1)
    assert "▸m1 " in text(made.lines(118, 26, LOOK, focused=True))
    assert made.open()
    assert made.opened == Series("metric", "m1")
    assert len(made.lines(118, 26, LOOK)) == 26
    assert len(made.drawn) == 1
    made.turn(1)
    assert made.opened == Series("metric", "m2")
    assert made.leave()
    made.turn(1)
    assert "m9" in text(made.lines(118, 26, LOOK))
    assert made.leave()
    assert not made.leave()


def test_zoom_pan_and_limits_change_what_is_drawn_and_are_reset() -> None:
    made = deck(live(20, planned=20))
    made.lines(118, 26, LOOK)
    whole = made.drawn[0].x, made.drawn[0].y
    made.zoom_x(0.5)
    made.lines(118, 26, LOOK)
    assert (made.drawn[0].x.low, made.drawn[0].x.high) == (10, 20)
    assert "the last 10" in text(made.lines(118, 26, LOOK))
    made.pan_x(-1)
    made.lines(118, 26, LOOK)
    assert (made.drawn[1].x.low, made.drawn[1].x.high) == (8, 18)
    made.set_limits({"x": (5.0, 8.0), "y": (0.2, 0.5)})
    made.lines(118, 26, LOOK)
    assert (made.drawn[0].x.low, made.drawn[0].x.high) == (5, 8)
    assert (made.drawn[0].y.low, made.drawn[0].y.high) == pytest.approx((0.2, 0.5))
    made.place = 1
    made.set_limits({"y": (80.0, 90.0)})
    made.lines(118, 26, LOOK)
    assert made.drawn[1].place.series == ACCURACY
    assert (made.drawn[1].y.low, made.drawn[1].y.high) == pytest.approx((0.8, 0.9))
    made.options.reset()
    made.lines(118, 26, LOOK)
    assert (made.drawn[0].x, made.drawn[0].y) == whole


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (None, "No run is selected."),
        (entry(None, folder=None), "cnn is ready. Press s to start it."),
        (entry(None), "cnn: reading its events…"),
        (entry(None, folder=None, error="no such file: '/x'"), "did not start:\nno such file: '/x'"),
        (entry(recorded_state((), ending=None, test=None)), "cnn has started: waiting for its first batch…"),
        (entry(recorded_state((), ending=None, test=None), error="boom"), "failed before its first batch:\nboom"),
        (entry(recorded_state((), ending="stopped", message="stopped by s", test=None)), "first batch:\nstopped by s"),
        (entry(None, loading=Loading("reading digits", 450, 1797)), "reading digits █████░░░░░░░░░░░░░░░ 25 %"),
        (entry(None, loading=Loading("loading PyTorch", 0, 0)), "cnn is being prepared: loading PyTorch"),
    ],
)
def test_a_run_without_a_curve_says_why(shown: Entry | None, words: str) -> None:
    lines = message(shown, LOOK, 78)
    found = "\n".join("".join(part if isinstance(part, str) else part[0] for part in parts) for parts in lines)
    assert words in found
