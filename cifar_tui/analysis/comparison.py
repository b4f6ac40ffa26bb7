"""Runs compared: their figures, which learns faster, and where their predictions differ. Arithmetic alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cifar_tui.analysis.calibration import Calibration, calibrate
from cifar_tui.analysis.class_scores import (
    ClassScore,
    Confusion,
    class_names,
    class_scores,
    listed,
    most_confused,
)
from cifar_tui.analysis.paired_predictions import PairedCounts, pair
from cifar_tui.analysis.predictions import Predictions
from cifar_tui.analysis.study import Reference
from cifar_tui.formatting import UNKNOWN
from cifar_tui.state.run_state import RunState
from cifar_tui.system.untrusted import codec

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the lowest of the runs' best validation accuracies, which all of them have reached."""
CONFUSED = 3
"""Pairs of confused classes that are listed of a run, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class ComparedRun:
    """A run to compare.

    Attributes:
        id: The run's id.
        state: The run as its events describe it.
        fingerprint: Identifies the images that it was trained on; empty where that is not known.
        predictions: Of its best weights for its test images; None where they are not known.
        no_predictions: Why they are not known.
    """

    id: str
    state: RunState
    fingerprint: str
    predictions: Predictions | None
    no_predictions: str = ""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """The figures of one run; None where they are not known.

    Attributes:
        label: Names the run beside the others: its model where those differ, else more of its id.
        data: The name of its dataset.
        gap: Training accuracy less validation accuracy, after the best epoch.
        best_val_loss: The lowest one, of a run without accuracies.
        images_per_second: In training, over all epochs; batches, where `unit` is `steps`.
        unit: What the run's samples are.
        seconds: Spent on the run, without pauses.
        classes: The score of each class in the test; empty without a test.
        confused: The most frequent confusions in the test.
        calibration: Of its predictions, where they are known.
    """

    id: str
    label: str
    model: str | None
    data: str | None
    state: str
    parameters: int | None
    epochs: int
    first_val_accuracy: float | None
    best_val_accuracy: float | None
    best_val_loss: float | None
    best_epoch: int | None
    gap: float | None
    test_accuracy: float | None
    test_loss: float | None
    images_per_second: float | None
    unit: str
    seconds: float
    classes: tuple[ClassScore, ...]
    confused: tuple[Confusion, ...]
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class PairComparison:
    """Two runs, the a-th and the b-th, on the same test images: on all of them, and on those of each class."""

    a: int
    b: int
    overall: PairedCounts
    classes: tuple[PairedCounts, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """When a run reached a level: the epoch, the training images seen, and the seconds without pauses, after it."""

    epoch: int
    samples: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Level:
    """A validation accuracy, and when each run of the race reached it."""

    accuracy: float
    reached: tuple[Reach, ...]


@dataclass(frozen=True, slots=True)
class Race:
    """Runs on the same data, by their indices, and when they reached which validation accuracy."""

    runs: tuple[int, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that can be compared of some runs, which are given by their index in `runs`.

    Attributes:
        races: One for each dataset that two runs or more were trained on.
        same_classes: The indices of those runs with a test result whose classes are the same.
        pairs: All pairs of runs that were tested on the same images.
        study: The figures of the reference study's models, where they are wanted.
        gaps: What cannot be compared, and why, a sentence each.
    """

    runs: tuple[RunFigures, ...]
    races: tuple[Race, ...]
    same_classes: tuple[tuple[int, ...], ...]
    pairs: tuple[PairComparison, ...]
    study: tuple[Reference, ...]
    gaps: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All figures for JSON: None in place of NaN and infinity, runs by their ids."""
        ids = [run.id for run in self.runs]
        content = codec.encode(self)
        for race in content["races"]:
            race["runs"] = [ids[n] for n in race["runs"]]
        content["same_classes"] = [[ids[n] for n in group] for group in self.same_classes]
        for each, run_pair in zip(content["pairs"], self.pairs, strict=True):
            names = [score.name for score in self.runs[run_pair.a].classes]
            each |= {"a": ids[run_pair.a], "b": ids[run_pair.b]}
            each["classes"] = [{"name": n} | c for n, c in zip(names, each["classes"], strict=True)]
        return content


def compare(compared: Sequence[ComparedRun], study: Sequence[Reference] = ()) -> Comparison:
    """Compare two runs or more as far as they can be compared."""
    runs = [_figures(each, label) for each, label in zip(compared, _labels(compared), strict=True)]
    gaps = [
        f"{run.label}: {each.no_predictions}"
        for run, each in zip(runs, compared, strict=True)
        if each.predictions is None
    ]
    pairs = []
    for a, b in itertools.combinations(range(len(runs)), 2):
        one, other = compared[a].predictions, compared[b].predictions
        if one is None or other is None:
            continue
        paired = pair(one, other)
        if paired is not None:
            pairs.append(PairComparison(a, b, paired.counts(), paired.counts_by_class(len(runs[a].classes))))
        else:
            gaps.append(
                f"{runs[a].label} and {runs[b].label} were tested on different images: "
                "their predictions cannot be compared"
            )
    learning = [n for n, each in enumerate(compared) if each.state.best is not None]
    by_data = _groups(learning, lambda n: _data(compared[n]) or n)
    if len(by_data) > 1 and not all(_data(compared[n]) for n in learning):
        gaps.append("whether all were trained on the same data is not known: a script says it by record(data=…)")
    elif len(by_data) > 1:
        gaps.append("not all were trained on the same data: their validation accuracies are not of the same images")
    tested = [n for n, run in enumerate(runs) if run.classes]
    gaps += [
        f"{runs[n].label} was not tested on CIFAR-10’s classes: the study’s figures do not apply to it"
        for n in tested
        if not all(each.is_of(score.name for score in runs[n].classes) for each in study)
    ]
    return Comparison(
        runs=tuple(runs),
        races=tuple(_race(group, compared) for group in by_data if len(group) > 1),
        same_classes=tuple(_groups(tested, lambda n: _class_key(runs[n], compared[n]))),
        pairs=tuple(pairs),
        study=tuple(study),
        gaps=tuple(gaps),
    )


def classes_that_differ(runs: Sequence[RunFigures]) -> list[int]:
    """The classes that a table of runs with the same classes has a row for: all, or those in which they differ most."""

    def spread(k: int) -> float:
        known = [run.classes[k].recall for run in runs if not math.isnan(run.classes[k].recall)]
        return max(known) - min(known) if known else math.nan

    return listed(len(runs[0].classes), spread)


def first(labels: Sequence[str], costs: Sequence[float]) -> str:
    """The label with the lowest cost; a dash where several have it."""
    lowest = min(costs)
    return labels[costs.index(lowest)] if costs.count(lowest) == 1 else UNKNOWN


def _labels(compared: Sequence[ComparedRun]) -> list[str]:
    """The shortest names that are all different: of the models, of the runs without their time, or whole ids."""
    started = [each.state.started for each in compared]
    ids = [each.id for each in compared]
    models = [start.model if start else each for start, each in zip(started, ids, strict=True)]
    names = [each.split("-", 2)[-1] for each in ids]
    return next(each for each in (models, names, ids) if len(set(each)) == len(ids) or each is ids)


def _figures(run: ComparedRun, label: str) -> RunFigures:
    state, predictions = run.state, run.predictions
    started, best, test, by_loss = state.started, state.best, state.test, state.best_by_loss
    names = class_names(started.classes, test.confusion) if started and test and test.confusion else ()
    return RunFigures(
        id=run.id,
        label=label,
        model=started.model if started else None,
        data=started.data if started else None,
        state=state.status,
        parameters=started.parameters if started else None,
        epochs=len(state.epochs),
        first_val_accuracy=state.epochs[0].val_accuracy if state.epochs else None,
        best_val_accuracy=best.val_accuracy if best else None,
        best_val_loss=by_loss.val_loss if by_loss else None,
        best_epoch=best.epoch if best else by_loss.epoch if by_loss else None,
        gap=best.train_accuracy - best.val_accuracy if best else None,
        test_accuracy=test.accuracy if test else None,
        test_loss=test.loss if test else None,
        images_per_second=state.training_speed,
        unit=started.unit if started else "images",
        seconds=state.seconds,
        classes=tuple(class_scores(test.confusion, names)) if test and names else (),
        confused=tuple(most_confused(test.confusion, names, CONFUSED)) if test and names else (),
        calibration=calibrate(predictions.confidence, predictions.correct) if predictions else None,
    )


def _class_key(figures: RunFigures, run: ComparedRun) -> Hashable:
    """What tells whether runs have the same classes: their names; numbers say nothing beyond their own data."""
    named = run.state.started is None or bool(run.state.started.classes)
    names = tuple(score.name for score in figures.classes)
    return names if named else (names, _data(run) or run.id)


def _data(run: ComparedRun) -> Hashable:
    """What tells whether runs saw the same images: of a script, what it says of them."""
    started = run.state.started
    if started is not None and started.source and started.data:
        return started.data, started.unit
    return run.fingerprint


def _race(group: tuple[int, ...], compared: Sequence[ComparedRun]) -> Race:
    states = [compared[n].state for n in group]
    common = min(state.best.val_accuracy for state in states if state.best)
    levels = [
        Level(share * common, tuple(_reach(state, share * common) for state in states))
        for share in (LEVELS if common > 0 else LEVELS[-1:])
    ]
    return Race(group, tuple(levels))


def _reach(state: RunState, accuracy: float) -> Reach:
    """When a run first reached this validation accuracy, which it did."""
    seconds = 0.0
    for epoch in state.epochs:
        seconds += epoch.seconds
        if epoch.val_accuracy >= accuracy:
            return Reach(epoch.epoch, epoch.samples, seconds)
    raise ValueError(f"a validation accuracy of {accuracy} was never reached")


def _groups(numbers: Iterable[int], key: Callable[[int], Hashable]) -> list[tuple[int, ...]]:
    groups: dict[Hashable, list[int]] = {}
    for n in numbers:
        groups.setdefault(key(n), []).append(n)
    return [tuple(group) for group in groups.values()]
