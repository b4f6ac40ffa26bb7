"""Training recipes: the reference protocol, and a faster way to the same accuracy. Plain values, without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Schedule = Literal["one-cycle", "triangular"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyperparameters beside the options of a run; the defaults are the reference protocol's.

    Attributes:
        options: Defaults of training options that differ from the protocol's.
        schedule: The learning rate schedule.
        muon: Muon's peak learning rate for convolution filters, in multiples of AdamW's, which trains the rest;
            0 trains everything with AdamW.
        smoothing: Label smoothing of the training loss.
        block_dropout: The dropout probability between convolutions; None keeps the model's own.
        head_dropout: The dropout probability in the fully connected layers at the end; None keeps the model's own.
        padding: Pixels of padding for the random crop.
        alternating: Whether images are flipped in every other epoch, half of them first, instead of at random.
        colours_and_angles: Whether colours are jittered and images rotated.
    """

    options: Mapping[str, int | float] = field(default_factory=lambda: MappingProxyType({}))
    schedule: Schedule = "one-cycle"
    muon: float = 0.0
    smoothing: float = 0.0
    block_dropout: float | None = None
    head_dropout: float | None = None
    padding: int = 4
    alternating: bool = False
    colours_and_angles: bool = True


PROTOCOL = Recipe()

FAST_CONVOLUTIONAL = Recipe(
    options=MappingProxyType({"epochs": 28, "batch_size": 512, "max_lr": 0.005, "weight_decay": 0.01, "patience": 28}),
    schedule="triangular",
    muon=24.0,
    smoothing=0.2,
    block_dropout=0.1,
    head_dropout=0.3,
    alternating=True,
    colours_and_angles=False,
)
"""Most of it is K. Jordan's, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, arXiv:2404.00498."""

FAST_FULLY_CONNECTED = Recipe(
    options=MappingProxyType({"epochs": 50, "max_lr": 0.003, "weight_decay": 0.1, "patience": 50}),
    smoothing=0.1,
    head_dropout=0.1,
    colours_and_angles=False,
)
"""A multilayer perceptron loses more by strong augmentation and dropout than it gains."""

RECIPES = ("protocol", "fast")


def recipe(name: str, model: str) -> Recipe:
    """The recipe of this name for a model; an unknown model is treated as a convolutional one."""
    if name == "protocol":
        return PROTOCOL
    return FAST_FULLY_CONNECTED if model == "mlp" else FAST_CONVOLUTIONAL
