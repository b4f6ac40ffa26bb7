"""The run folder's CSV files: the learning curves and the confusion matrix, in full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import AnyEvent, Batch, Resumed, RunStarted
from cifar_tui.state.run_state import RunState

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
"""The columns of `metrics.csv`: attributes of an `Epoch` event."""

BATCHES = ("epoch", "batch", "samples", "loss", "accuracy", "lr", "images_per_second", "t")
"""The columns of `batches.csv`: attributes of a `Batch` event."""
MAX_SQUARE = 2000
"""The most classes whose confusion matrix is written with all counts; with 10,000 classes, they would be 200 MB."""
_LONGEST_ROW = 400
"""Bytes: each of its numbers takes 25 at most."""


def metrics_csv(state: RunState) -> str:
    """A header and a row for each whole epoch; floats as `repr` writes them, so `float` reads them back exactly."""
    return _table(METRICS, state.epochs)


def write_batches_csv(file: BinaryIO, events: Iterable[AnyEvent]) -> None:
    """Write a header and a row for each recorded batch, of which there are at most ten a second.

    Args:
        file: Open for writing and reading, at its beginning: there may be more rows than fit into memory.
        events: All events of the run. Of batches that were trained again after a crash, the last rows are kept.
    """
    file.write(_line(BATCHES))
    begin = file.tell()
    for event in events:
        if isinstance(event, Batch):
            file.write(_line([getattr(event, name) for name in BATCHES]))
        elif isinstance(event, RunStarted | Resumed):
            _drop_after(file, begin, event.samples if isinstance(event, Resumed) else 0)


def _line(values: Sequence[object]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue().encode()


def _drop_after(file: BinaryIO, begin: int, samples: int) -> None:
    """Remove the last rows that are of batches after so many samples; rows start at `begin`."""
    end = file.tell()
    while end > begin:
        file.seek(max(begin, end - _LONGEST_ROW))
        rows = file.read(end - file.tell()).rstrip(b"\n").split(b"\n")
        if int(rows[-1].split(b",")[BATCHES.index("samples")]) <= samples:
            break
        end -= len(rows[-1]) + 1
    file.seek(end)
    file.truncate()


def _table(columns: Sequence[str], rows: Iterable[object]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([getattr(row, name) for name in columns] for row in rows)
    return buffer.getvalue()


def confusion_csv(matrix: ConfusionMatrix, classes: Sequence[str]) -> str:
    """Counts with class names on both sides: rows are true classes, columns predicted ones.

    With more than `MAX_SQUARE` classes, a row for each count above zero, after the names of the two classes.

    A name that a spreadsheet could run as a formula, or that begins with an apostrophe, is preceded by an apostrophe:
    without that, all names are unchanged, and different names stay different.

    Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection

    Args:
        matrix: (K, K) counts.
        classes: K names, whatever characters they hold.
    """
    names = [f"'{name}" if _is_formula(name) else name for name in classes]
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


def _is_formula(name: str) -> bool:
    # Some spreadsheets skip leading spaces, and treat full-width characters as the plain ones.
    return name.startswith(("\t", "\r", "\n", "\0", "'")) or name.lstrip().startswith(tuple("=+-@＝＋－＠"))
