"""Curves and axes: what a run's state becomes before it is drawn."""

import math
from bisect import bisect_right
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cifar_tui.state.curve import Point
from cifar_tui.tui.charts.axes import Axis, Window, XAxis, accuracy_axis, number_axis, usual_limits, x_axis
from cifar_tui.tui.charts.curves import reduced, smoothed
from cifar_tui.tui.charts.options import ChartOptions, ChartSettings, parse_limits
from cifar_tui.tui.charts.series import ACCURACY, LOSS, training, validation
from cifar_tui.tui.charts.x_positions import nearest, positions
from tests.support.recorded import recorded_state

VALUES = st.floats(-1e6, 1e6)
STEPS = st.lists(st.tuples(st.floats(0, 3), VALUES, VALUES), min_size=1, max_size=80)
NUMBERS = st.floats(1, 1e6)
LOSSES = st.floats(1e-3, 1e3)


def point(samples: int, value: float, count: int = 1) -> Point:
    return Point(samples, samples, samples / 10, value, value, value, count)


@given(STEPS, st.integers(1, 20), st.floats(0, 20), st.floats(1, 100))
def test_reducing_keeps_the_least_and_the_greatest_value_of_each_column_in_two_points(
    steps: list[tuple[float, float, float]], columns: int, low: float, span: float
) -> None:
    xs, x = [], 0.0
    for step, _, _ in steps:
        x += step
        xs.append(x)
    lows, highs = [min(a, b) for _, a, b in steps], [max(a, b) for _, a, b in steps]
    high = low + span
    found = reduced(xs, lows, highs, Axis(low, high), columns)
    ends = [low + column / columns * (high - low) for column in range(1, columns)]
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    for column in range(columns):
        seen = [y for x, y in found if low <= x <= high and bisect_right(ends, x) == column]
        inside = [i for i, x in enumerate(xs) if low <= x <= high and bisect_right(ends, x) == column]
        assert len(seen) <= 2
        assert (
            (min(seen), max(seen)) == (min(lows[i] for i in inside), max(highs[i] for i in inside))
            if inside
            else not seen
        )


def test_a_reduced_curve_goes_on_to_the_points_beside_what_is_seen() -> None:
    xs = [0.0, 1.0, 2.0, 3.0, 4.0]
    found = reduced(xs, xs, xs, Axis(1.5, 2.5), 10)
    assert [x for x, _ in found] == [1.0, 2.0, 3.0]


def test_a_merged_point_is_entered_at_the_end_that_is_nearer_to_where_the_curve_comes_from() -> None:
    xs, lows, highs = [0.0, 1.0], [5.0, 1.0], [5.0, 6.0]
    assert reduced(xs, lows, highs, Axis(0.0, 1.0), 4) == [(0.0, 5.0), (1.0, 6.0), (1.0, 1.0)]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50), st.sampled_from([0.0, 0.6, 0.9, 0.99]))
def test_a_smoothed_curve_stays_between_the_extremes_and_begins_at_its_first_value(
    values: list[float], weight: float
) -> None:
    found = smoothed([point(i, value) for i, value in enumerate(values)], weight)
    assert found[0] == pytest.approx(values[0])
    assert all(min(values) - 1e-6 <= value <= max(values) + 1e-6 for value in found)


def test_without_smoothing_each_value_stands_for_itself() -> None:
    assert smoothed([point(i, v) for i, v in enumerate((3.0, 1.0, 2.0))], 0.0) == [3.0, 1.0, 2.0]


def test_a_point_that_stands_for_several_batches_is_smoothed_as_so_many() -> None:
    single = smoothed([point(i, value) for i, value in enumerate((1.0, 1.0, 4.0, 4.0, 2.0, 2.0))], 0.9)
    merged = smoothed([point(i, value, 2) for i, value in enumerate((1.0, 4.0, 2.0))], 0.9)
    assert merged == pytest.approx(single[1::2])


def test_batches_without_a_finite_value_are_left_out() -> None:
    state = recorded_state(((0.4, 0.5), (0.6, 0.7)), losses=((1.0, 1.0), (math.nan, math.inf)))
    assert [p.last for p in training(state, LOSS)] == [250, 500, 750, 1000]
    assert [p.mean for p in validation(state, LOSS)] == [1.0]
    assert len(training(state, ACCURACY)) == 8


def test_the_means_over_epochs_stand_in_where_no_batch_was_recorded() -> None:
    state = recorded_state(batches=False)
    assert [p.mean for p in training(state, ACCURACY)] == [0.4, 0.6, 0.65]


@pytest.mark.parametrize(("kind", "expected"), [("epochs", 1.0), ("samples", 1000.0), ("time", 4.5)])
def test_a_validation_lies_at_its_epochs_end_in_each_unit(kind: XAxis, expected: float) -> None:
    state = recorded_state()
    assert positions(state, LOSS, validation(state, LOSS), kind)[0] == expected


def test_the_nearest_value_is_found_and_the_first_of_equals() -> None:
    assert [nearest([1.0, 2.0, 4.0], x) for x in (-9.0, 1.5, 2.9, 3.1, 9.0)] == [0, 0, 1, 2, 2]
    assert nearest([], 1.0) is None


def test_options_stay_within_their_levels() -> None:
    options = ChartOptions()
    for _ in range(9):
        options.smooth(1)
    assert options.weight == 0.99
    for _ in range(9):
        options.smooth(-1)
    assert options.weight == 0.0
    seen = []
    for _ in range(4):
        options.cycle_x_axis()
        options.cycle_overlay()
        seen.append((options.x_axis, options.overlay))
    assert seen == [("samples", "marked"), ("time", "selected"), ("epochs", "both"), ("samples", "marked")]


def test_what_is_kept_of_the_options_is_shown_again_and_nonsense_changes_nothing() -> None:
    options = ChartOptions("time", log=True, level=4, outliers=True, overlay="marked")
    other = ChartOptions()
    other.apply(options.settings)
    assert other.settings == options.settings
    other.apply(ChartSettings(x_axis="miles", smoothing=99))
    assert (other.x_axis, other.level, other.overlay) == ("time", 4, "both"), "which runs are drawn is not kept"


def test_zooming_in_and_out_keeps_the_place_and_ends_with_all_of_the_axis() -> None:
    options, whole = ChartOptions(), Axis(0.0, 50.0)
    options.zoom_x(whole, whole, 0.5, 10.0)
    assert options.window == Window(5.0, 30.0)
    options.zoom_x(Axis(5.0, 30.0), whole, 2.0, 10.0)
    assert options.window == Window()
    options.zoom_x(whole, whole, 0.2, None)
    assert options.window == Window(-10.0), "without a cursor, the last part, which moves on with the run"
    options.pan_x(Axis(40.0, 50.0), whole, -0.5)
    assert options.window == Window(35.0, 45.0)
    options.pan_x(Axis(35.0, 45.0), whole, 99.0)
    assert options.window == Window(40.0)
    options.zoom_y(LOSS, Axis(0.0, 2.0), 0.5, 0.0)
    assert options.y_limits == {LOSS: (0.0, 1.0)}
    options.reset()
    assert (options.window, options.y_limits) == (Window(), {})


@given(st.floats(1e-3, 1e6), st.floats(1.001, 1e6), st.floats(0, 1), st.floats(0.01, 4), st.booleans())
def test_what_is_zoomed_about_a_place_leaves_it_where_it_is(
    low: float, ratio: float, at: float, factor: float, log: bool
) -> None:
    axis = Axis(low, low * ratio, log=log)
    value = axis.value(at)
    assert axis.position(value) == pytest.approx(at, abs=1e-6)
    zoomed = Axis(*axis.around(value, factor), log=log)
    assert zoomed.low < zoomed.high
    if zoomed.low > 0 or not log:
        assert zoomed.position(value) == pytest.approx(at, abs=1e-3)


@pytest.mark.parametrize(
    ("typed", "limits"),
    [
        ("x=10:50 y=0.2:0.5", {"x": (10.0, 50.0), "y": (0.2, 0.5)}),
        ("x=-10:", {"x": (-10.0, None)}),
        ("y=:1e-3", {"y": (None, 0.001)}),
        ("x=:, y=-3:-1", {"x": (None, None), "y": (-3.0, -1.0)}),
        ("", {}),
    ],
)
def test_limits_are_read_as_they_are_typed(typed: str, limits: object) -> None:
    assert parse_limits(typed) == limits


@pytest.mark.parametrize(
    "typed", ["x=10", "z=1:2", "x=5:1", "y=1:1", "x=a:b", "y=1e999:", "x=-:2", "10:50", "x=1..2:3"]
)
def test_limits_that_cannot_be_read_say_how_they_are_written(typed: str) -> None:
    with pytest.raises(ValueError, match=r"x=10:50|less than|out of range"):
        parse_limits(typed)


@pytest.mark.parametrize(("kind", "planned"), [("epochs", 50.0), ("samples", 2_250_000.0), ("time", math.inf)])
def test_the_x_axis_of_a_run_under_way_moves_seldom_and_has_room(kind: XAxis, planned: float) -> None:
    total = planned if math.isfinite(planned) else 5000.0
    axes = [x_axis(kind, total * i / 2000, planned, growing=True, width=70) for i in range(1, 2001)]
    assert len({(axis.low, axis.high) for axis in axes}) < 30
    assert all(axis.low == 0 and total * (i + 1) / 2000 <= axis.high for i, axis in enumerate(axes))
    assert all(axis.high <= planned for axis in axes)


def test_the_x_axis_of_a_run_that_is_over_ends_where_it_ended() -> None:
    assert x_axis("epochs", 37.0, 50.0, growing=False, width=70).high == 37.0
    axis = x_axis("epochs", 40.0, 50.0, Window(-4.0), growing=False, width=70)
    assert (axis.low, axis.high) == (36.0, 40.0)


def test_a_zoomed_axis_moves_in_steps_too() -> None:
    axes = {x_axis("epochs", 20 + i / 1000, 50.0, Window(-2.0), growing=True, width=70) for i in range(1000)}
    assert len({(axis.low, axis.high) for axis in axes}) <= 4


@given(st.sampled_from(["epochs", "samples", "time"]), NUMBERS, st.sampled_from([1.0, 0.5, 0.1]), st.integers(1, 200))
def test_an_x_axis_has_its_ticks_within_and_tells_them_apart(
    kind: XAxis, reached: float, part: float, width: int
) -> None:
    axis = x_axis(kind, reached, 1e7, Window(-part * reached), growing=True, width=width)
    assert axis.low < axis.high
    assert all(-1e-9 <= axis.position(value) <= 1 + 1e-9 for value, _ in axis.ticks)
    assert len({text for _, text in axis.ticks}) == len(axis.ticks) <= max(1, width // 7) + 1


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.1, 20.0, ["0.1", "1", "10"]),
        (0.5, 50.0, ["0.5", "1", "2", "5", "10", "20", "50"]),
        (12.0, 18.0, ["10", "15"]),
        (100.0, 90_000.0, ["0.1k", "1k", "10k", "50k"]),
    ],
)
def test_a_logarithmic_x_axis_has_round_numbers_wherever_it_is(low: float, high: float, labels: list[str]) -> None:
    axis = x_axis("samples", high, high, Window(low), growing=False, width=31 if low != 0.5 else 70, log_from=0.01)
    assert [text for _, text in axis.ticks] == labels


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (90, ["0", "10", "20", "30", "40", "50", "60", "70", "80", "90"]),
        (600, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
        (200, ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30", "3:00"]),
        (6 * 3600, ["0", "1", "2", "3", "4", "5", "6"]),
    ],
)
def test_times_are_labelled_as_clocks_show_them(seconds: float, labels: list[str]) -> None:
    axis = x_axis("time", seconds, math.inf, growing=False, width=78)
    assert [text for _, text in axis.ticks] == labels


@given(LOSSES, st.floats(1, 1e4), st.integers(1, 60), st.booleans())
@example(0.2, 1.0, 1, True)
def test_the_axis_of_a_loss_holds_its_values_between_ticks_that_can_be_told_apart(
    low: float, ratio: float, rows: int, log: bool
) -> None:
    axis = number_axis(low, low * ratio, rows, log=log)
    assert axis.position(low) + 1e-9 >= 0
    assert axis.position(low * ratio) <= 1 + 1e-9
    assert 1 <= len(axis.ticks) <= max(2, rows // 3) + 2
    assert len({text for _, text in axis.ticks}) == len(axis.ticks)
    assert all(-1e-9 <= axis.position(value) <= 1 + 1e-9 for value, _ in axis.ticks)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 0.0), (-1.0, 0.0), (0.0, 5.0), (-3.0, 2.0), (1e-300, 1e-300), (0.0, 1e300)]
)
@pytest.mark.parametrize("log", [False, True])
def test_no_value_breaks_its_axis(low: float, high: float, log: bool) -> None:
    axis = number_axis(low, high, 20, log=log)
    assert axis.low < axis.high
    assert all(math.isfinite(axis.position(value)) for value in (low, high, 0.0, -1.0))


def test_what_is_not_positive_lies_below_a_logarithmic_axis() -> None:
    axis = number_axis(0.1, 2.0, 20, log=True)
    assert axis.position(0.0) < 0
    assert axis.position(-1.0) < 0


@pytest.mark.parametrize(
    ("low", "high", "limits"),
    [
        (0.1, 0.95, (0.0, 1.0)),
        (0.86, 0.95, (0.86, 0.96)),
        (0.992, 0.999, (0.98, 1.0)),
        (0.1, 0.18, (0.1, 0.18)),
        (0.0, 0.0, (0.0, 0.02)),
    ],
)
def test_an_accuracy_has_the_part_of_its_axis_that_it_uses(
    low: float, high: float, limits: tuple[float, float]
) -> None:
    axis = accuracy_axis(low, high, 20)
    assert (axis.low, axis.high) == pytest.approx(limits)


def test_accuracies_are_labelled_in_percent() -> None:
    assert [text for _, text in accuracy_axis(0.1, 0.9, 9).ticks] == ["0", "50", "100"]
    assert [text for _, text in accuracy_axis(0.96, 0.999, 9).ticks] == ["96", "98", "100"]


def test_neither_a_spike_nor_the_steep_beginning_of_a_long_run_sets_the_scale() -> None:
    calm = [1.0 + (i % 5) / 10 for i in range(200)]
    for curve in ([*calm[:50], 40.0, *calm[50:]], [12.0, 8.0, 5.0, *calm]):
        found = usual_limits([curve])
        assert found is not None
        assert found[0] == 1.0
        assert 1.4 <= found[1] < 1.5
    assert usual_limits([[12.0, 8.0, 5.0, 3.0, 2.0]]) == (2.0, 12.0), "of a short run, it is what there is to see"
    assert usual_limits([[], []]) is None


def test_the_steep_beginning_of_a_short_run_does_not_set_the_scale_of_several() -> None:
    steep = [65.0, 20.0, 5.0, 2.5, 2.0, 1.9]
    assert usual_limits([steep]) == (1.9, 65.0)
    for others in ([[2.3 - 0.036 * i for i in range(50)]], [[2.0, 1.5, 1.2, 1.0, 0.9, 0.8]] * 4):
        found = usual_limits([steep, *others])
        assert found is not None
        assert found[0] == min(map(min, others))
        assert 2.3 <= found[1] < 6.0
    bad = [9.0, 9.2, 9.1, 9.0, 9.1, 9.3]
    assert usual_limits([bad, [0.5, 0.4, 0.3]]) == (0.3, 9.3), "where a whole run lies is shown"
    assert usual_limits([[0.5, 0.4, 0.3, 7.0], *[[0.5, 0.4, 0.3, 0.2]] * 4]) == (0.2, 7.0), "and where it is now"


def test_all_is_shown_of_a_curve_that_falls_evenly() -> None:
    assert usual_limits([[float(i) for i in range(100)]]) == (0.0, 99.0)


def test_an_axis_places_its_ends_at_0_and_1() -> None:
    for axis in (Axis(2.0, 6.0), Axis(0.1, 10.0, log=True)):
        assert (axis.position(axis.low), axis.position(axis.high)) == (0.0, 1.0)


@pytest.mark.parametrize("window", [Window(low=1e20), Window(high=1e-30), Window(low=-1e-30), Window(37.3, 37.3)])
def test_any_limits_make_an_axis_that_has_a_length(window: Window) -> None:
    for kind in get_args(XAxis):
        axis = x_axis(kind, 41.0, 50.0, window, growing=False, width=70, log_from=0.0)
        assert 0 <= axis.position((axis.low + axis.high) / 2) <= 1
        assert axis.high - axis.low > 0


def test_labels_of_a_small_part_of_the_x_axis_are_told_apart() -> None:
    axis = x_axis("epochs", 41.0, 50.0, Window(37.29, 37.31), growing=False, width=70, log_from=0.0)
    labels = [label for _, label in axis.ticks]
    assert len(set(labels)) == len(labels) >= 3
