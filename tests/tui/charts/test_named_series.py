"""Named series of a run: which there are, and the chart of one with any values, at any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.strip import Strip

from cifar_tui.events import DeviceUsage, Metric, Resumed
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.charts.axes import LABEL_LENGTH, XAxis, number_axis, plain_unit
from cifar_tui.tui.charts.deck import Deck
from cifar_tui.tui.charts.drawn_runs import drawn_runs
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.series import MAIN, Series, all_series, axis_unit, curves, in_words, last_values
from cifar_tui.tui.charts.x_positions import Clock, positions
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from tests.support.others.script_runs import USAGE, metric, script_events, script_started, script_state
from tests.support.panel_states import check_lines, looks
from tests.support.recorded import recorded_state

LOOK = Look()
GRAD_NORM = Series("metric", "grad_norm")
ROUGH = ChartOptions(level=0)
finite = st.floats(allow_nan=False, allow_infinity=False)
anything = st.floats(allow_nan=True, allow_infinity=True)


def text(strips: Sequence[Strip]) -> str:
    return "\n".join(strip.text for strip in strips)


def deck(state: RunState, series: Series = GRAD_NORM, options: ChartOptions = ROUGH) -> Deck:
    made = Deck(options)
    made.runs, made.opened = drawn_runs([Entry(number=0, state=state)]), series
    return made


def page(
    state: RunState, series: Series = GRAD_NORM, options: ChartOptions = ROUGH, cursor: float | None = None
) -> str:
    made = deck(state, series, options)
    made.cursor = cursor
    return text(made.lines(78, 20, LOOK))


def means(state: RunState, series: Series) -> list[float]:
    return [point.mean for _, points in curves(state, series) for point in points]


def logged(*numbers: float) -> RunState:
    return script_state(script_started(), *(metric(step, x=number) for step, number in enumerate(numbers, 1)))


def on_devices(*usages: DeviceUsage) -> RunState:
    return script_state(*script_events(), *usages)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(1, 60),
)
def test_the_axis_of_any_values_has_labels_that_fit_and_differ(one: float, other: float, rows: int) -> None:
    low, high = sorted((one, other))
    axis = number_axis(low, high, rows, plain_unit(max(abs(low), abs(high))))
    assert axis.low < axis.high
    assert math.isfinite(axis.position(low))
    labels = [label for _, label in axis.ticks]
    assert len(set(labels)) == len(labels)
    assert len(labels) < 2 or all(len(label) <= LABEL_LENGTH for label in labels)
    assert all(axis.low - 1e-6 * abs(axis.low) <= x <= axis.high + 1e-6 * abs(axis.high) for x, _ in axis.ticks)


@pytest.mark.parametrize("value", [0.0, 5.0, -3e-7, 123456.0, 1e299, -1e299, 5e-324])
def test_a_constant_is_in_the_middle_of_its_axis_or_on_its_line(value: float) -> None:
    axis = number_axis(value, value, 20, plain_unit(value))
    assert 0 <= axis.position(value) <= 1


def test_a_logarithmic_axis_is_for_values_of_which_some_are_positive() -> None:
    assert number_axis(1e-5, 1.0, 20, log=True).log
    assert not number_axis(-2.0, -1.0, 20, log=True).log


def test_a_run_has_its_learning_rate_its_metrics_and_its_devices_in_order() -> None:
    validated = Metric(t=1.0, samples=10, values={"top5": 0.9}, split="validation")
    found = all_series(script_state(*script_events(), validated, USAGE))
    assert [each.name for each in found[:4]] == ["learning rate", "grad_norm", "broken", "validation/top5"]
    assert Series("device", "gpu 0 utilization") in found
    assert all_series(script_state(script_started())) == []


def test_a_run_of_this_program_has_its_learning_rate_too() -> None:
    assert means(recorded_state(), Series("lr", "learning rate")) == [0.001] * 12
    assert means(recorded_state(batches=False), Series("lr", "learning rate")) == [0.001] * 3


def test_a_chart_names_the_series_its_last_value_and_its_unit() -> None:
    first = page(script_state())
    assert "grad_norm  1.033" in first
    assert "x axis: epochs · y: linear · no smoothing" in first
    busy = page(on_devices(replace(USAGE, t=1.0), USAGE), Series("device", "gpu 0 utilization"))
    assert "gpu 0 utilization  75.00 %" in busy
    disk = page(on_devices(replace(USAGE, t=1.0), USAGE), Series("device", "disk read"))
    assert "disk read (MiB/s)  3 MiB/s" in disk
    tiny = page(logged(1.25e-6, 2.5e-6), Series("metric", "x"))
    assert "x (1e-6)  2.50e-6" in tiny


@pytest.mark.parametrize(
    ("value", "what", "words"),
    [
        (0.5, "fraction", "50.00 %"),
        (3.5 * 2**30, "bytes", "3.5 GiB"),
        (1536.0, "bytes/s", "1.5 KiB/s"),
        (61.4, "°C", "61 °C"),
        (480.0, "W", "480 W"),
        (1.5, "cores", "1.50 cores"),
        (12345.6, None, "12,346"),
        (math.nan, None, "NaN"),
        (-math.inf, "fraction", "-inf"),
    ],
)
def test_a_value_is_shown_with_its_unit(value: float, what: object, words: str) -> None:
    assert in_words(value, what) == words  # type: ignore[arg-type]


def test_what_a_script_does_not_log_of_each_batch_and_epoch_is_not_marked_as_nan() -> None:
    def marks(*losses: float, accuracies: Sequence[float] = ()) -> list[str]:
        """What is marked in the charts of loss and accuracy, where the losses are those of the validation."""
        state = script_state(*script_events(losses, accuracies=accuracies))
        return [page(state, each).splitlines()[0].partition("×")[2].split("  ")[0].strip() for each in MAIN]

    assert marks(0.5, 0.25, 0.125) == ["", ""]
    assert marks(math.nan, 0.25, math.nan, 0.125, math.nan) == ["", ""], "every second epoch is validated"
    assert marks(0.5, 0.25, 0.125, accuracies=(0.5, math.nan, 0.75)) == ["", ""]
    assert marks(math.nan, 0.25, math.inf, 0.125) == ["inf", ""]
    assert marks(0.5, 0.25, math.nan, math.nan) == ["NaN", ""], "it has diverged"


def test_the_labels_of_the_axis_count_what_the_title_says() -> None:
    assert axis_unit(5e-7, None)[1] == "1e-9"
    assert axis_unit(5e-7, None)[0] == pytest.approx(1e-9)
    assert axis_unit(0.5, None) == (1.0, "")
    assert axis_unit(3 * 2**30, "bytes") == (2.0**30, "GiB")


def test_fractions_by_their_names_are_percent_where_they_are_fractions() -> None:
    def last(name: str, value: float) -> str:
        state = script_state(script_started(), metric(1, **{name: value}), metric(2, **{name: value}))
        return page(state, Series("metric", name))

    assert "top5  90.00 %" in last("top5", 0.9)
    assert "val_accuracy  90.00 %" in last("val_accuracy", 0.9)
    assert "val_accuracy  90  " in last("val_accuracy", 90.0)
    assert "grad_norm  0.9  " in last("grad_norm", 0.9)


def places(state: RunState, kind: XAxis = "epochs") -> list[float]:
    cpu = Series("device", "cpu")
    return positions(state, cpu, [point for _, points in curves(state, cpu) for point in points], kind)


def test_devices_lie_where_the_training_was_at_their_time() -> None:
    state = script_state(ending=None)
    clock = Clock.of(state)
    assert [clock.samples_at(t) for t in (-1.0, 0.0, 0.55, 1.0, 99.0)] == pytest.approx([0, 0, 5.5, 10, 30])
    assert [clock.time_at(samples) for samples in (0, 5.5, 10, 99)] == pytest.approx([0, 0.55, 1.0, 3.0])
    state.apply(replace(USAGE, t=1.5))
    assert places(state) == pytest.approx([1.5])
    assert places(state, "time") == [1.5]
    state.apply(Resumed(t=3.0, epoch=2, batch=0, samples=10))
    assert places(state) == pytest.approx([1.0])
    assert len(means(state, GRAD_NORM)) == 10, "what is trained again is not drawn twice"


def test_evaluations_are_marks_and_neither_they_nor_a_learning_rate_are_smoothed() -> None:
    state = script_state(ending=None)
    for epoch in (1, 2, 3):
        state.apply(Metric(t=epoch, samples=10 * epoch, values={"top5": 0.5 + epoch / 10}, split="validation"))
    shown = page(state, Series("metric", "validation/top5"), ChartOptions())
    assert shown.count("o") > 3
    assert "smoothed" not in shown
    assert "smoothed" not in page(state, Series("lr", "learning rate"), ChartOptions())
    assert "smoothed" in page(state, GRAD_NORM, ChartOptions())


def test_the_cursor_reads_the_value_and_moves_over_points_of_the_series() -> None:
    read = deck(script_state(), options=ChartOptions())
    read.lines(78, 20, LOOK)
    read.step(-1)
    assert read.cursor == 3.0
    assert "epoch 3 · 30 steps · 3.0 s · grad_norm: smoothed 1.06, value 1.033" in text(read.lines(78, 20, LOOK))
    read.step(-1)
    assert read.cursor == pytest.approx(2.9)
    usage = deck(on_devices(replace(USAGE, t=1.0), USAGE), Series("device", "cpu"))
    usage.lines(78, 20, LOOK)
    usage.step(1)
    assert usage.cursor == 3.0
    assert "cpu 37.50 %" in text(usage.lines(78, 20, LOOK))


def test_the_last_value_is_that_of_the_run_and_not_a_mean_of_several() -> None:
    state = logged(*(float(k) for k in range(5000)))
    assert dict(last_values(state))[Series("metric", "x")] == "4999"


def test_without_epochs_the_axis_counts_steps() -> None:
    state = logged(1.0, 2.0, 3.0)
    shown = page(state, Series("metric", "x"))
    assert "x axis: steps · y: linear · no smoothing" in shown
    assert "2 steps · 0.2 s · x 2" in page(state, Series("metric", "x"), cursor=2)


@settings(max_examples=25)
@given(
    st.lists(anything, min_size=1, max_size=30),
    looks,
    st.sampled_from([(1, 1), (9, 3), (20, 5), (58, 8), (78, 14), (118, 26)]),
    st.integers(0, 4),
    st.booleans(),
)
def test_any_values_are_drawn_at_every_size(
    numbers: list[float], look: Look, size: tuple[int, int], level: int, log: bool
) -> None:
    state = logged(*numbers)
    x_axis: XAxis
    for x_axis in ("epochs", "time"):
        made = deck(state, Series("metric", "x"), ChartOptions(x_axis, log=log, log_x=log, level=level))
        for _ in range(2):
            check_lines(made.lines(*size, look), size, look)
            made.step(-1)
            made.zoom_x(0.5)
            made.zoom_y(0.5)
