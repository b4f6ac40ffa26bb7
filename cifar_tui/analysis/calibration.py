"""Whether a model is correct as often as it is confident: calibration by bins of confidence."""

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
        accuracy: The share of them that is classified correctly; NaN without images.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence, the probability of the predicted class, against how often the prediction is correct.

    Attributes:
        images: How many predictions there are.
        accuracy: The share of correct ones.
        confidence: The mean over all.
        confidence_right: The mean over the correct predictions; NaN where there is none.
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


def calibrate(confidence: NDArray[np.floating[Any]], correct: NDArray[np.bool_]) -> Calibration:
    """The calibration of N predictions, in 15 bins of equal width.

    After C. Guo, G. Pleiss, Y. Sun and K. Weinberger, On Calibration of Modern Neural Networks, ICML 2017, equations 1
    to 3: a confidence on the border of two bins belongs to the lower one.

    Args:
        confidence: (N,); the probability of each predicted class, 0 to 1.
        correct: (N,); whether it is the true one.
    """
    confidence = confidence.astype(np.float64)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    images = np.bincount(place, minlength=BINS)
    confidence_sums = np.bincount(place, weights=confidence, minlength=BINS)
    hits = np.bincount(place, weights=correct, minlength=BINS)
    bins = tuple(
        Bin(float(edges[m]), float(edges[m + 1]), int(n), _share(confidence_sums[m], n), _share(hits[m], n))
        for m, n in enumerate(images)
    )
    return Calibration(
        images=len(confidence),
        accuracy=_share(correct.sum(), len(correct)),
        confidence=_share(confidence.sum(), len(confidence)),
        confidence_right=_share(confidence[correct].sum(), correct.sum()),
        confidence_wrong=_share(confidence[~correct].sum(), (~correct).sum()),
        error=_share(np.abs(hits - confidence_sums).sum(), len(confidence)),
        bins=bins,
    )


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else math.nan
