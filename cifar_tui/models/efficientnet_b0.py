"""torchvision's EfficientNet-B0, for small images and without pretrained weights.

Source: M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019.
"""

from __future__ import annotations

from torch import nn

from cifar_tui.models.parts.dropout import BranchDropout
from cifar_tui.system.import_lock import import_lock


def build(num_classes: int) -> nn.Module:
    """As torchvision has it, but that its first convolution halves nothing: 32×32 → 2×2 → mean → `num_classes`."""
    # Here, for torchvision takes seconds to import.
    with import_lock:
        from torchvision.models import efficientnet_b0
        from torchvision.models.efficientnet import MBConv

    model: nn.Module = efficientnet_b0(weights=None, num_classes=num_classes)
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    first.stride = (1, 1)
    for block in model.modules():
        if isinstance(block, MBConv):
            block.stochastic_depth = BranchDropout(block.stochastic_depth.p)
    return model
