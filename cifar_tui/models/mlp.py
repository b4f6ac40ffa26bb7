"""The reference protocol's multilayer perceptron."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from cifar_tui.models.parts.head import head


def build(num_classes: int) -> nn.Module:
    """Flatten (3,072) → the head's 1,024 and 512 units → `num_classes`."""
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), head=head(3 * 32 * 32, num_classes)))
