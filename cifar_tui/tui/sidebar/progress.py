"""Progress of the selected run: epochs, speed, times and results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from textual.strip import Strip

from cifar_tui.events import RunStarted
from cifar_tui.formatting import (
    UNKNOWN,
    count,
    duration,
    four_digits,
    of_planned,
    out_of,
    percent,
    plural,
    printable,
    rate,
    time_left,
)
from cifar_tui.records import Summary
from cifar_tui.state.curve import Curve
from cifar_tui.state.run_state import RunState
from cifar_tui.system.text_width import wrapped
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.sidebar.rows import LABEL, Ranked, bar, by_rank, label
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import RunPanel
from cifar_tui.tui.widgets.lines import Row, cut, cut_middle, drawable, line, width_of

if TYPE_CHECKING:
    from cifar_tui.runs.messages import Loading

FIGURE = 8
"""Columns of the figures behind a bar."""
BAR, SHORT_BAR = 60, 10
"""The most columns of a bar, and those of the bar where there is one line."""
MOST_OF_WARNING, WARNING_LINES = 300, 3
"""Characters of what the health check has found, and lines of it."""
NAME = 20
"""The most columns of the run's name where there is one line."""
MESSAGE = 18
"""The least columns of a message where there is one line."""


class ProgressPanel(RunPanel):
    """The progress of one run: a few lines where there is room, else one."""

    def lines(self, width: int, height: int) -> list[Strip]:
        """One line, or the most important ones that fit."""
        return picture(self.entry, self.look, width, height, self.run_name)


def picture(entry: Entry | None, look: Look, width: int, height: int, name: str = "") -> list[Strip]:
    """A run's progress in `height` lines of `width` columns, or fewer; with its name where there is one line."""
    if entry is None:
        rows: list[Row] = [[("no run is selected", look.dim)]]
    elif height == 1:
        rows = [_one_line(entry, look, width, name)]
    else:
        rows = by_rank(_rows(entry, look, width), height)
    return [line([drawable(part, look) for part in row], width) for row in rows]


def status_words(entry: Entry) -> str:
    """The run's status, and what it does in particular: `running: validation`."""
    status, state = entry.status, entry.state
    if status in ("stopping", "pausing"):
        return f"{status}…" if entry.loading else f"{status} after this batch…"
    # When a script validates and tests is not known.
    if status == "running" and state is not None and state.started is not None and not state.started.source:
        if len(state.epochs) == state.started.epochs:
            return "running: test"
        if state.batch == state.started.batches and len(state.epochs) < state.epoch:
            return "running: validation"
    return status


def _one_line(entry: Entry, look: Look, width: int, name: str) -> Row:
    """The run's name, its status, and as many figures as fit."""
    parts: list[Ranked] = [(1, [(cut_middle(name, NAME, look), look.run(entry.number))])] if name else []
    parts.append((0, _status(entry, look)))
    state = entry.state
    if entry.loading is not None:
        done, amount = _loading_bar(entry.loading, SHORT_BAR, entry, look)
        parts += [(1, [printable(entry.loading.what)]), (2, [*done, " ", amount])]
    elif state is not None and state.started is not None:
        epoch = f"epoch {of_planned(state.epoch, state.started.epochs)}"
        parts.append((1, [_samples(state) if state.counts_no_epochs else epoch]))
        if entry.status not in ENDED and math.isfinite(state.progress):
            parts.append(
                (
                    2,
                    [
                        *bar(state.progress, SHORT_BAR, look.run(entry.number), look),
                        f" {_whole_percent(state.progress)}",
                    ],
                )
            )
            if math.isfinite(state.eta):
                parts.append((3, [f"{time_left(state.eta)} left"]))
        if state.warnings:
            parts.append((2, [(f"! {printable(next(reversed(state.warnings)))}", look.warning)]))
        if state.test is not None:
            known = math.isfinite(state.test.accuracy)
            shown = percent(state.test.accuracy) if known else f"loss {four_digits(state.test.loss)}"
            parts.append((2, [("test ", look.dim), (shown, look.strong)]))
        if state.best is not None:
            parts.append((4, [("best ", look.dim), (percent(state.best.val_accuracy), look.strong)]))
        elif (by_loss := state.best_by_loss) is not None:
            parts.append((4, [("best val loss ", look.dim), (four_digits(by_loss.val_loss), look.strong)]))
        parts += [(5, [_speed(state)]), (6, [(duration(state.seconds), look.dim)])]
    elif entry.summary is not None:
        if epochs := _epochs(entry.summary):
            parts.append((1, [epochs]))
        parts += [
            (2, [("best ", look.dim), (_best_of(entry.summary), look.strong)]),
            (3, [(duration(entry.summary.seconds), look.dim)]),
        ]
    row: Row = []
    for part in by_rank(parts, width + 2, lambda part: width_of(part) + 2):
        row += ["  ", *part] if row else part
    # The beginning of a message is worth having, if it is not too short.
    if entry.loading is None and width_of(row) + MESSAGE <= width:
        row += ["  ", (cut(_message(entry), width - width_of(row) - 2, look), look.dim)]
    return row


def _rows(entry: Entry, look: Look, width: int) -> list[Ranked]:
    """All rows, from top to bottom."""
    state = entry.state
    if state is not None and state.started is not None:
        return _started_rows(entry, state, state.started, look, width)
    rows: list[Ranked] = [(0, _head(entry, _epochs(entry.summary) if entry.summary else "", look, width))]
    if entry.loading is not None:
        return rows + _loading_rows(entry.loading, entry, look, width)
    if entry.summary is not None:
        best, seconds = _best_of(entry.summary), entry.summary.seconds
        rows += _message_rows(entry, look, width)
        rows += [(3, [label("time", look), duration(seconds)]), (2, [label("best", look), best])]
        return [*rows, (4, [label("test", look), percent(entry.summary.test_accuracy)])]
    rows += _message_rows(entry, look, width)
    if entry.config is not None:
        rows.append((2, [(f"{plural(entry.config.epochs, 'epoch')} of {printable(entry.config.data)}", look.dim)]))
    return rows


def _started_rows(entry: Entry, state: RunState, started: RunStarted, look: Look, width: int) -> list[Ranked]:
    ended = entry.status in ENDED
    epochs = len(state.epochs)
    planned = epochs if started.epochs is None else started.epochs
    head = f"{epochs}{out_of(started.epochs)} {plural(planned, 'epoch').split()[-1]}"
    head = head if ended else f"epoch {state.epoch}{out_of(started.epochs)}"
    head = _samples(state) if state.counts_no_epochs else head
    rows: list[Ranked] = [(0, _head(entry, head, look, width))]
    room, style = min(BAR, width - LABEL), look.run(entry.number)
    if entry.loading is not None:
        rows += _loading_rows(entry.loading, entry, look, width)
    elif ended:
        rows += _message_rows(entry, look, width)
    elif started.batches:
        batches = f" {of_planned(state.batch, started.batches)}".rjust(FIGURE)
        done = bar(state.batch / started.batches, room - len(batches), style, look)
        rows.append((3, [label("epoch", look), *done, batches]))
    elif state.batch:
        rows.append((3, [label("epoch", look), f"batch {count(state.batch)}"]))
    if entry.status != "finished" and math.isfinite(state.progress):
        done = bar(state.progress, room - FIGURE, style, look)
        rows.append((1, [label("run", look), *done, f" {_whole_percent(state.progress)}".rjust(FIGURE)]))
    rows += _warning_rows(state, look, width)
    left: Row = [] if ended or not math.isfinite(state.eta) else [f", {time_left(state.eta)} left"]
    rows.append((2, [label("time", look), duration(state.seconds), *left]))
    rows.append((5, [label("speed", look), _speed(state)]))
    if state.best is not None:
        best = f" in epoch {state.best.epoch}"
        rows.append((4, [label("best", look), (percent(state.best.val_accuracy), look.strong), best]))
    elif (by_loss := state.best_by_loss) is not None:
        lowest = (four_digits(by_loss.val_loss), look.strong)
        rows.append((4, [label("best", look), "val loss ", lowest, f" in epoch {by_loss.epoch}"]))
    results: list[tuple[int, str, float, float]] = []
    if state.test is not None:
        results.append((3, "test", state.test.loss, state.test.accuracy))
    if state.epochs:
        last = state.epochs[-1]
        results.append((6, "train", last.train_loss, last.train_accuracy))
        results.append((7, "val", last.val_loss, last.val_accuracy))
    else:
        results.append((6, "train", _mean(state.batch_loss), _mean(state.batch_accuracy)))
    for rank, name, loss, accuracy in results:
        # What a script does not measure is no row, nor a part of one.
        if not started.source or math.isfinite(accuracy):
            rows.append((rank, _result(name, loss, accuracy, look)))
        elif math.isfinite(loss):
            rows.append((rank, [label(name, look), ("loss ", look.dim), four_digits(loss)]))
    return rows


def _loading_rows(loading: Loading, entry: Entry, look: Look, width: int) -> list[Ranked]:
    done, amount = _loading_bar(loading, min(BAR, width) - 22, entry, look)
    return [(1, [printable(loading.what)]), (1, [*done, " ", amount] if done else [amount])]


def _message_rows(entry: Entry, look: Look, width: int) -> list[Ranked]:
    style = look.bad if entry.status in ("failed", "diverged") else look.dim
    return [(1 + n, [(text, style)]) for n, text in enumerate(wrapped(_message(entry), width))]


def _warning_rows(state: RunState, look: Look, width: int) -> list[Ranked]:
    """What the health check has found last and is not over: the figure; what to do about it is in the log."""
    if not state.warnings:
        return []
    newest = next(reversed(state.warnings.values()))
    lines = wrapped(f"! {printable(newest.message[:MOST_OF_WARNING].partition(';')[0])}", width)
    if len(lines) > WARNING_LINES:
        lines[WARNING_LINES - 1 :] = [cut(f"{lines[WARNING_LINES - 1]} {lines[WARNING_LINES]}", width, look)]
    return [(3, [(text, look.warning)]) for text in lines]


def _head(entry: Entry, right: str, look: Look, width: int) -> Row:
    status = _status(entry, look)
    gap = width - width_of(status) - len(right)
    return [*status, " " * gap, right] if gap >= 2 else status


def _status(entry: Entry, look: Look) -> Row:
    return [(f"{look.glyph(entry.status)} {status_words(entry)}", look.status(entry.status) + look.strong)]


def _message(entry: Entry) -> str:
    """What explains its status."""
    if entry.error:
        return printable(entry.error)
    if entry.state is not None and entry.state.finished is not None:
        return printable(entry.state.finished.message)
    if entry.status == "ready":
        return "press s to start"
    return printable((entry.summary and entry.summary.message) or "")


def _epochs(summary: Summary) -> str:
    if summary.epochs is None and summary.planned_epochs is None:
        return ""
    if summary.source and summary.planned_epochs is None:
        return plural(summary.epochs or 0, "epoch")
    done, planned = (UNKNOWN if n is None else str(n) for n in (summary.epochs, summary.planned_epochs))
    return f"{done} of {planned} epochs"


def _best_of(summary: Summary) -> str:
    """The best validation accuracy, or the lowest loss of a run without accuracies."""
    if summary.best_val_accuracy is None and summary.best_val_loss is not None:
        return f"val loss {four_digits(summary.best_val_loss)}"
    return percent(summary.best_val_accuracy)


def _samples(state: RunState) -> str:
    """How far a run is of which that is all that is known: `12,800 steps`."""
    return f"{count(state.samples)} {state.started.unit if state.started else 'images'}"


def _result(name: str, loss: float, accuracy: float, look: Look) -> Row:
    shown = f"{loss:.4f}" if math.isfinite(loss) else UNKNOWN
    return [label(name, look), percent(accuracy).ljust(9), ("loss ", look.dim), shown]


def _loading_bar(loading: Loading, width: int, entry: Entry, look: Look) -> tuple[Row, str]:
    """A bar, and its amount in words; no bar where the total is not known."""
    # Only downloads are counted in bytes.
    fetched = loading.what.startswith("fetching")
    if loading.total <= 0:
        amount = f"{loading.done / 1e6:.1f} MB" if fetched else count(loading.done)
        return [], amount if loading.done else ""
    share = loading.done / loading.total
    amount = f"{loading.done / 1e6:.1f} of {loading.total / 1e6:.1f} MB" if fetched else _whole_percent(share)
    return bar(share, width, look.run(entry.number), look), amount


def _speed(state: RunState) -> str:
    """To three digits: the others change with every batch."""
    speed = state.images_per_second if state.finished is None else state.training_speed or state.images_per_second
    return rate(speed, state.started.unit if state.started else "images")


def _whole_percent(share: float) -> str:
    """Rounded down, so that 100 % means done."""
    return f"{math.floor(100 * min(1.0, max(0.0, share)))} %"


def _mean(curve: Curve) -> float:
    """The mean of the finite values of a curve; NaN where there are none."""
    points = [point for point in curve.points if math.isfinite(point.mean)]
    images = sum(point.count for point in points)
    return sum(point.mean * point.count for point in points) / images if images else math.nan
