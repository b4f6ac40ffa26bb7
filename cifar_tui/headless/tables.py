"""Tables of runs, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cifar_tui.analysis import class_scores, most_confused
from cifar_tui.events import ConfusionMatrix
from cifar_tui.state import RunState
from cifar_tui.text import UNKNOWN, count, duration, percent, printable

PLAIN_WIDTH = 160
"""Columns of a table that goes to a file."""


def comparison_table(states: Sequence[RunState]) -> Table:
    """Runs side by side, a row each: the figures that the reference protocol compares."""
    table = _table("model", "parameters", "epochs", "first epoch", "best", "test", "gap", "images/s", "time")
    for state in states:
        first, best = (state.epochs[0] if state.epochs else None), state.best
        table.add_row(
            Text(printable(state.started.model) if state.started else UNKNOWN),
            count(state.started.parameters) if state.started else UNKNOWN,
            count(len(state.epochs)),
            percent(first.val_accuracy if first else None),
            percent(best.val_accuracy if best else None),
            percent(state.test.accuracy if state.test else None),
            percent(best.train_accuracy - best.val_accuracy if best else None),
            _speed(state.training_speed),
            duration(state.seconds),
        )
    table.caption = (
        "first epoch and best: validation accuracy; gap: training less validation accuracy in the best epoch"
    )
    return table


def runs_table(summaries: Sequence[dict[str, Any]]) -> Table:
    """All runs, a row each."""
    table = _table("run", "state", "model", "data", "epochs", "best", "test", "images/s", "time", left=4)
    for summary in summaries:
        get = summary.get
        table.add_row(
            Text(printable(str(get("id", UNKNOWN)))),
            Text(printable(str(get("state", UNKNOWN)))),
            Text(printable(str(get("model", UNKNOWN)))),
            Text(printable(str(get("data", UNKNOWN)))),
            Text(f"{get('epochs', UNKNOWN)}/{get('planned_epochs', UNKNOWN)}"),
            percent(_number(get("best_val_accuracy"))),
            percent(_number(get("test_accuracy"))),
            _speed(_number(get("images_per_second"))),
            duration(_number(get("seconds"))),
        )
    return table


def classes_table(matrix: ConfusionMatrix, classes: Sequence[str]) -> Table:
    """Each class's images, the share of them that was got right, and what they were taken for most often."""
    table = _table("class", "images", "right", "accuracy", "most taken for")
    table.columns[-1].justify = "left"
    for score in class_scores(matrix, classes):
        confused = [pair for pair in most_confused(matrix, classes, len(classes) ** 2) if pair.true == score.name]
        table.add_row(
            Text(printable(score.name)),
            count(score.images),
            count(score.right),
            percent(score.recall),
            Text(f"{printable(confused[0].predicted)} ({count(confused[0].count)})" if confused else ""),
        )
    return table


def print_table(table: Table) -> None:
    """Print on standard output: at the terminal's width, or at full width without colours where there is none."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH, color_system=None)
    console.print(table)


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, caption_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", overflow="fold")
    return table


def _speed(images_per_second: float | None) -> str:
    return UNKNOWN if images_per_second is None else count(round(images_per_second))


def _number(value: object) -> float | None:
    """A damaged summary may hold anything."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
