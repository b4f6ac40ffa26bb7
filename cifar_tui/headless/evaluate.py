"""`cifar-tui evaluate`: a run's best weights evaluated on its test images."""

from __future__ import annotations

import json

from cifar_tui.formatting import percent, plural, printable
from cifar_tui.headless.displays import PlainDisplay
from cifar_tui.headless.tables import classes_table, console
from cifar_tui.records import Overrides
from cifar_tui.runs.inference.evaluation import evaluate
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import output


def evaluate_run(folder: RunFolder, overrides: Overrides, *, as_json: bool) -> None:
    """Print the test loss and accuracy, and the accuracy of each class.

    Args:
        folder: The run.
        overrides: Overrides of what it was made with.
        as_json: Print them as one JSON object.

    Raises:
        InputError: The run has no best checkpoint, or its images or its device are unusable.
        CifarTuiError: Its images could not be read.
    """
    test, classes = evaluate(folder, PlainDisplay().progress, overrides)
    if as_json:
        result = {
            "id": folder.id,
            "epoch": test.epoch,
            "test_loss": test.loss,
            "test_accuracy": test.accuracy,
            "classes": classes,
            "confusion_matrix": list(test.confusion),
        }
        output.line(json.dumps(result))
        return
    images = test.confusion.images
    output.line(
        f"{printable(folder.id)}, weights of epoch {test.epoch}: test accuracy {percent(test.accuracy)},"
        f" loss {test.loss:.4f} on {plural(images, 'image')}"
    )
    out = console()
    out.print(classes_table(test.confusion, classes, out.width))
