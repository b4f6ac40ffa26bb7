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
        return _masked(input, torch.empty_like(input), self.p, self.generator)


class ChannelDropout(nn.Dropout2d):
    """`torch.nn.Dropout2d`, which zeroes whole channels, likewise."""

    generator: torch.Generator | None = None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Zero each channel of (N, C, H, W) with probability `p`; other shapes are nn.Dropout2d's own affair."""
        if not self.training or self.p == 0:
            return input
        if self.generator is None or input.ndim != 4:
            return super().forward(input)
        return _masked(input, input.new_empty((*input.shape[:2], 1, 1)), self.p, self.generator)


_OWN: dict[type[nn.Module], type[nn.Module]] = {nn.Dropout: Dropout, nn.Dropout2d: ChannelDropout}


class BranchDropout(nn.Module):
    """Zeroes a residual branch for some images of a batch.

    Source: G. Huang and others, "Deep Networks with Stochastic Depth", ECCV 2016.
    """

    generator: torch.Generator | None = None

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, branch: Tensor) -> Tensor:
        """Zero each image of (N, …) with probability `p` and scale the others by 1 / (1 - p), in training."""
        if not self.training or self.p == 0:
            return branch
        return _masked(branch, branch.new_empty((len(branch), *[1] * (branch.ndim - 1))), self.p, self.generator)


def _masked(values: Tensor, mask: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    """`values` times `mask`, filled with 0 with probability `p` and else with 1 / (1 - p)."""
    keep = 1.0 - p
    if mask.device.type == "cpu" and generator is not None and 0 < keep < 1:
        keep = _fill_on_cpu(mask, keep, generator)
    else:
        mask.bernoulli_(keep, generator=generator)
    # Where nothing is kept there is nothing to be scaled.
    return values * (mask.div_(keep) if keep else mask)


def _fill_on_cpu(mask: Tensor, keep: float, generator: torch.Generator) -> float:
    """Set about `keep` of the elements to 1 and the others to 0, in a tenth of the time that `bernoulli_` takes.

    Each element has 16 bits of its own, four elements a draw, so that the probability is a multiple of 1/65,536.

    Args:
        mask: Dense, in any memory format.
        keep: From 0 to 1.
        generator: The source of the draws.

    Returns:
        The probability of a 1.
    """
    count, kept = mask.numel(), min(max(1, round(keep * 2**16)), 2**16 - 1)
    draws = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    # The element that stands at a place in memory has the bits of that place.
    bits = draws.view(torch.int16)[:count].as_strided(mask.shape, mask.stride())
    mask.copy_(bits < kept - 2**15)
    return kept / 2**16


def set_dropout(model: nn.Module, block: float | None, head: float | None) -> None:
    """Change the dropout probability of the model's `head` and of all before it; None leaves it.

    That is the `Dropout` of our models; what other layers or other people's models drop is left as they have it.
    """
    for name, module in model.named_modules():
        probability = head if name.startswith("head.") else block
        if isinstance(module, Dropout) and probability is not None:
            module.p = probability


def own_dropout(model: nn.Module) -> None:
    """Make the model's `nn.Dropout` and `nn.Dropout2d` those of this module, in place and otherwise the same."""
    _change_classes(model, _OWN)


def torch_dropout(model: nn.Module) -> None:
    """Make them torch's again: TorchScript knows no generators."""
    _change_classes(model, {own: kind for kind, own in _OWN.items()})


def _change_classes(model: nn.Module, kinds: dict[type[nn.Module], type[nn.Module]]) -> None:
    for module in model.modules():
        kind = kinds.get(type(module))
        if kind is not None:
            # Their class alone, so that whoever refers to them, or hooked into them, need not know.
            module.__class__ = kind


def set_dropout_generator(model: nn.Module, generator: torch.Generator) -> None:
    """Have all dropout layers draw from `generator`, which is on the model's device."""
    for module in model.modules():
        if isinstance(module, Dropout | ChannelDropout | BranchDropout):
            module.generator = generator
