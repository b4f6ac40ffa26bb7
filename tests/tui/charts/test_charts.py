"""A run's charts: what they show of a state, what the cursor reads, and how little a redraw changes."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.strip import Strip

from cifar_tui.config import TrainingConfig
from cifar_tui.events import Batch, Epoch, Resumed
from cifar_tui.runs.messages import Loading
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.charts import panel as charts_panel
from cifar_tui.tui.charts.axes import XAxis
from cifar_tui.tui.charts.canvas import LABELS, canvas_width, draw
from cifar_tui.tui.charts.cursor import moved_cursor, nearest_stop
from cifar_tui.tui.charts.loss_and_accuracy import run_axis, run_chart
from cifar_tui.tui.charts.panel import ChartsPanel, charts, layout, message
from cifar_tui.tui.charts.series import ChartOptions
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context
from tests.support.recorded import ID, recorded_state

LOOK = Look()
SIZES = [(1, 1), (7, 2), (20, 5), (58, 8), (78, 14), (78, 26), (100, 20), (118, 26), (148, 44), (200, 50)]


def entry(state: RunState | None, **given: object) -> Entry:
    made = Entry(number=0, config=TrainingConfig(), folder=RunFolder(Path(ID)), state=state)
    for name, value in given.items():
        setattr(made, name, value)
    return made


def text(strips: Sequence[Strip]) -> str:
    return "\n".join(strip.text for strip in strips)


def live(epochs: int, batches: int = 50, planned: int = 50) -> RunState:
    """A run under way whose loss falls and rises and falls."""
    state = recorded_state((), planned=planned, ending=None, test=None)
    for _ in range(epochs * batches):
        advance(state, batches)
    return state


def advance(state: RunState, batches: int = 50) -> None:
    done = state.samples * batches // 1000 + 1
    samples = done * 1000 // batches
    loss = 0.3 + 2 * math.exp(-done / 200) + 0.05 * math.sin(done)
    at, number = (done - 1) // batches + 1, (done - 1) % batches + 1
    accuracy = 1 - loss / 3
    state.apply(
        Batch(
            t=done / 10,
            epoch=at,
            batch=number,
            batches=batches,
            samples=samples,
            loss=loss,
            accuracy=accuracy,
            lr=0.001,
            images_per_second=200.0,
        )
    )
    if number == batches:
        state.apply(
            Epoch(
                t=done / 10 + 0.05,
                epoch=at,
                samples=samples,
                train_loss=loss,
                train_accuracy=accuracy,
                val_loss=loss + 0.1,
                val_accuracy=accuracy - 0.05,
                lr=0.001,
                seconds=5.0,
                images_per_second=200.0,
                best=True,
            )
        )


def cells(strips: Sequence[Strip]) -> list[tuple[str, object]]:
    return [(glyph, style) for strip in strips for part, style, _ in strip for glyph in part]


def test_both_metrics_are_charted_with_a_legend_in_words() -> None:
    picture = text(charts(live(4), ChartOptions(), None, 0, 118, 26, LOOK))
    for words in ("loss", "accuracy %", "⠒ train", "o val", "⠒ batch", "▲ best 4"):
        assert words in picture
    assert "x axis: epochs · loss: linear · smoothing 0.9 · zoom: all" in picture


@pytest.mark.parametrize("x_axis", ["epochs", "samples", "time"])
def test_a_broken_line_stands_where_a_run_was_gone_on_with(x_axis: XAxis) -> None:
    options = ChartOptions(x_axis=x_axis)
    assert "┊" not in text(charts(live(4), options, None, 0, 118, 26, LOOK))
    state = live(2)
    state.apply(Resumed(t=state.t + 1, epoch=3, batch=0, samples=2000))
    for _ in range(100):
        advance(state)
    # The time axis begins with the run, so it is further on than half of the run by the second that it stood still.
    assert len(state.epochs) == 4

    for look, glyph in ((LOOK, "┊"), (Look(ascii=True, colour=False), ":")):
        picture = draw(run_chart(state, "loss", options, None, 0, 105, 26, look), 105, 26, look)
        assert f"{glyph} resumed" in picture[0].text
        columns = {
            row.text.index(glyph, LABELS + 1) - LABELS - 1 for row in picture[1:-2] if glyph in row.text[LABELS + 1 :]
        }
        axis = run_axis(state, options, 105)
        where = {"epochs": 2.0, "samples": 2000.0, "time": 11.0}[x_axis]
        assert columns == {int(axis.position(where) * canvas_width(105))}


@pytest.mark.parametrize(
    ("width", "height", "places"),
    [
        (118, 26, [("loss", 58, 25), ("accuracy", 58, 25)]),
        (78, 26, [("loss", 78, 13), ("accuracy", 78, 12)]),
        (100, 60, [("loss", 100, 30), ("accuracy", 100, 29)]),
        (78, 14, [("accuracy", 78, 13)]),
    ],
)
def test_charts_stand_beside_each_other_or_stacked_or_alone(
    width: int, height: int, places: list[tuple[str, int, int]]
) -> None:
    assert layout(width, height, ChartOptions()) == places


def test_where_one_chart_has_room_the_log_key_goes_to_the_loss() -> None:
    assert layout(58, 8, ChartOptions(log=True)) == [("loss", 58, 7)]
    assert "l: accuracy" in text(charts(live(2), ChartOptions(log=True), None, 0, 58, 8, LOOK))
    assert "l: loss" in text(charts(live(2), ChartOptions(), None, 0, 58, 8, LOOK))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("look", [LOOK, Look(colour=False), Look(ascii=True, colour=False)])
def test_every_size_is_filled_exactly_in_the_characters_and_colours_there_are(
    size: tuple[int, int], look: Look
) -> None:
    width, height = size
    for options in (ChartOptions(), ChartOptions("time", log=True, level=0, zoom=2)):
        picture = charts(live(3), options, 1500, 0, width, height, look)
        assert len(picture) <= height
        assert all(strip.cell_length == width for strip in picture)
        assert look.colour or all(not style or style.color is None for _, style in map(tuple, cells(picture)))  # type: ignore[attr-defined]
        assert not look.ascii or text(picture).isascii()


def test_values_that_are_not_finite_break_no_chart() -> None:
    broken = recorded_state(
        ((0.4, math.nan), (math.inf, 0.7), (math.nan, math.nan)),
        losses=((1.0, math.nan), (math.inf, -math.inf), (math.nan, 0.0)),
        test=None,
        ending="diverged",
    )
    for options in (ChartOptions(), ChartOptions("samples", log=True), ChartOptions("time", zoom=2)):
        assert "accuracy %" in text(charts(broken, options, 2000, 0, 78, 26, LOOK))


def test_without_colour_batches_are_dots_and_the_smoothed_curve_a_line() -> None:
    picture = charts(live(6), ChartOptions(), None, 0, 118, 26, Look(colour=False))
    assert "· batch" in text(picture)
    assert text(picture).count("·") > 20
    assert any("⠁" <= glyph <= "⣿" for glyph, _ in cells(picture))


def test_a_spike_stays_visible_and_is_named_where_it_does_not_set_the_scale() -> None:
    state = live(6)
    state.batch_loss.points[150].high = 80.0
    chart = run_chart(state, "loss", ChartOptions(), None, 0, 78, 20, LOOK)
    assert chart.y.high < 10
    picture = text(charts(state, ChartOptions(), None, 0, 118, 26, LOOK))
    assert "↑ to 80" in picture
    assert picture.count("↑") == 2


def test_a_redraw_of_a_run_under_way_changes_few_cells() -> None:
    state = live(12)
    before = cells(charts(state, ChartOptions(), None, 0, 118, 26, LOOK))
    changes = []
    for _ in range(20):
        advance(state)
        after = cells(charts(state, ChartOptions(), None, 0, 118, 26, LOOK))
        changes.append(sum(a != b for a, b in zip(before, after, strict=True)))
        before = after
    assert sum(changes) < 20 * 30


def test_axes_move_seldom_while_a_run_trains() -> None:
    state = live(1)
    limits = []
    for _ in range(600):
        advance(state)
        drawn = [run_chart(state, metric, ChartOptions(), None, 0, 58, 20, LOOK) for metric in ("loss", "accuracy")]
        limits.append([(chart.x.low, chart.x.high, chart.y.low, chart.y.high) for chart in drawn])
    assert sum(a != b for a, b in itertools.pairwise(limits)) < 15


@pytest.mark.parametrize("width", [20, 58, 118])
@pytest.mark.parametrize("options", [ChartOptions(), ChartOptions("time"), ChartOptions("samples", zoom=1)])
def test_the_cursor_goes_from_the_last_point_to_the_first_seen_and_back(width: int, options: ChartOptions) -> None:
    state = live(7)
    cursor = moved_cursor(state, options, None, -1, width)
    assert cursor == state.samples
    way = [cursor]
    while (following := moved_cursor(state, options, way[-1], -1, width)) != way[-1]:
        assert following is not None
        way.append(following)
    assert way == sorted(way, reverse=True)
    assert way[-1] <= (20 if options.zoom == 0 else state.samples / 2 + 200)
    assert len(way) <= width
    back = way[-1]
    for _ in way:
        back = moved_cursor(state, options, back, 1, width) or 0
    assert back == state.samples


def test_the_cursor_is_not_stuck_where_points_are_far_apart() -> None:
    state = recorded_state()
    assert [moved_cursor(state, ChartOptions(), cursor, -1, 118) for cursor in (3000, 2750, 250)] == [2750, 2500, 250]
    assert moved_cursor(recorded_state((), ending=None, test=None), ChartOptions(), None, -1, 118) is None


def test_the_cursor_reads_the_nearest_value_of_each_curve() -> None:
    state = recorded_state(((0.4, 0.5), (0.6, 0.7)), losses=((1.5, 1.4), (0.75, 1.25)))
    rough = ChartOptions(level=0)
    picture = text(charts(state, rough, 1750, 0, 118, 26, LOOK))
    assert "epoch 1.75 · loss: train 0.750, validation 1.250 · accuracy: train 60.00 %, validation 70.00 %" in picture
    small = text(charts(state, rough, 1250, 0, 58, 8, LOOK))
    assert "epoch 1.25 · loss 0.750, val 1.400 · 60.00 %, val 50.00 %" in small
    assert "1,250 images" in text(charts(state, ChartOptions("samples", level=0), 1250, 0, 118, 26, LOOK))
    assert "5.5 s" in text(charts(state, ChartOptions("time", level=0), 1250, 0, 118, 26, LOOK))


def test_the_cursor_reads_the_batch_beside_the_smoothed_value_where_there_is_room() -> None:
    state = recorded_state(((0.4, 0.5), (0.6, 0.7)), losses=((1.5, 1.4), (0.75, 1.25)))
    assert "loss: train 1.196 (batch 0.750)" in text(charts(state, ChartOptions(), 1500, 0, 148, 26, LOOK))


def test_the_cursor_stands_at_an_epoch_of_which_no_batch_was_recorded() -> None:
    stop = nearest_stop(recorded_state(batches=False), ChartOptions(), 1100)
    assert stop is not None
    assert (stop.samples, stop.x) == (1000, 1.0)


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


class Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield ChartsPanel(ChartOptions(), id="charts")


async def test_the_panel_draws_what_changed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    original = charts_panel.charts

    def counted(*given: object) -> list[Strip]:
        drawn.append(given)
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(charts_panel, "charts", counted)
    app = Shown()
    async with app.run_test(size=(118, 26)):
        panel = app.query_one(ChartsPanel)
        state = live(2)
        shown = entry(state)
        panel.show(Context(shown, look=LOOK))
        panel.show(Context(shown, look=LOOK))
        assert len(drawn) == 1
        advance(state)
        panel.show(Context(shown, look=LOOK))
        assert len(drawn) == 2
        panel.step(-1)
        assert panel.cursor == state.samples
        panel.step(-2)
        assert "epoch 1." in panel.render_line(25).text
        assert panel.leave() == ""
        panel.options.cycle_x_axis()
        panel.options.toggle_log()
        panel.options.smooth(1)
        panel.options.cycle_zoom()
        panel.draw()
        assert "x axis: samples · loss: log scale · smoothing 0.97 · last half" in panel.render_line(25).text


async def test_the_cursor_does_not_stay_when_another_run_is_shown() -> None:
    app = Shown()
    async with app.run_test(size=(78, 20)):
        panel = app.query_one(ChartsPanel)
        first = entry(live(2))
        panel.show(Context(first, look=LOOK))
        panel.step(-1)
        panel.show(Context(first, look=LOOK))
        assert panel.cursor is not None
        panel.show(Context(entry(live(1)), look=LOOK))
        assert panel.cursor is None
