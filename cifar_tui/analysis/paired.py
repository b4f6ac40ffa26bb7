"""Two models on the same images: where they differ, by how much, and whether chance alone could make it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifar_tui.analysis.class_scores import wilson


@dataclass(frozen=True, slots=True)
class Paired:
    """How two models, a and b, fared on the same images. All but the counts are NaN where there is no image.

    Attributes:
        both: Images that both classified rightly.
        only_a: Those that only a did.
        only_b: Those that only b did.
        neither: Those that neither did.
        accuracy_a: The share that a classified rightly.
        accuracy_b: The share that b did.
        difference: Accuracy of a less accuracy of b.
        low: The lower end of the difference's 95 % interval.
        high: The upper end.
        p_value: Of McNemar's exact test.
    """

    images: int
    both: int
    only_a: int
    only_b: int
    neither: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    low: float
    high: float
    p_value: float


def pair(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> Paired:
    """Compare two models image by image.

    Args:
        right_a: (N,); whether a classified each image rightly.
        right_b: (N,); whether b did.
    """
    images, both = len(right_a), int((right_a & right_b).sum())
    only_a, only_b = int(right_a.sum()) - both, int(right_b.sum()) - both
    neither = images - both - only_a - only_b
    low, high = difference_interval(both, only_a, only_b, neither)
    return Paired(
        images=images,
        both=both,
        only_a=only_a,
        only_b=only_b,
        neither=neither,
        accuracy_a=(both + only_a) / images if images else math.nan,
        accuracy_b=(both + only_b) / images if images else math.nan,
        difference=(only_a - only_b) / images if images else math.nan,
        low=low,
        high=high,
        p_value=mcnemar(only_a, only_b) if images else math.nan,
    )


def difference_interval(both: int, only_a: int, only_b: int, neither: int) -> tuple[float, float]:
    """The 95 % interval of the difference between two accuracies on the same images; NaN where there is no image.

    Wilson's intervals of the two, squared and added, with what the two have in common taken off: method 10 of R. G.
    Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired data,
    Statistics in Medicine 17 (1998), 2635–2650. It holds for few images and for shares near 0 and 1 too.
    """
    images = both + only_a + only_b + neither
    if not images:
        return math.nan, math.nan
    a, b = (both + only_a) / images, (both + only_b) / images
    (low_a, high_a), (low_b, high_b) = wilson(both + only_a, images), wilson(both + only_b, images)
    together = float(both * neither - only_a * only_b)
    if together > 0:
        together = max(together - images / 2, 0.0)
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    phi = together / math.sqrt(margins) if margins else 0.0
    down, up = _added(a - low_a, high_b - b, phi), _added(high_a - a, b - low_b, phi)
    return a - b - down, a - b + up


def _added(x: float, y: float, phi: float) -> float:
    # Rounding may leave a square a little below zero.
    return math.sqrt(max(x * x - 2 * phi * x * y + y * y, 0.0))


def mcnemar(only_a: int, only_b: int) -> float:
    """How probable it is that images on which two models differ fall apart this unevenly, or more, by chance alone.

    The exact, two-sided form of Q. McNemar, Note on the sampling error of the difference between correlated
    proportions or percentages, Psychometrika 12 (1947), 153–157: each such image is a fair coin's toss.
    """
    from scipy.special import bdtr

    tosses = only_a + only_b
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), tosses, 0.5))) if tosses else 1.0
