"""A run's CSV files: learning curves, metrics, use of the hardware, the confusion matrix, in full precision."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import AnyEvent, Batch, DeviceUsage, Metric, Resumed, RunStarted
from cifar_tui.formatting import printable
from cifar_tui.state.run_state import MAX_SERIES_NAME, RunState
from cifar_tui.state.usage import usage_series

METRICS = (
    "epoch",
    "samples",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "lr",
    "seconds",
    "images_per_second",
)
"""The first columns of `metrics.csv`: attributes of an `Epoch` event. Those of a run's own metrics follow them."""

BATCHES = ("epoch", "batch", "samples", "loss", "accuracy", "lr", "images_per_second", "t")
"""The columns of `batches.csv`: attributes of a `Batch` event."""
VALUES = ("t", "samples", "split", "name", "value")
"""The columns of `values.csv`, which has every recorded value of every metric."""
DEVICES = ("t", "host", "name", "value")
"""The columns of `devices.csv`, by the names of `usage_series`."""
MAX_SQUARE = 2000
"""The most classes whose confusion matrix is written with all counts; with 10,000 classes, they would be 200 MB."""
_LONGEST_ROW = 4096
"""Bytes: each of its numbers takes 25 at most, each character of a name 10."""


def metrics_csv(state: RunState) -> str:
    """A header and a row for each whole epoch; floats as `repr` writes them, so `float` reads them back exactly.

    Each metric of the run has a column with its last value in the epoch, NaN where it has none there.
    """
    names = [*dict.fromkeys(name for values in state.epoch_metrics for name in values)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*METRICS, *map(_column, names)])
    for number, epoch in enumerate(state.epochs):
        values = state.epoch_metrics[number] if number < len(state.epoch_metrics) else {}
        writer.writerow([*(getattr(epoch, name) for name in METRICS), *(values.get(name, math.nan) for name in names)])
    return buffer.getvalue()


def _column(name: str) -> str:
    """The heading of a metric's column, which is none of an epoch's own."""
    return _cell(f"metric/{name}" if name in METRICS else name)


def write_batches_csv(file: BinaryIO, events: Iterable[AnyEvent]) -> None:
    """Write a header and a row for each recorded batch, of which there are at most ten a second.

    Args:
        file: Open for writing and reading, at its beginning: there may be more rows than fit into memory.
        events: All events of the run. Of batches that were trained again after a crash, the last rows are kept.
    """

    def rows(event: AnyEvent) -> Iterator[Sequence[object]]:
        if isinstance(event, Batch):
            yield [getattr(event, name) for name in BATCHES]

    _write_rows(file, BATCHES, rows, events)


def write_values_csv(file: BinaryIO, events: Iterable[AnyEvent]) -> None:
    """Write a header and a row for each recorded value of each metric; the arguments are as above."""

    def rows(event: AnyEvent) -> Iterator[Sequence[object]]:
        if isinstance(event, Metric):
            for name, value in event.values.items():
                yield event.t, event.samples, event.split, _cell(name), value

    _write_rows(file, VALUES, rows, events)


def write_devices_csv(file: BinaryIO, events: Iterable[AnyEvent]) -> None:
    """Write a header and a row for each recorded value of the hardware, whatever was trained again."""
    file.write(_line(DEVICES))
    for event in events:
        if isinstance(event, DeviceUsage):
            for name, value in usage_series(event):
                file.write(_line([event.t, _cell(event.host), name, value]))


def _write_rows(
    file: BinaryIO,
    columns: Sequence[str],
    rows: Callable[[AnyEvent], Iterable[Sequence[object]]],
    events: Iterable[AnyEvent],
) -> None:
    file.write(_line(columns))
    begin = file.tell()
    for event in events:
        for row in rows(event):
            file.write(_line(row))
        if isinstance(event, RunStarted | Resumed):
            samples = event.samples if isinstance(event, Resumed) else 0
            _drop_after(file, begin, columns.index("samples"), samples)


def _cell(text: str) -> str:
    """A text from outside, in one cell of one line."""
    return guarded(printable(text[:MAX_SERIES_NAME]))


def _line(values: Sequence[object]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue().encode()


def _drop_after(file: BinaryIO, begin: int, column: int, samples: int) -> None:
    """Remove the last rows with more samples than this in that column; rows start at `begin`, each in one line."""
    end = file.tell()
    while end > begin:
        file.seek(max(begin, end - _LONGEST_ROW))
        rows = file.read(end - file.tell()).rstrip(b"\n").split(b"\n")
        if int(rows[-1].split(b",")[column]) <= samples:
            break
        end -= len(rows[-1]) + 1
    file.seek(end)
    file.truncate()


def confusion_csv(matrix: ConfusionMatrix, classes: Sequence[str]) -> str:
    """Counts with class names on both sides: rows are true classes, columns predicted ones.

    With more than `MAX_SQUARE` classes, a row for each count above zero, after the names of the two classes.

    Args:
        matrix: (K, K) counts.
        classes: K names, whatever characters they hold.
    """
    names = [*map(guarded, classes)]
    buffer = io.StringIO()
    # All names are quoted: the csv module of Python 3.11 and 3.12 does not quote a carriage return.
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    if len(matrix) > MAX_SQUARE:
        writer.writerow(["true", "predicted", "images"])
        writer.writerows((names[row], names[column], number) for row, column, number in matrix.cells())
        return buffer.getvalue()
    writer.writerow(["true / predicted", *names])
    writer.writerows([name, *row] for name, row in zip(names, matrix, strict=True))
    return buffer.getvalue()


def guarded(name: str) -> str:
    """A name that no spreadsheet runs as a formula.

    One that could be run, or that begins with an apostrophe, is preceded by an apostrophe: without that, all names are
    unchanged, and different names stay different.

    Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{name}" if _is_formula(name) else name


def _is_formula(name: str) -> bool:
    # Some spreadsheets skip leading spaces, and treat full-width characters as the plain ones.
    return name.startswith(("\t", "\r", "\n", "\0", "'")) or name.lstrip().startswith(tuple("=+-@＝＋－＠"))
