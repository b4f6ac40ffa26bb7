"""Scores of classes from a confusion matrix: precision, recall, and which are confused with which."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cifar_tui.confusion_matrix import ConfusionMatrix

MOST_LISTED, FEWER = 100, 50
"""The most classes of which a table lists every one, and how many it lists of more."""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class is recognised.

    Attributes:
        images: Images of the class.
        right: Those that are predicted as it: its true positives.
        recall: `right` of its images; NaN where it has none.
        precision: `right` of all images that are predicted as it; NaN where none is.
    """

    name: str
    images: int
    right: int
    recall: float
    precision: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of the class `true` that are predicted as `predicted`: `count` of its `images`."""

    true: str
    predicted: str
    count: int
    images: int


def class_names(classes: Sequence[str], matrix: ConfusionMatrix) -> tuple[str, ...]:
    """The names of a matrix's classes: their numbers from 0 on where nobody has named them."""
    return tuple(classes) if classes else _numbers(len(matrix))


@lru_cache(8)
def _numbers(size: int) -> tuple[str, ...]:
    return tuple(map(str, range(size)))


def class_scores(matrix: ConfusionMatrix, classes: Sequence[str]) -> list[ClassScore]:
    """The score of each class, in label order, from (K, K) counts."""
    counts = zip(classes, matrix.true, matrix.right, matrix.predicted, strict=True)
    return [
        ClassScore(name, images, right, _share(right, images), _share(right, predicted))
        for name, images, right, predicted in counts
    ]


def most_confused(matrix: ConfusionMatrix, classes: Sequence[str], limit: int) -> list[Confusion]:
    """The pairs of classes with the most mistakes, the most first; pairs without any are left out."""
    images = matrix.true
    return [Confusion(classes[i], classes[j], wrong, images[i]) for i, j, wrong in largest_confusions(matrix, limit)]


def largest_confusions(matrix: ConfusionMatrix, limit: int) -> list[tuple[int, int, int]]:
    """As `most_confused`, but rows, columns and counts; of equal counts, the first in the matrix."""
    wrong = (cell for cell in matrix.cells() if cell[0] != cell[1])
    return heapq.nlargest(limit, wrong, key=lambda cell: cell[2])


def listed(classes: int, importance: Callable[[int], float]) -> list[int]:
    """The classes that a table has a row for: all in label order, or of many the most important ones, in that order.

    Args:
        classes: How many there are.
        importance: Of a class; NaN for those to leave out first.
    """
    if classes <= MOST_LISTED:
        return list(range(classes))
    known = [(-value, k) for k in range(classes) if not math.isnan(value := importance(k))]
    return [k for _, k in heapq.nsmallest(FEWER, known)]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
