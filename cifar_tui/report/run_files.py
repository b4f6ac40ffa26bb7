"""The files of a run's folder that are made from its state: tables, pictures and the report, each replaced whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cifar_tui.analysis.calibration import calibrate
from cifar_tui.analysis.class_scores import class_names
from cifar_tui.analysis.predictions import Predictions
from cifar_tui.errors import InputError, error_text
from cifar_tui.events import Note
from cifar_tui.formatting import count, printable
from cifar_tui.records import RunRecord, ScriptRecord
from cifar_tui.report.html import is_picture, page
from cifar_tui.report.plots.calibration import draw_calibration
from cifar_tui.report.plots.confusion import draw_confusion_matrix
from cifar_tui.report.plots.curves import draw_curves
from cifar_tui.report.plots.examples import Examples, draw_examples
from cifar_tui.report.plots.fonts import missing
from cifar_tui.report.run_report import report_md
from cifar_tui.report.script_report import script_report_md
from cifar_tui.state.run_state import RunState
from cifar_tui.store import predictions as predictions_file
from cifar_tui.store.csv_files import confusion_csv, metrics_csv
from cifar_tui.store.predictions import MOST_BYTES
from cifar_tui.system.files import write_text
from cifar_tui.system.folders import Folder

REPORT, HTML = "report.md", "report.html"
MOST_REPORT, MOST_PICTURE = 8_000_000, 16_000_000
"""Bytes that a report and one of its pictures may have, to be put into a page."""
PREDICTIONS = predictions_file.FILE
OF_THE_TEST = ("predictions.png", PREDICTIONS)
"""Files that take the test images to be made; they are valid as long as the test result is."""


def write_run_files(
    folder: Path,
    record: RunRecord | ScriptRecord,
    state: RunState,
    examples: Examples | None = None,
    predictions: Predictions | None = None,
) -> list[str]:
    """Write every file that the state allows; one that fails does not stop the others, and the report names it.

    Always `metrics.csv` and `report.md`; `curves.png` from the first complete epoch on; `confusion_matrix.csv` and
    `.png` with a test result; `predictions.png` with examples and `.safetensors` with predictions, and those that are
    there stay as long as there is a test result; `calibration.png` with predictions, given or there. Files that are
    outdated since the run was resumed, such as the pictures of its former test result, are removed. `report.html` is
    written again where there is one.

    Args:
        folder: The run's folder.
        record: Its record.
        state: The run.
        examples: Some test images to show.
        predictions: For all test images.

    Returns:
        A line for each file that could not be written, which says why.
    """
    classes = state.started.classes if state.started else ()
    files, test = Folder(folder), state.test
    known = predictions or (_recorded(folder, test.epoch) if test else None)
    calibration = calibrate(known.confidence, known.correct) if known else None
    makers: dict[str, Callable[[], str | bytes]] = {}
    if state.finished is not None:
        # While the run trains, its recorder keeps it up to date.
        makers["metrics.csv"] = lambda: metrics_csv(state)
    if state.epochs:
        makers["curves.png"] = lambda: draw_curves(state)
    if test is not None and test.confusion:
        named = class_names(classes, test.confusion)
        makers["confusion_matrix.csv"] = lambda: confusion_csv(test.confusion, named)
        makers["confusion_matrix.png"] = lambda: draw_confusion_matrix(test, named)
    if calibration is not None:
        makers["calibration.png"] = lambda: draw_calibration(calibration)
    if examples is not None:
        makers["predictions.png"] = lambda: draw_examples(examples, classes)
    failures: list[str] = []
    if predictions is not None and predictions_file.too_large(predictions):
        images, k = predictions.probabilities.shape
        failures.append(
            f"{PREDICTIONS} is not written: {count(images)} images of {count(k)} classes are more than "
            f"{MOST_BYTES:,} bytes; views of single images compute the predictions again"
        )
    elif predictions is not None:
        makers[PREDICTIONS] = lambda: predictions_file.to_bytes(predictions)
    outdated = {
        "curves.png",
        "confusion_matrix.csv",
        "confusion_matrix.png",
        "calibration.png",
        *OF_THE_TEST,
    } - makers.keys()
    present: set[str] = set()
    if test is not None:
        present = {name for name in outdated.intersection(OF_THE_TEST) if files.exists(name)}
        if predictions is not None:
            present.discard(PREDICTIONS)  # It is of other weights.
        outdated -= present

    def report() -> str:
        notes = [Note(t=state.t, level="warning", message=failure) for failure in failures]
        noted = replace(state, notes=[*state.notes, *notes])
        if isinstance(record, ScriptRecord):
            return script_report_md(noted, record, present)
        return report_md(noted, record, present, calibration)

    makers[REPORT] = report
    if files.exists(HTML):
        makers[HTML] = lambda: _page(folder)
    for name in sorted(outdated):
        try:
            files.remove(name)
        except OSError as error:
            failures.append(f"{name} is outdated and could not be removed: {printable(str(error))}")
    for name, make in makers.items():
        try:
            content = make()
            files.write_bytes(name, content.encode() if isinstance(content, str) else content)
            present.add(name)
        except Exception as error:  # noqa: BLE001  whatever a plot raises, the other files are wanted
            failures.append(f"{name} could not be written: {printable(error_text(error))}")
    return failures


def missing_fonts(classes: Sequence[str]) -> str:
    """A message where no font has the characters of some classes' names; else empty."""
    try:
        return missing(classes)
    except Exception:  # noqa: BLE001  whatever matplotlib raises is reported where a picture cannot be drawn
        return ""


def write_html(folder: Path, output: Path) -> None:
    """Write the report of a run's folder as one HTML file.

    Args:
        folder: The run's folder.
        output: The file to write.

    Raises:
        InputError: There is no report, or the file cannot be written.
    """
    try:
        text = _page(folder)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InputError(f"{folder / REPORT}: cannot be read: {why}") from None
    try:
        if output.absolute().parent == folder.absolute():
            Folder(folder).write_text(output.name, text)
        else:
            write_text(output, text)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror or error}") from None


def _page(folder: Path) -> str:
    files = Folder(folder)

    def picture(name: str) -> bytes | None:
        """A picture of the folder itself, whatever a report that someone has edited may refer to."""
        if "/" in name or not name.endswith(".png"):
            return None
        try:
            content = files.read_bytes(name, MOST_PICTURE)
        except (OSError, ValueError):
            return None
        return content if is_picture(content) else None

    return page(files.read_bytes(REPORT, MOST_REPORT).decode(), picture)


def _recorded(folder: Path, epoch: int) -> Predictions | None:
    """The recorded predictions, where they are those of this epoch's weights."""
    try:
        found = predictions_file.read(folder / PREDICTIONS)
    except InputError:  # There are none, or they are damaged.
        return None
    return found if found.epoch == epoch else None
