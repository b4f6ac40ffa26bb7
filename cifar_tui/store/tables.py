"""The run folder's CSV files: the learning curves and the confusion matrix, in full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from cifar_tui.events import AnyEvent, Batch, ConfusionMatrix, Resumed, RunStarted
from cifar_tui.state import RunState

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


def metrics_csv(state: RunState) -> str:
    """A header and a row for each whole epoch; floats as `repr` writes them, so `float` reads them back exactly."""
    return _table(METRICS, state.epochs)


def batches_csv(events: Iterable[AnyEvent]) -> str:
    """Likewise a row for each batch that was recorded, which are ten a second at most.

    Args:
        events: The run's stream. What was trained once more after a crash has its last rows alone.
    """
    batches: list[Batch] = []
    for event in events:
        if isinstance(event, Batch):
            batches.append(event)
        elif isinstance(event, RunStarted | Resumed):
            begins = event.samples if isinstance(event, Resumed) else 0
            while batches and batches[-1].samples > begins:
                batches.pop()
    return _table(BATCHES, batches)


def _table(columns: Sequence[str], rows: Iterable[object]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([getattr(row, name) for name in columns] for row in rows)
    return buffer.getvalue()


def confusion_csv(matrix: ConfusionMatrix, classes: Sequence[str]) -> str:
    """Counts with class names on both sides, the true classes down, the predicted ones across.

    Args:
        matrix: (K, K) counts.
        classes: K names, kept as they are, whatever characters they hold.
    """
    buffer = io.StringIO()
    # All names in quotes: the csv module of Python 3.11 and 3.12 would leave a carriage return bare.
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(["true / predicted", *classes])
    writer.writerows([name, *row] for name, row in zip(classes, matrix, strict=True))
    return buffer.getvalue()
