"""Test images with made-up answers to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cifar_tui.events import ConfusionMatrix
from cifar_tui.inference import Gallery
from cifar_tui.store.answers import Answers
from tests.recorded import MATRIX


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
