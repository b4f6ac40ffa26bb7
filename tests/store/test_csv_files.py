"""The CSV files read back exactly."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import AnyEvent, Resumed
from cifar_tui.formatting import printable
from cifar_tui.state.run_state import RunState
from cifar_tui.store.csv_files import (
    MAX_SQUARE,
    METRICS,
    confusion_csv,
    metrics_csv,
    write_devices_csv,
    write_values_csv,
)
from tests.support.recorded import fold, metric, recorded_state, started, usage, whole_epoch

NAMES = st.text(st.characters(codec="utf-8"), max_size=8) | st.text("'=+-@\t\r\n a", max_size=4)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@given(st.lists(st.floats(), min_size=5, max_size=5), st.integers(0, 2**60))
def test_metrics_read_back_exactly(floats: list[float], samples: int) -> None:
    loss, accuracy, lr, seconds, speed = floats
    epoch = replace(recorded_state().epochs[0], train_loss=loss, val_accuracy=accuracy, lr=lr, samples=samples)
    epoch = replace(epoch, seconds=seconds, images_per_second=speed)

    header, row = read(metrics_csv(RunState(epochs=[epoch])))

    assert (
        ",".join(header) == "epoch,samples,train_loss,train_accuracy,val_loss,val_accuracy,lr,seconds,images_per_second"
    )
    values = dict(zip(header, row, strict=True))
    assert int(values["samples"]) == samples
    for name in header[2:]:
        written, meant = float(values[name]), getattr(epoch, name)
        assert written == meant or (math.isnan(written) and math.isnan(meant))


def unguarded(cell: str) -> str:
    """A name without the apostrophe that keeps a spreadsheet from running it."""
    return cell.removeprefix("'")


def test_metrics_have_a_row_for_each_epoch_in_order() -> None:
    assert [row[:2] for row in read(metrics_csv(recorded_state()))[1:]] == [["1", "1000"], ["2", "2000"], ["3", "3000"]]


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_each_metric_has_a_column_behind_the_known_ones_with_its_last_value_in_the_epoch(names: list[str]) -> None:
    events = [started(), metric(10), *whole_epoch(1), *whole_epoch(2)]
    events[1] = replace(metric(10), values=dict.fromkeys(names, 0.1))
    header, first, second = read(metrics_csv(fold(events)))
    assert header[: len(METRICS)] == [*METRICS]
    assert [unguarded(name) for name in header[len(METRICS) :]] == [printable(name) for name in names]
    assert first[len(METRICS) :] == ["0.1"] * len(names)
    assert second[len(METRICS) :] == ["nan"] * len(names)


def test_a_metric_that_is_called_like_a_known_column_takes_another_name() -> None:
    header, row = read(metrics_csv(fold([started(), metric(10, epoch=7.0), *whole_epoch(1)])))
    assert (header[0], row[0]) == ("epoch", "1")
    assert (header[-1], row[-1]) == ("metric/epoch", "7.0")


def written(write: Any, *events: AnyEvent) -> list[list[str]]:
    file = io.BytesIO()
    write(file, events)
    return read(file.getvalue().decode())


def test_every_value_of_every_metric_is_in_a_row_of_its_own_unless_it_is_void() -> None:
    odd = replace(metric(40), values={"=1+2": 0.1, "a,b\nc": math.nan})
    resumed = Resumed(t=9.0, epoch=1, batch=3, samples=30)
    last = metric(40, t=10.0, split="validation", top5=0.5)
    assert written(write_values_csv, started(), metric(10, norm=1.0), odd) == [
        ["t", "samples", "split", "name", "value"],
        ["1.0", "10", "train", "norm", "1.0"],
        ["4.0", "40", "train", "'=1+2", "0.1"],
        ["4.0", "40", "train", r"a,b\nc", "nan"],
    ]
    assert written(write_values_csv, started(), metric(10, norm=1.0), odd, resumed, last)[1:] == [
        ["1.0", "10", "train", "norm", "1.0"],
        ["10.0", "40", "validation", "top5", "0.5"],
    ]


def test_every_value_of_the_hardware_is_in_a_row_of_its_own() -> None:
    rows = written(write_devices_csv, started(), usage(2.0))
    assert rows[0] == ["t", "host", "name", "value"]
    assert ["2.0", "gpu-1", "gpu 0 utilization", "0.75"] in rows
    assert ["2.0", "gpu-1", "cpu", "0.75"] in rows


def test_a_run_without_epochs_has_only_the_header() -> None:
    assert len(read(metrics_csv(RunState()))) == 1


@given(st.lists(NAMES, min_size=1, max_size=5), st.data())
def test_confusion_counts_and_any_class_names_read_back_exactly(names: list[str], data: st.DataObject) -> None:
    row = st.tuples(*[st.integers(0, 10**9)] * len(names))
    matrix = data.draw(st.tuples(*[row] * len(names)))

    header, *rows = read(confusion_csv(ConfusionMatrix.of(matrix), names))

    assert [unguarded(name) for name in header[1:]] == names
    assert [unguarded(line[0]) for line in rows] == names
    assert tuple(tuple(map(int, line[1:])) for line in rows) == matrix


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1"])
def test_no_class_name_is_a_formula(name: str) -> None:
    header, row, _ = read(confusion_csv(ConfusionMatrix.of(((1, 2), (3, 4))), [name, "cat"]))
    assert header[1:] == ["'" + name, "cat"]
    assert row == ["'" + name, "1", "2"]


def test_names_that_differ_by_the_guard_alone_stay_different() -> None:
    header, *_ = read(confusion_csv(ConfusionMatrix.of(((1, 2), (3, 4))), ["=1", "'=1"]))
    assert header[1:] == ["'=1", "''=1"]


def test_only_counts_above_zero_of_very_many_classes_are_written() -> None:
    k = MAX_SQUARE + 1
    matrix = ConfusionMatrix.of_csr([0, 1, *[2] * (k - 1)], [3, 2000], [7, 9])
    header, *rows = read(confusion_csv(matrix, ["=1", *(f"class {n}" for n in range(1, k))]))
    assert header == ["true", "predicted", "images"]
    assert rows == [["'=1", "class 3", "7"], ["class 1", "class 2000", "9"]]
