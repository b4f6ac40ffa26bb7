"""Runs against each other: their figures, who learns faster, and where their answers differ. Arithmetic alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cifar_tui.analysis.calibration import Calibration, calibrate
from cifar_tui.analysis.class_scores import ClassScore, Confusion, class_scores, listed, most_confused
from cifar_tui.analysis.paired import Paired, pair
from cifar_tui.analysis.study import Reference
from cifar_tui.formatting import UNKNOWN
from cifar_tui.state import RunState

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the lowest of the runs' best validation accuracies: what all of them have reached."""
CONFUSED = 3
"""The most pairs of confused classes that are listed of a run."""


class Answered(Protocol):
    """A model's answers on N test images, in order."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,); the true classes."""

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,); the classes that it answers with."""

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(N,); their probabilities."""

    @property
    def fingerprint(self) -> str:
        """Which images these are."""


@dataclass(frozen=True, slots=True, eq=False)
class Contestant:
    """A run that is to be compared.

    Attributes:
        id: The run's.
        state: What its events come to.
        fingerprint: Which images it was trained on; empty where that is not known.
        answers: Of its best weights on its test images, where they are known.
        why_not: Why they are not.
    """

    id: str
    state: RunState
    fingerprint: str
    answers: Answered | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is said of one run; what is not known is None.

    Attributes:
        label: What the run is called beside the others: its model where those differ, else more of its id.
        data: The name of its dataset.
        gap: Training accuracy less validation accuracy, after the best epoch.
        images_per_second: In training, over all epochs.
        seconds: Spent on the run, without pauses.
        classes: How each class fared in the test; empty without a test.
        confused: The most frequent confusions in the test.
        calibration: Of its answers, where they are known.
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
    best_epoch: int | None
    gap: float | None
    test_accuracy: float | None
    test_loss: float | None
    images_per_second: float | None
    seconds: float
    classes: tuple[ClassScore, ...]
    confused: tuple[Confusion, ...]
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs, the a-th and the b-th, on the same test images: on all of them, and on each class's."""

    a: int
    b: int
    overall: Paired
    classes: tuple[Paired, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """When a run reached a level: after which epoch, so many training images, and so many seconds without pauses."""

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
    """Runs on the same data, by their numbers, and when they reached which validation accuracy."""

    runs: tuple[int, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that can be compared of some runs, which go by their number.

    Attributes:
        races: One for each dataset that two runs or more were trained on.
        same_classes: The numbers of those runs with a test result whose classes are the same.
        pairs: Of those runs that were tested on the same images.
        study: What the reference study's models came to, where that is asked for.
        gaps: What cannot be compared, and why, a sentence each.
    """

    runs: tuple[Figures, ...]
    races: tuple[Race, ...]
    same_classes: tuple[tuple[int, ...], ...]
    pairs: tuple[Pair, ...]
    study: tuple[Reference, ...]
    gaps: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them: numbers that are none are None, and runs go by their ids."""
        ids = [run.id for run in self.runs]
        content: dict[str, Any] = _plain(asdict(self))
        for race in content["races"]:
            race["runs"] = [ids[n] for n in race["runs"]]
        content["same_classes"] = [[ids[n] for n in group] for group in self.same_classes]
        for each, two in zip(content["pairs"], self.pairs, strict=True):
            names = [score.name for score in self.runs[two.a].classes]
            each |= {"a": ids[two.a], "b": ids[two.b]}
            each["classes"] = [{"name": n} | c for n, c in zip(names, each["classes"], strict=True)]
        return content


def compare(contestants: Sequence[Contestant], study: Sequence[Reference] = ()) -> Comparison:
    """Compare two runs or more as far as they can be compared."""
    runs = [_figures(each, label) for each, label in zip(contestants, _labels(contestants), strict=True)]
    gaps = [f"{run.label}: {each.why_not}" for run, each in zip(runs, contestants, strict=True) if each.answers is None]
    pairs = []
    for a, b in itertools.combinations(range(len(runs)), 2):
        one, other = contestants[a].answers, contestants[b].answers
        if one is None or other is None:
            continue
        if same_images(one, other):
            pairs.append(_pair(a, b, one, other, runs[a].classes))
        else:
            gaps.append(
                f"{runs[a].label} and {runs[b].label} were tested on different images: their answers cannot be compared"
            )
    learning = [n for n, each in enumerate(contestants) if each.state.best is not None]
    by_data = _groups(learning, lambda n: contestants[n].fingerprint or n)
    if len(by_data) > 1:
        gaps.append("not all were trained on the same data: their validation accuracies are not of the same images")
    tested = [n for n, run in enumerate(runs) if run.classes]
    gaps += [
        f"{runs[n].label} was not tested on CIFAR-10’s classes: the study’s figures are no measure for it"
        for n in tested
        if not all(each.is_of(score.name for score in runs[n].classes) for each in study)
    ]
    return Comparison(
        runs=tuple(runs),
        races=tuple(_race(group, contestants) for group in by_data if len(group) > 1),
        same_classes=tuple(_groups(tested, lambda n: tuple(score.name for score in runs[n].classes))),
        pairs=tuple(pairs),
        study=tuple(study),
        gaps=tuple(gaps),
    )


def same_images(a: Answered, b: Answered) -> bool:
    """Whether two models answered on the same test images."""
    return a.fingerprint == b.fingerprint and np.array_equal(a.labels, b.labels)


def classes_that_differ(runs: Sequence[Figures]) -> list[int]:
    """The classes of runs with the same ones that a table has a row for: all, or those that the runs differ in most."""

    def spread(k: int) -> float:
        known = [run.classes[k].recall for run in runs if not math.isnan(run.classes[k].recall)]
        return max(known) - min(known) if known else math.nan

    return listed(len(runs[0].classes), spread)


def first(labels: Sequence[str], costs: Sequence[float]) -> str:
    """Who has the lowest cost; a dash where several have."""
    lowest = min(costs)
    return labels[costs.index(lowest)] if costs.count(lowest) == 1 else UNKNOWN


def _labels(contestants: Sequence[Contestant]) -> list[str]:
    """The shortest names that are all different: of the models, of the runs without their time, or whole ids."""
    started = [each.state.started for each in contestants]
    ids = [each.id for each in contestants]
    models = [start.model if start else each for start, each in zip(started, ids, strict=True)]
    names = [each.split("-", 2)[-1] for each in ids]
    return next(each for each in (models, names, ids) if len(set(each)) == len(ids) or each is ids)


def _figures(contestant: Contestant, label: str) -> Figures:
    state, answers = contestant.state, contestant.answers
    started, best, test = state.started, state.best, state.test
    return Figures(
        id=contestant.id,
        label=label,
        model=started.model if started else None,
        data=started.data if started else None,
        state=state.status,
        parameters=started.parameters if started else None,
        epochs=len(state.epochs),
        first_val_accuracy=state.epochs[0].val_accuracy if state.epochs else None,
        best_val_accuracy=best.val_accuracy if best else None,
        best_epoch=best.epoch if best else None,
        gap=best.train_accuracy - best.val_accuracy if best else None,
        test_accuracy=test.accuracy if test else None,
        test_loss=test.loss if test else None,
        images_per_second=state.training_speed,
        seconds=state.seconds,
        classes=tuple(class_scores(test.confusion, started.classes)) if test and started else (),
        confused=tuple(most_confused(test.confusion, started.classes, CONFUSED)) if test and started else (),
        calibration=calibrate(answers.confidence, answers.predicted == answers.labels) if answers else None,
    )


def _pair(a: int, b: int, one: Answered, other: Answered, classes: Sequence[ClassScore]) -> Pair:
    right_a, right_b = one.predicted == one.labels, other.predicted == one.labels
    of_class = (one.labels == k for k in range(len(classes)))
    return Pair(a, b, pair(right_a, right_b), tuple(pair(right_a[mine], right_b[mine]) for mine in of_class))


def _race(group: tuple[int, ...], contestants: Sequence[Contestant]) -> Race:
    states = [contestants[n].state for n in group]
    common = min(state.best.val_accuracy for state in states if state.best)
    levels = [
        Level(share * common, tuple(_reach(state, share * common) for state in states))
        for share in (LEVELS if common > 0 else LEVELS[-1:])
    ]
    return Race(group, tuple(levels))


def _reach(state: RunState, accuracy: float) -> Reach:
    """When a run first was as good; it must have been so once."""
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


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
