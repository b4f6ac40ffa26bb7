"""scikit-learn's bundled handwritten digits: 1,797 of them, there without any download."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data.dataset import Source, Split, with_own_test
from cifar_tui.data.image import FILTER

CLASSES = tuple("0123456789")

_BRIGHTEST = 16
"""The ink counts of the 8×8 images go from 0 to this."""


def read() -> Source:
    """The digits as white ink on black; a fifth of each class is the test set, the same for every seed.

    Source: the test part of UCI's "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak.
    """
    # Over a second of imports that no other source needs.
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = np.rint(digits.images * (255 / _BRIGHTEST)).astype(np.uint8)
    # Enlarged by nearest neighbour the digits are blocks, and small networks learn them 1 to 3 points worse than
    # smoothed; bicubic comes near Lanczos in both looks and accuracy, bilinear blurs the strokes.
    large = np.stack([np.asarray(Image.fromarray(image).resize((IMAGE_SIZE, IMAGE_SIZE), FILTER)) for image in small])
    images = torch.from_numpy(large).unsqueeze(1).repeat(1, 3, 1, 1)
    labels = torch.from_numpy(digits.target.astype(np.int64))
    train, test = with_own_test(Split(images, labels))
    # A mirrored 2 is no 2.
    return Source(name="digits", train=train, test=test, classes=CLASSES, flips=False)
