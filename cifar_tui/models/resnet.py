"""A residual network for small images: ResNet-18 with half of its channels.

Source: K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016: the basic blocks
and the stages of the ResNet-18, a projection where a block changes its shape, and for images of 32×32, as in the
paper's section on CIFAR-10, a first convolution of 3×3 without pooling. Weights begin as in K. He and others, "Delving
Deep into Rectifiers", ICCV 2015.
"""

from __future__ import annotations

from torch import Tensor, nn

STAGES = ((32, 1), (64, 2), (128, 2), (256, 2))
"""Channels, and the stride of the first of the two blocks."""


def build(num_classes: int) -> nn.Module:
    """A convolution, four stages of two blocks (32×32 → 16 → 8 → 4), the mean over all places → `num_classes`."""
    channels = STAGES[0][0]
    layers: list[nn.Module] = [_convolution(3, channels), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    for outputs, stride in STAGES:
        layers += [Block(channels, outputs, stride), Block(outputs, outputs, 1)]
        channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


class Block(nn.Module):
    """Two convolutions whose result is added to the input; from (N, C, H, W) to (N, `outputs`, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _convolution(inputs, outputs, stride=stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            _convolution(outputs, outputs),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            projection = _convolution(inputs, outputs, size=1, stride=stride)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        """ReLU(residual + shortcut)."""
        result: Tensor = self.activation(self.residual(images) + self.shortcut(images))
        return result


def _convolution(inputs: int, outputs: int, *, size: int = 3, stride: int = 1) -> nn.Conv2d:
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution
