"""The table of the runs' figures, and of the options in which they differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from textual.strip import Strip

from cifar_tui.events import Epoch, RunStarted
from cifar_tui.formatting import UNKNOWN, count, duration, four_digits, of_planned, percent, printable
from cifar_tui.state.run_state import RunState
from cifar_tui.system.text_width import padded
from cifar_tui.tui.charts.drawn_runs import DrawnRun, known_options, other_data
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, cut_middle, line

NAME_COLUMNS, VALUE_COLUMNS = 22, 24
"""Columns of a run's name and of a value, at most."""
USED = ("device", "precision", "threads")
"""Options whose resolved values the run records."""
UNRESOLVED = ("auto", 0, "")
"""Their values before that, or where a script does not say them."""


def short_names(runs: Sequence[DrawnRun]) -> list[str]:
    """The runs' names in a sentence: `cnn`, or by their letters where two have the same name: `run a`."""
    apart = len({run.entry.name for run in runs}) == len(runs)
    return [run.name for run in runs] if apart else [f"run {run.letter}" for run in runs]


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table: a figure's name, and its value for each run."""

    name: str
    values: tuple[str, ...]
    best: int | None = None
    """The index of the run with the best value; None where there is none."""


def comparison(entries: Sequence[Entry]) -> list[Figure]:
    """The figures of these runs, the most important first; losses where a run has no accuracies."""
    states = [entry.state if entry.state is not None and entry.state.started is not None else None for entry in entries]
    best = [state.best if state else None for state in states]
    by_loss = [state.best_by_loss if state else None for state in states]
    tests = [state.test if state else None for state in states]
    losses: list[Figure] = []
    if any(by_loss):
        losses = [
            _figure("best val loss", [_lowest_loss(state) for state in states], four_digits, lowest=True),
            _figure("test loss", [test.loss if test else None for test in tests], four_digits, lowest=True),
        ]
    figures = [
        _figure("best val", [e.val_accuracy if e else None for e in best], percent, highest=True),
        _figure("test", [test.accuracy if test else None for test in tests], percent, highest=True),
        *losses,
        _figure("train-val gap", [e.train_accuracy - e.val_accuracy if e else None for e in best], _points),
        Figure("state", tuple(map(_state, entries))),
        *_other_data(entries),
        _figure("best epoch", [e.epoch if e else None for e in map(_either, best, by_loss)], _whole),
        _figure("1st epoch", [s.epochs[0].val_accuracy if s and s.epochs else None for s in states], percent),
        *_speeds(states),
        _figure("time", [s.seconds if s else None for s in states], duration),
        _figure("parameters", [s.started.parameters if s and s.started else None for s in states], _whole),
    ]
    return figures + _differences(entries, [state.started if state else None for state in states])


def _other_data(entries: Sequence[Entry]) -> Iterator[Figure]:
    """A row that tells apart runs on other data, or of other classes, where there are any."""
    others = other_data(entries)
    if any(others):
        yield Figure("comparable", tuple(f"no, {other}" if other else "" for other in others))


def _either(best: Epoch | None, by_loss: Epoch | None) -> Epoch | None:
    return best or by_loss


def _speeds(states: Sequence[RunState | None]) -> Iterator[Figure]:
    """A row for each unit that the runs have."""
    units = [state.started.unit if state is not None and state.started is not None else "images" for state in states]
    for unit in sorted(set(units)):
        known = [s.training_speed if s and its == unit else None for s, its in zip(states, units, strict=True)]
        yield _figure(f"{unit}/s", known, _whole if unit == "images" else four_digits)


def _lowest_loss(state: RunState | None) -> float | None:
    losses = [epoch.val_loss for epoch in state.epochs if math.isfinite(epoch.val_loss)] if state else []
    return min(losses, default=None)


def _state(entry: Entry) -> str:
    if entry.state is None and entry.folder is not None:
        return "reading…"
    if entry.state is None or entry.state.started is None:
        return entry.status
    return f"{entry.status} {of_planned(len(entry.state.epochs), entry.state.started.epochs)}"


def _points(fraction: float) -> str:
    """A difference of accuracies, with its sign."""
    return f"{100 * fraction:+.2f} %".replace("-", "−")


def _whole(number: float) -> str:
    return count(round(number))


def _figure(
    name: str,
    values: Sequence[float | None],
    shown: Callable[[float], str],
    *,
    highest: bool = False,
    lowest: bool = False,
) -> Figure:
    known = [value if value is not None and math.isfinite(value) else None for value in values]
    numbers = [value for value in known if value is not None]
    best = None
    if (highest or lowest) and len(numbers) > 1:
        best = known.index(max(numbers) if highest else min(numbers))
    return Figure(name, tuple(UNKNOWN if value is None else shown(value) for value in known), best)


def _differences(entries: Sequence[Entry], started: Sequence[RunStarted | None]) -> list[Figure]:
    """The options in which the runs differ, those that may be `auto` as they were resolved."""
    options = [known_options(entry) for entry in entries]
    for values, start in zip(options, started, strict=True):
        if start is not None:
            values |= {name: getattr(start, name) for name in USED}
        for name in [name for name in USED if values.get(name) in UNRESOLVED]:
            del values[name]
        if values.get("model_dir") is None:
            values.pop("model_dir", None)  # That a model of ours has no folder is no difference.
    names = [name for name in dict.fromkeys(name for values in options for name in values) if name != "name"]
    return [
        Figure(name.replace("_", "-"), tuple(_option(values, name) for values in options))
        for name in names
        if len({_option(values, name) for values in options if name in values}) > 1
    ]


def _option(options: dict[str, Any], name: str) -> str:
    value = options.get(name)
    if value is None:
        return UNKNOWN
    return f"{value:g}" if isinstance(value, float) else printable(str(value))


def table(runs: Sequence[DrawnRun], figures: Sequence[Figure], width: int, height: int, look: Look) -> list[Strip]:
    """A table with a row for each figure or one for each run, whichever shows more of them."""
    down = _runs_across(runs, figures, width, height, look)
    across = _runs_down(runs, figures, width, height, look)
    return max(down, across, key=lambda shown: shown[0])[1]


def _runs_across(
    runs: Sequence[DrawnRun], figures: Sequence[Figure], width: int, height: int, look: Look
) -> tuple[tuple[bool, int], list[Strip]]:
    """Whether all runs are shown, how many values are, and the table with a column for each run."""
    labels = max(len(figure.name) for figure in figures) + 1
    columns = [
        max(min(cell_len(run.text), NAME_COLUMNS), *(min(cell_len(f.values[i]), VALUE_COLUMNS) for f in figures)) + 2
        for i, run in enumerate(runs)
    ]
    shown = 0
    while shown < len(runs) and labels + sum(columns[: shown + 1]) <= width:
        shown += 1
    heads = [(_right(run.text, wide, look), run.style(look)) for run, wide in zip(runs[:shown], columns, strict=False)]
    lines: list[list[Part]] = [[" " * labels, *heads]]
    for figure in figures[: max(0, height - 1)]:
        cells: list[Part] = [(_left(figure.name, labels, look), look.dim)]
        for i in range(shown):
            text = _right(figure.values[i], columns[i], look)
            cells.append((text, look.strong) if figure.best == i else text)
        lines.append(cells)
    return (shown == len(runs), shown * (len(lines) - 1)), [line(cells, width) for cells in lines[:height]]


def _runs_down(
    runs: Sequence[DrawnRun], figures: Sequence[Figure], width: int, height: int, look: Look
) -> tuple[tuple[bool, int], list[Strip]]:
    """Whether all runs are shown, how many values are, and the table with a row for each run."""
    names = min(max(cell_len(run.text) for run in runs), NAME_COLUMNS)
    columns = [max(cell_len(f.name), *(min(cell_len(value), VALUE_COLUMNS) for value in f.values)) + 2 for f in figures]
    shown = 0
    while shown < len(figures) and names + sum(columns[: shown + 1]) <= width:
        shown += 1
    heads = [_right(f.name, wide, look) for f, wide in zip(figures[:shown], columns, strict=False)]
    lines: list[list[Part]] = [[" " * names, ("".join(heads), look.dim)]]
    rows = max(0, height - 1)
    if len(runs) > rows:
        rows = max(0, rows - 1)
    for i, run in enumerate(runs[:rows]):
        cells: list[Part] = [(_left(run.text, names, look), run.style(look))]
        for figure, wide in zip(figures[:shown], columns, strict=False):
            text = _right(figure.values[i], wide, look)
            cells.append((text, look.strong) if figure.best == i else text)
        lines.append(cells)
    if len(runs) > rows:
        lines.append([(look.text(f"… and {len(runs) - rows} more"), look.dim)])
    rows = min(rows, len(runs))
    return (rows == len(runs), shown * rows), [line(cells, width) for cells in lines[:height]]


def _left(text: str, width: int, look: Look) -> str:
    return padded(cut_middle(text, width, look), width)


def _right(text: str, width: int, look: Look) -> str:
    """The text right-aligned in so many columns, at least two of which stay empty."""
    return padded(cut_middle(text, width - 2, look), width, right=True)
