"""The reference protocol's convolutional network."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from cifar_tui.models.parts.dropout import Dropout
from cifar_tui.models.parts.head import head


def build(num_classes: int) -> nn.Module:
    """Three blocks (32×32 → 16 → 8 → 4), then flatten (4,096) → the head's 1,024 and 512 units → `num_classes`."""
    features = nn.Sequential(*_block(3, 32, 64), *_block(64, 128, 128), *_block(128, 256, 256), nn.Flatten())
    return nn.Sequential(OrderedDict(features=features, head=head(256 * 4 * 4, num_classes)))


def _block(inputs: int, middle: int, outputs: int) -> list[nn.Module]:
    """Twice conv → BN → ReLU, then max pool → dropout.

    The greatest of four numbers is the same before ReLU as after it, and so is where it came from: the second ReLU
    stands behind the pooling, where it has a quarter of the work.
    """
    return [
        *_convolution(inputs, middle),
        nn.ReLU(inplace=True),
        *_convolution(middle, outputs),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        Dropout(0.25),
    ]


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel_size=3, padding="same"), nn.BatchNorm2d(outputs)]
