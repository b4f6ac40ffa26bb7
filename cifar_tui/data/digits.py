"""scikit-learn's bundled handwritten digits: 1,797 of them, there without any download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data.dataset import Source, Split, hold_out_test_images
from cifar_tui.data.images.decoder import FILTER

CLASSES = tuple("0123456789")

_BRIGHTEST = 16
"""The ink counts of the 8×8 images go from 0 to this."""


def read() -> Source:
    """The digits as white ink on black; a fifth of each class is the test set, the same for every seed.

    Source: the test part of UCI's "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak.
    """
    inks, target = _bundled()
    small = np.rint(inks * (255 / _BRIGHTEST)).astype(np.uint8)
    # Enlarged by nearest neighbour the digits are blocks, and small networks learn them 1 to 3 points worse than
    # smoothed; bicubic comes near Lanczos in both looks and accuracy, bilinear blurs the strokes.
    large = np.stack([np.asarray(Image.fromarray(image).resize((IMAGE_SIZE, IMAGE_SIZE), FILTER)) for image in small])
    images = torch.from_numpy(large).unsqueeze(1).repeat(1, 3, 1, 1)
    labels = torch.from_numpy(target.astype(np.int64))
    train, test = hold_out_test_images(Split(images, labels))
    # A mirrored 2 is no 2.
    return Source(name="digits", train=train, test=test, classes=CLASSES, flips=False)


def _bundled() -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 8, 8) and labels (1797,), as scikit-learn has them."""
    # Its file is read without importing scikit-learn, which takes over a second; where the file is not in its usual
    # place, scikit-learn knows where.
    package = find_spec("sklearn")
    if package and package.origin:
        table = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if table.is_file():
            rows = np.loadtxt(table, delimiter=",")
            return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1]
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target
