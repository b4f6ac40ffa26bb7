"""What a run's figures say: its speed, and the scores and confusions of its classes. Pure Python over small tuples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cifar_tui.events import ConfusionMatrix
from cifar_tui.state import RunState


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How one class fared.

    Attributes:
        images: Images of the class.
        right: Those of them that were classified as it.
        recall: The share of its images that were classified as it; NaN where it has none.
        precision: The share of what was classified as it that is it; NaN where nothing was.
    """

    name: str
    images: int
    right: int
    recall: float
    precision: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of the class `true` that were taken for `predicted`: `count` of its `images`."""

    true: str
    predicted: str
    count: int
    images: int


def class_scores(matrix: ConfusionMatrix, classes: Sequence[str]) -> list[ClassScore]:
    """The score of each class, in label order, from (K, K) counts."""
    predicted = [sum(column) for column in zip(*matrix, strict=True)]
    scores = []
    for k, (name, row) in enumerate(zip(classes, matrix, strict=True)):
        right, images = row[k], sum(row)
        scores.append(ClassScore(name, images, right, _share(right, images), _share(right, predicted[k])))
    return scores


def most_confused(matrix: ConfusionMatrix, classes: Sequence[str], limit: int) -> list[Confusion]:
    """The pairs with the most images taken one for the other, the most first; pairs without any are left out."""
    pairs = [
        Confusion(classes[i], classes[j], wrong, sum(row))
        for i, row in enumerate(matrix)
        for j, wrong in enumerate(row)
        if i != j and wrong > 0
    ]
    return sorted(pairs, key=lambda pair: -pair.count)[:limit]


def training_speed(state: RunState) -> float:
    """Training images per second of training over all whole epochs; before the first one, the present speed."""
    speeds = [e.images_per_second for e in state.epochs if 0 < e.images_per_second < math.inf]
    # Epochs are equally long in images, so their mean speed is the harmonic mean.
    return len(speeds) / sum(1 / speed for speed in speeds) if speeds else state.images_per_second


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
