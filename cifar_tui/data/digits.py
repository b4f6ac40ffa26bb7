"""scikit-learn's bundled handwritten digits: 1,797 of them, there without any download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data import cache
from cifar_tui.data.dataset import Source, Split, hold_out_test_images
from cifar_tui.data.images.decoder import FILTER

CLASSES = tuple("0123456789")

_BRIGHTEST = 16
"""The ink counts of the 8×8 images go from 0 to this."""


def read() -> Source:
    """The digits as white ink on black; a fifth of each class is the test set, the same for every seed.

    Source: the test part of UCI's "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak.
    """
    table = _table()
    if table is None:
        from sklearn.datasets import load_digits

        bundled = load_digits()
        return _source(bundled.images, bundled.target)
    status = table.stat()
    key = cache.key("digits 1", [(str(table), status.st_size, status.st_mtime_ns)])

    def read_table() -> Source:
        rows = np.loadtxt(table, delimiter=",")
        return _source(rows[:, :-1].reshape(-1, 8, 8), rows[:, -1])

    return cache.load_or_read(key, read_table)


def _source(inks: np.ndarray, target: np.ndarray) -> Source:
    """The data set of images, (N, 8, 8), and labels, (N,), as scikit-learn has them."""
    small = np.rint(inks * (255 / _BRIGHTEST)).astype(np.uint8)
    # Enlarged by nearest neighbour the digits are blocks, and small networks learn them 1 to 3 points worse than
    # smoothed; bicubic comes near Lanczos in both looks and accuracy, bilinear blurs the strokes.
    large = np.stack([np.asarray(Image.fromarray(image).resize((IMAGE_SIZE, IMAGE_SIZE), FILTER)) for image in small])
    images = torch.from_numpy(large).unsqueeze(1).repeat(1, 3, 1, 1)
    labels = torch.from_numpy(target.astype(np.int64))
    train, test = hold_out_test_images(Split(images, labels))
    # A mirrored 2 is no 2.
    return Source(name="digits", train=train, test=test, classes=CLASSES, flips=False)


def _table() -> Path | None:
    """scikit-learn's file of them, found without importing it, which takes over a second."""
    package = find_spec("sklearn")
    if package and package.origin:
        table = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        return table if table.is_file() else None
    return None
