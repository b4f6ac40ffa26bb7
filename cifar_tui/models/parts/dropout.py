"""Dropout that draws from a generator of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """`torch.nn.Dropout`, whose masks come from `generator` where one is set.

    Torch's global generator is shared by all threads: two models in training at once would draw from one stream, and
    neither could be repeated.
    """

    generator: torch.Generator | None = None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (the name that nn.Dropout gives it)
        """Zero each element with probability `p` and scale the others by 1 / (1 - p), in training; else the input."""
        if not self.training or self.p == 0:
            return input
        if self.generator is None:
            return super().forward(input)
        keep = 1.0 - self.p
        mask = torch.empty_like(input).bernoulli_(keep, generator=self.generator).div_(keep)
        return input * mask


def set_dropout(model: nn.Module, block: float | None, head: float | None) -> None:
    """Have the dropout of the model's `head` and that of all before it another probability; None leaves it."""
    for name, module in model.named_modules():
        probability = head if name.startswith("head.") else block
        if isinstance(module, Dropout) and probability is not None:
            module.p = probability


def set_dropout_generator(model: nn.Module, generator: torch.Generator) -> None:
    """Have all dropout of `model` draw from `generator`, which lives on the model's device."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = generator
