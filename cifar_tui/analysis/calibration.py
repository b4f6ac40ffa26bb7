"""How far a model's confidence can be taken at its word: calibration by bins of confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """The images whose confidence is above `low` and at most `high`.

    Attributes:
        images: How many they are.
        confidence: Their mean confidence; NaN without images.
        accuracy: The share of them that is right; NaN without images.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence, the probability of the class that a model answers with, against how often the answer is right.

    Attributes:
        images: How many answers there are.
        accuracy: The share of right ones.
        confidence: The mean of all.
        confidence_right: The mean over the right answers; NaN where there is none.
        confidence_wrong: The mean over the wrong ones; NaN where there is none.
        error: The expected calibration error: the mean over all images of the distance between accuracy and mean
            confidence in their bin.
        bins: In order of confidence.
    """

    images: int
    accuracy: float
    confidence: float
    confidence_right: float
    confidence_wrong: float
    error: float
    bins: tuple[Bin, ...]


def calibrate(confidence: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> Calibration:
    """The calibration of N answers, in 15 bins of equal width.

    After C. Guo, G. Pleiss, Y. Sun and K. Weinberger, On Calibration of Modern Neural Networks, ICML 2017, equations 1
    to 3: a confidence on the border of two bins belongs to the lower one.

    Args:
        confidence: (N,); the probability of each answer, 0 to 1.
        right: (N,); whether it is right.
    """
    confidence = confidence.astype(np.float64)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    images = np.bincount(place, minlength=BINS)
    confident = np.bincount(place, weights=confidence, minlength=BINS)
    correct = np.bincount(place, weights=right, minlength=BINS)
    bins = tuple(
        Bin(float(edges[m]), float(edges[m + 1]), int(n), _share(confident[m], n), _share(correct[m], n))
        for m, n in enumerate(images)
    )
    return Calibration(
        images=len(confidence),
        accuracy=_share(right.sum(), len(right)),
        confidence=_share(confidence.sum(), len(confidence)),
        confidence_right=_share(confidence[right].sum(), right.sum()),
        confidence_wrong=_share(confidence[~right].sum(), (~right).sum()),
        error=_share(np.abs(correct - confident).sum(), len(confidence)),
        bins=bins,
    )


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else math.nan
