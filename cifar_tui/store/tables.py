"""The run folder's CSV files: the learning curves and the confusion matrix, in full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from cifar_tui.events import ConfusionMatrix
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


def metrics_csv(state: RunState) -> str:
    """A header and a row for each whole epoch; floats as `repr` writes them, so `float` reads them back exactly."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(METRICS)
    writer.writerows([getattr(epoch, name) for name in METRICS] for epoch in state.epochs)
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
