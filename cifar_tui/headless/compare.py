"""`cifar-tui compare`: runs compared, on a terminal, as JSON, and as a report."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cifar_tui.analysis.class_scores import listed
from cifar_tui.analysis.comparison import (
    ComparedRun,
    Comparison,
    PairComparison,
    Race,
    Reach,
    classes_that_differ,
    compare,
    first,
)
from cifar_tui.analysis.study import STUDY
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.formatting import count, duration, percent, points, printable, probability
from cifar_tui.headless.displays import PlainDisplay
from cifar_tui.headless.tables import cell, comparison_table, console, fit_table
from cifar_tui.report import comparison_files
from cifar_tui.report.run_files import missing_fonts
from cifar_tui.runs.inference.evaluation import predictions
from cifar_tui.runs.messages import ProgressCallback
from cifar_tui.state.run_state import RunState
from cifar_tui.store import catalog
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import output

# Heads of columns. Each has a space, which no run's label has.
LEVEL = "val accuracy"
CLASS = "test class"
FIRST = ("first in images", "first in time")


def compare_runs(folders: Sequence[RunFolder], *, as_json: bool, study: bool, report: Path | None) -> None:
    """Print how runs differ, and write a report where one is wanted; nothing in their folders is changed.

    Args:
        folders: The runs, two or more.
        as_json: Print all figures as one JSON object.
        study: Show the reference study's figures beside them.
        report: The Markdown or HTML file to write.

    Raises:
        InputError: There are not two different runs, what one has recorded is damaged, or the report cannot be written.
    """
    if len({folder.path.resolve() for folder in folders}) < max(2, len(folders)):
        raise InputError("compare takes two different runs or more; `cifar-tui runs` lists them")
    if report is not None:
        comparison_files.check(report)
    progress = PlainDisplay().progress
    found = [_read(each, progress) for each in folders]
    comparison = compare(found, STUDY if study else ())
    states = [each.state for each in found]
    if report is not None:
        comparison_files.write(report, comparison, states)
        if missing := missing_fonts([name for each in states if each.started for name in each.started.classes]):
            print(f"cifar-tui: {missing}", file=sys.stderr)
    if as_json:
        output.line(json.dumps(comparison.to_dict()))
        return
    _print(comparison, states, console())
    if report is not None:
        output.line(f"\nwritten to {printable(str(report))}")


def _read(folder: RunFolder, progress: ProgressCallback) -> ComparedRun:
    """A run and its predictions: as recorded, or computed now where they are not."""
    # A record that is damaged otherwise, or of a newer version, leaves the results.
    state, fingerprint = catalog.live_state(folder), folder.read_fingerprint()
    if state.started is not None and state.started.source:
        why = f"predictions for single images are not recorded by a {state.started.source[:100]}"
        return ComparedRun(folder.id, state, fingerprint, None, why)
    if state.test is None:
        return ComparedRun(folder.id, state, fingerprint, None, f"no test result; the run is {state.status}")
    try:
        return ComparedRun(folder.id, state, fingerprint, predictions(folder, progress, run_classes=False))
    except CifarTuiError as error:
        why = f"its predictions for the test images are not known: {error}"
        return ComparedRun(folder.id, state, fingerprint, None, why)


def _print(comparison: Comparison, states: Sequence[RunState], out: Console) -> None:
    labels = [run.label for run in comparison.runs]
    out.print(comparison_table(states, out.width, labels, comparison.study))
    for race in comparison.races:
        out.print()
        out.print(_race_lines(race, comparison, out.width), soft_wrap=True)
    for group in comparison.same_classes:
        if len(group) > 1 or comparison.study:
            out.print()
            _print_classes(group, comparison, out)
    for pair in comparison.pairs:
        out.print()
        _print_pair(pair, comparison, out)
    for gap in comparison.gaps:
        print(f"cifar-tui: {printable(gap)}", file=sys.stderr)


def _race_lines(race: Race, comparison: Comparison, width: int) -> Text:
    """When each run first reached a validation accuracy: a column for each run, or, where that is too wide, a row."""
    labels = [printable(comparison.runs[n].label) for n in race.runs]
    unit = comparison.runs[race.runs[0]].unit
    columns = {LEVEL: [percent(level.accuracy) for level in race.levels]}
    for n, label in enumerate(labels):
        columns[label] = [_reach(level.reached[n], unit) for level in race.levels]
    firsts = (f"first in {unit}", FIRST[1])
    for head, cost in zip(firsts, ("samples", "seconds"), strict=True):
        columns[head] = [first(labels, [getattr(each, cost) for each in level.reached]) for level in race.levels]
    beside = fit_table(columns, firsts, width, firsts)
    if max(map(cell_len, beside.plain.splitlines())) <= width:
        return beside
    rows = [(level, label, reach) for level in race.levels for label, reach in zip(labels, level.reached, strict=True)]
    columns = {
        LEVEL: [percent(level.accuracy) if label == labels[0] else "" for level, label, _ in rows],
        "run": [label for _, label, _ in rows],
        "epoch": [count(reach.epoch) for _, _, reach in rows],
        unit: [count(reach.samples) for _, _, reach in rows],
        "time": [duration(reach.seconds) for _, _, reach in rows],
    }
    return fit_table(columns, (), width)


def _reach(reach: Reach, unit: str) -> str:
    return f"epoch {reach.epoch}, {count(reach.samples)} {unit}, {duration(reach.seconds)}"


def _print_classes(group: Sequence[int], comparison: Comparison, out: Console) -> None:
    shown = classes_that_differ([comparison.runs[n] for n in group])
    scores = [[comparison.runs[n].classes[k] for k in shown] for n in group]
    columns = {CLASS: [cell(score.name) for score in scores[0]]}
    for n, mine in zip(group, scores, strict=True):
        columns[printable(comparison.runs[n].label)] = [percent(score.recall) for score in mine]
    study = [each for each in comparison.study if any(each.recall(score.name) is not None for score in scores[0])]
    for each in study:
        columns[f"study’s {each.model}"] = [percent(each.recall(score.name)) for score in scores[0]]
    out.print(fit_table(columns, (), out.width, (CLASS,)), soft_wrap=True)
    _print_only(len(shown), len(comparison.runs[group[0]].classes))
    mistakes = {
        comparison.runs[n].label: [(each.true, each.predicted, each.count) for each in comparison.runs[n].confused]
        for n in group
    }
    for label, pairs in [*mistakes.items(), *((f"study’s {each.model}", each.confused) for each in study)]:
        named = [f"{printable(true)} as {printable(predicted)} ({count(n)})" for true, predicted, n in pairs]
        if named:
            output.line(f"{printable(label)} predicted {', '.join(named)}")


def _print_pair(pair: PairComparison, comparison: Comparison, out: Console) -> None:
    a, b = (printable(comparison.runs[n].label) for n in (pair.a, pair.b))
    whole = pair.overall
    output.line(
        f"{a} and {b} on the same {count(whole.images)} test images: both right {count(whole.both)}, only {a} "
        f"{count(whole.only_a)}, only {b} {count(whole.only_b)}, neither {count(whole.neither)}"
    )
    output.line(
        f"accuracy {a} − {b}: {points(whole.difference)} (95 % interval {points(whole.low)} to {points(whole.high)}); "
        f"McNemar’s exact test: {probability(whole.p_value)}"
    )
    shown = listed(len(pair.classes), lambda k: abs(pair.classes[k].difference))
    classes = [pair.classes[k] for k in shown]
    columns = {
        CLASS: [cell(comparison.runs[pair.a].classes[k].name) for k in shown],
        "images": [count(each.images) for each in classes],
        "both": [count(each.both) for each in classes],
        f"only {a}": [count(each.only_a) for each in classes],
        f"only {b}": [count(each.only_b) for each in classes],
        "neither": [count(each.neither) for each in classes],
        f"{a} − {b}": [points(each.difference) for each in classes],
        "95 % interval": [f"{points(each.low)} to {points(each.high)}" for each in classes],
    }
    out.print(fit_table(columns, ("images", "neither", "both"), out.width, (CLASS,)), soft_wrap=True)
    _print_only(len(shown), len(pair.classes))


def _print_only(shown: int, every: int) -> None:
    if shown < every:
        output.line(f"the {shown} of {count(every)} classes that differ most; all: --json")
