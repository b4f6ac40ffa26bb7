"""Made-up predictions: for test images, for those of two runs, and as a report takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cifar_tui.analysis.paired_predictions import PairedPredictions
from cifar_tui.analysis.predictions import Predictions
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.report.plots.examples import Examples
from cifar_tui.runs.test_images import PairedImages, PredictedImages
from tests.support.recorded import MATRIX


def predicted_images(
    matrix: ConfusionMatrix = MATRIX, classes: Sequence[str] = ("plane", "bird", "fish"), epoch: int = 2
) -> PredictedImages:
    """Images that are confused as in this matrix, in any order, with any confidence."""
    drawn = np.random.default_rng(0)
    size = len(classes)
    pairs = np.array([(i, j) for i in range(size) for j in range(size) for _ in range(matrix[i][j])]).reshape(-1, 2)
    drawn.shuffle(pairs)
    labels, predicted = pairs[:, 0], pairs[:, 1]
    probabilities = drawn.uniform(0.0, 1.0, (len(pairs), size)).astype(np.float32)
    probabilities[np.arange(len(pairs)), predicted] += 1.0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    images = drawn.integers(0, 256, (len(pairs), 3, 32, 32), dtype=np.uint8)
    return PredictedImages(images, Predictions(labels, probabilities, epoch, "5f" * 32), tuple(classes))


def paired_images(both: int = 5, only_a: int = 3, only_b: int = 2, neither: int = 1) -> PairedImages:
    """Images that so many of two runs classify correctly, in any order, with any confidence."""
    drawn = np.random.default_rng(1)
    right = np.repeat(np.array([(1, 1), (1, 0), (0, 1), (0, 0)], bool), (both, only_a, only_b, neither), axis=0)
    drawn.shuffle(right)
    labels = drawn.integers(0, 3, len(right))

    def predictions(is_right: NDArray[np.bool_], epoch: int) -> Predictions:
        predicted = np.where(is_right, labels, (labels + 1) % 3)
        probabilities = drawn.uniform(0.0, 1.0, (len(right), 3)).astype(np.float32)
        probabilities[np.arange(len(right)), predicted] += 1.0
        return Predictions(labels, probabilities / probabilities.sum(axis=1, keepdims=True), epoch, "5f" * 32)

    images = drawn.integers(0, 256, (len(right), 3, 32, 32), dtype=np.uint8)
    paired = PairedPredictions(predictions(right[:, 0], 2), predictions(right[:, 1], 1))
    return PairedImages(images, paired, ("plane", "bird", "fish"))


def some_examples() -> Examples:
    """Four test images, as a report shows them."""
    return Examples(np.zeros((4, 32, 32, 3), dtype=np.uint8), np.arange(4) % 3, np.arange(4) % 3)


def some_predictions() -> Predictions:
    """Predictions for the same four."""
    return Predictions(np.arange(4) % 3, np.full((4, 3), 1 / 3, dtype=np.float32), 2, "f" * 64)
