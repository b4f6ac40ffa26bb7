"""Tables of runs, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cifar_tui.analysis.class_scores import class_scores, listed
from cifar_tui.analysis.study import Reference
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.formatting import UNKNOWN, count, devices, duration, four_digits, percent, printable, rate, speed
from cifar_tui.records import Labels, Summary
from cifar_tui.state.run_state import RunState
from cifar_tui.system import output
from cifar_tui.system.text_width import LONGEST, cut, padded

PLAIN_WIDTH = 160
"""Columns of a table that goes to a file."""
MOST_IN_CELL = 80
"""Columns of a value."""
MOST_OF_NOTE = 30
"""Likewise, of a note: `cifar-tui note` prints it whole."""
LEAST_IN_CELL = 12
"""Columns that a column of words keeps where there is no room for the table."""
GAP = "  "
WORDS = ("run", "state", "model", "data", "devices", "class", "most confused with", "health", "tags", "note")
"""The columns that hold words; the others hold numbers."""
WHOLE = ("run",)
"""Those of them that people copy, which are never cut."""


def comparison_table(
    states: Sequence[RunState],
    width: int = PLAIN_WIDTH,
    labels: Sequence[str] | None = None,
    study: Sequence[Reference] = (),
) -> Text:
    """Runs side by side, a row each: the figures that the reference protocol compares.

    Args:
        states: The runs.
        width: Columns that there are.
        labels: What they are called, where that is not by their models.
        study: What the reference study reports, a row for each of its models.
    """
    named = labels or [s.started.model if s.started else UNKNOWN for s in states]
    lowest = [s.best_by_loss for s in states]
    columns: dict[str, list[object]] = {
        "model": [*named, *(f"study’s {each.model}" for each in study)],
        "params": [_parameters(s) for s in states],
        "epochs": [count(len(s.epochs)) for s in states],
        "1st epoch": [
            *(percent(s.epochs[0].val_accuracy if s.epochs else None) for s in states),
            *(percent(each.first_val_accuracy) for each in study),
        ],
        "best": [percent(s.best.val_accuracy if s.best else None) for s in states],
        **({"val loss": [four_digits(e.val_loss) if e else None for e in lowest]} if any(lowest) else {}),
        "test": [
            *(percent(s.test.accuracy if s.test else None) for s in states),
            *(percent(each.test_accuracy) for each in study),
        ],
        "gap": [percent(s.best.train_accuracy - s.best.val_accuracy if s.best else None) for s in states],
        "images/s": [_speed(s.training_speed, s.started.unit if s.started else "images") for s in states],
        "time": [duration(s.seconds) for s in states],
    }
    rows = len(states) + len(study)
    whole = {head: [cell(value) for value in (*cells, *[None] * rows)][:rows] for head, cells in columns.items()}
    table = fit_table(whole, ("params", "epochs", "images/s", "time"), width)
    table.append("\n1st epoch, best: validation; gap: training − validation in the best epoch", "dim")
    if any(lowest):
        table.append("; val loss: the lowest, of a run without accuracies", "dim")
    return table


def runs_table(
    summaries: Sequence[Summary], width: int = PLAIN_WIDTH, labels: Mapping[str, Labels] = MappingProxyType({})
) -> Text:
    """Runs, a row each; what they computed on, where one of them had several processes.

    Args:
        summaries: The runs.
        width: Columns that there are.
        labels: Their tags and notes by their ids, of those that have any.
    """
    columns = {
        "run": [cell(s.id, 300) for s in summaries],
        "state": [cell(s.state) for s in summaries],
        "model": [cell(s.model) for s in summaries],
        "data": [cell((s.data and s.data.rpartition("/")[2]) or None) for s in summaries],
        "epochs": [_epochs(s) for s in summaries],
        "best": [cell(_best(s)) for s in summaries],
        "test": [cell(percent(s.test_accuracy)) for s in summaries],
        "images/s": [cell(_speed(s.images_per_second, s.unit or "images")) for s in summaries],
        "time": [cell(duration(s.seconds)) for s in summaries],
    }
    if any((s.processes or 1) > 1 for s in summaries):
        columns["devices"] = [cell(s.device and devices(s.device, s.processes or 1, s.hosts or 1)) for s in summaries]
    if any(s.warnings for s in summaries):
        columns["health"] = [", ".join(map(cell, s.warnings or ())) for s in summaries]
    known = [labels.get(s.id, Labels()) for s in summaries]
    marks = {"tags": [_tags(each) for each in known], "note": [cell(each.note, MOST_OF_NOTE) for each in known]}
    columns |= {head: cells for head, cells in marks.items() if any(cells)}
    return fit_table(columns, ("note", "devices", "images/s", "data", "time", "model", "best"), width)


def _tags(labels: Labels) -> str:
    return cell(" ".join([*labels.tags, *labels.states]))


def _epochs(summary: Summary) -> str:
    """Whole epochs of those that are planned, where anybody has said how many."""
    done = cell(summary.epochs)
    if summary.source and not summary.planned_epochs and not summary.epochs and summary.samples:
        return f"{count(summary.samples)} {summary.unit or 'images'}"
    return done if summary.source and summary.planned_epochs is None else f"{done}/{cell(summary.planned_epochs)}"


def _best(summary: Summary) -> str:
    """The best validation accuracy, or the lowest loss of a run without accuracies."""
    if summary.best_val_accuracy is None and summary.best_val_loss is not None:
        return f"loss {four_digits(summary.best_val_loss)}"
    return percent(summary.best_val_accuracy)


def _speed(per_second: float | None, unit: str) -> str:
    """Images a second; where the size of a batch is not known, steps a second, which is said."""
    return speed(per_second) if per_second is None or unit == "images" else rate(per_second, unit)


def classes_table(matrix: ConfusionMatrix, classes: Sequence[str], width: int = PLAIN_WIDTH) -> Text:
    """Each class's images, its accuracy, and the class that its images are most often wrongly predicted as.

    Of many classes, those with the lowest accuracy.
    """
    every = class_scores(matrix, classes)
    shown = listed(len(every), lambda k: -every[k].recall)
    scores = [every[k] for k in shown]
    columns = {
        "class": [cell(score.name) for score in scores],
        "images": [cell(count(score.images)) for score in scores],
        "right": [cell(count(score.right)) for score in scores],
        "accuracy": [cell(percent(score.recall)) for score in scores],
        "most confused with": [_most_confused_with(matrix, classes, k) for k in shown],
    }
    table = fit_table(columns, ("images", "right"), width)
    if len(shown) < len(every):
        table.append(f"\nthe {len(shown)} of {count(len(every))} classes with the lowest accuracy", "dim")
    return table


def _most_confused_with(matrix: ConfusionMatrix, classes: Sequence[str], true: int) -> str:
    wrong = [(number, -column) for column, number in matrix.row(true) if column != true]
    number, column = max(wrong, default=(0, 0))
    return f"{cell(classes[-column], MOST_IN_CELL // 2)} ({count(number)})" if number else ""


def cell(value: object, most: int = MOST_IN_CELL) -> str:
    """A value from an untrusted file: printable, and cut to so many columns."""
    text = UNKNOWN if value is None else str(value)
    return cut(printable(text[: LONGEST * most]), most)


def console() -> Console:
    """Standard output at the terminal's width; where there is none, wide and without colours."""
    out = output.stream()
    found = Console(file=out, highlight=False)
    return found if found.is_terminal else Console(file=out, width=PLAIN_WIDTH, color_system=None)


def fit_table(
    columns: dict[str, list[str]], dispensable: Sequence[str], width: int, words: Sequence[str] = WORDS
) -> Text:
    """A table of these columns; where it is too wide, those of them that are `dispensable` are left out, in its order.

    Those in `words` are left-aligned, the others right-aligned; where it is still too wide, the longest words are cut.

    Rich's own table takes two milliseconds for a row of it, and there may be a thousand rows.
    """
    widths = {head: max(map(cell_len, (head, *column))) for head, column in columns.items()}
    for name in dispensable:
        if sum(widths.values()) + len(GAP) * (len(widths) - 1) <= width:
            break
        widths.pop(name, None)
    cuttable = [head for head in widths if head in words and head not in WHOLE]
    excess = sum(widths.values()) + len(GAP) * (len(widths) - 1) - width
    while excess > 0 and cuttable and widths[widest := max(cuttable, key=widths.__getitem__)] > LEAST_IN_CELL:
        widths[widest] -= 1
        excess -= 1
    drawn = [
        [
            padded(cut(text, size) if head in cuttable else text, size, right=head not in words)
            for text in (head, *columns[head])
        ]
        for head, size in widths.items()
    ]
    heads, *rows = [GAP.join(row) for row in zip(*drawn, strict=True)]
    # The same length in cells as every row.
    rule = "─" * cell_len(heads)
    return Text("\n".join(line.rstrip() for line in (heads, rule, *rows)))


def _parameters(state: RunState) -> str | None:
    started = state.started
    return None if started is None or started.parameters is None else count(started.parameters)
