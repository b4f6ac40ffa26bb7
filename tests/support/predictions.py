"""Made-up predictions: for test images, for those of two runs, and as a report takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.report.plots.predictions import Predictions
from cifar_tui.runs.inference import Gallery
from cifar_tui.runs.paired_images import PairedImages
from cifar_tui.store.predictions import Answers
from tests.support.recorded import MATRIX


def gallery(
    matrix: ConfusionMatrix = MATRIX, classes: Sequence[str] = ("plane", "bird", "fish"), epoch: int = 2
) -> Gallery:
    """Images that are confused as in this matrix, in any order, with answers of any confidence."""
    drawn = np.random.default_rng(0)
    size = len(classes)
    pairs = np.array([(i, j) for i in range(size) for j in range(size) for _ in range(matrix[i][j])]).reshape(-1, 2)
    drawn.shuffle(pairs)
    labels, predicted = pairs[:, 0], pairs[:, 1]
    probabilities = drawn.uniform(0.0, 1.0, (len(pairs), size)).astype(np.float32)
    probabilities[np.arange(len(pairs)), predicted] += 1.0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    images = drawn.integers(0, 256, (len(pairs), 3, 32, 32), dtype=np.uint8)
    return Gallery(images, Answers(labels, probabilities, epoch, "5f" * 32), tuple(classes))


def paired(both: int = 5, only_a: int = 3, only_b: int = 2, neither: int = 1) -> PairedImages:
    """Images that so many of two runs classify rightly, in any order, with answers of any confidence."""
    drawn = np.random.default_rng(1)
    right = np.repeat(np.array([(1, 1), (1, 0), (0, 1), (0, 0)], bool), (both, only_a, only_b, neither), axis=0)
    drawn.shuffle(right)
    labels = drawn.integers(0, 3, len(right))

    def answers(is_right: NDArray[np.bool_], epoch: int) -> Answers:
        predicted = np.where(is_right, labels, (labels + 1) % 3)
        probabilities = drawn.uniform(0.0, 1.0, (len(right), 3)).astype(np.float32)
        probabilities[np.arange(len(right)), predicted] += 1.0
        return Answers(labels, probabilities / probabilities.sum(axis=1, keepdims=True), epoch, "5f" * 32)

    images = drawn.integers(0, 256, (len(right), 3, 32, 32), dtype=np.uint8)
    return PairedImages(images, answers(right[:, 0], 2), answers(right[:, 1], 1), ("plane", "bird", "fish"))


def some_predictions() -> Predictions:
    return Predictions(np.zeros((4, 32, 32, 3), dtype=np.uint8), np.arange(4) % 3, np.arange(4) % 3)


def some_answers() -> Answers:
    return Answers(np.arange(4) % 3, np.full((4, 3), 1 / 3, dtype=np.float32), 2, "f" * 64)
