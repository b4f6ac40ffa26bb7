"""What a confusion matrix says of its classes: their scores, which are taken for which, and how sure a share is."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cifar_tui.confusion_matrix import ConfusionMatrix

Z95 = 1.959963984540054
"""Of the normal distribution, 95 % lie so many standard deviations or less from its mean."""

MOST_LISTED, FEWER = 100, 50
"""The most classes of which a table lists every one, and how many it lists of more."""


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
    counts = zip(classes, matrix.true, matrix.right, matrix.predicted, strict=True)
    return [
        ClassScore(name, images, right, _share(right, images), _share(right, predicted))
        for name, images, right, predicted in counts
    ]


def most_confused(matrix: ConfusionMatrix, classes: Sequence[str], limit: int) -> list[Confusion]:
    """The pairs with the most images taken one for the other, the most first; pairs without any are left out."""
    images = matrix.true
    return [Confusion(classes[i], classes[j], wrong, images[i]) for i, j, wrong in largest_confusions(matrix, limit)]


def largest_confusions(matrix: ConfusionMatrix, limit: int) -> list[tuple[int, int, int]]:
    """The same as rows, columns and counts; of equal ones, the first in the matrix."""
    wrong = (cell for cell in matrix.cells() if cell[0] != cell[1])
    return heapq.nlargest(limit, wrong, key=lambda cell: cell[2])


def listed(classes: int, importance: Callable[[int], float]) -> list[int]:
    """The classes that a table has a row for: all in label order, or the most important ones of many, these first.

    Args:
        classes: How many there are.
        importance: Of a class; NaN for those to leave out first.
    """
    if classes <= MOST_LISTED:
        return list(range(classes))
    known = [(-value, k) for k in range(classes) if not math.isnan(value := importance(k))]
    return [k for _, k in heapq.nsmallest(FEWER, known)]


def wilson(right: int, images: int) -> tuple[float, float]:
    """The 95 % interval of the share `right` of `images`, from 0 to 1; NaN where there is no image.

    E. B. Wilson's score interval, Journal of the American Statistical Association 22 (1927), 209–212.
    """
    if not images:
        return math.nan, math.nan
    z2, share = Z95 * Z95, right / images
    middle = share + z2 / (2 * images)
    reach = Z95 * math.sqrt(share * (1 - share) / images + z2 / (4 * images * images))
    low, high = ((middle + side * reach) / (1 + z2 / images) for side in (-1, 1))
    # The ends are exact where nothing or all is right, which rounding would miss by a little.
    return (low if right else 0.0), (high if right < images else 1.0)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
