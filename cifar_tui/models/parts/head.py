"""The fully connected layers that the reference protocol's CNN and MLP both end in."""

from __future__ import annotations

from torch import nn

from cifar_tui.models.parts.dropout import Dropout


def head(features: int, num_classes: int) -> nn.Sequential:
    """Layers from (N, features) to logits (N, num_classes): 1,024 and 512 units, each BN → ReLU → dropout 0.5."""
    layers: list[nn.Module] = []
    for units in (1024, 512):
        layers += [nn.Linear(features, units), nn.BatchNorm1d(units), nn.ReLU(inplace=True), Dropout(0.5)]
        features = units
    return nn.Sequential(*layers, nn.Linear(features, num_classes))
