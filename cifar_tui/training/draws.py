"""What a model draws at random while it learns: from the run's seed and the batch alone, whatever else trains."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from cifar_tui.models.parts.dropout import set_dropout_generator

GLOBAL_GENERATOR = threading.Lock()
"""Held while something is drawn from torch's global generators, which all threads share, or done that touches them: a
CUDA graph, captured or replayed, lays hold of its device's."""


class Draws:
    """The generators that a model's layers draw from, seeded for each batch: a resumed run draws the same again.

    Dropout and its kin, where it is a layer, has a generator of its own. Whatever else in a forward pass draws, such as
    `torch.nn.functional.dropout`, attention's dropout, or noise, does so from torch's global generators: they are
    seeded too where `shared` says so, and such models of one process take turns with their forward passes. Not seeded
    are other generators, such as numpy's and Python's, and draws in a backward pass or in evaluation.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        """Give the layers of a model, which is on this device, their generator."""
        self.shared = False
        """Whether the model draws from the global generators."""
        self._device = device
        self.renew(model)
        cuda = [torch.cuda.default_generators[device.index or 0]] if device.type == "cuda" else []
        self._global: list[torch.Generator] = [torch.default_generator, *cuda]

    def renew(self, model: nn.Module) -> None:
        """Give the layers of the model another generator, where the one that they have may be of no use any more."""
        self.own = torch.Generator(self._device)
        """What its layers draw from."""
        set_dropout_generator(model, self.own)

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """What is drawn within follows from `seed`."""
        self.own.manual_seed(seed)
        if not self.shared:
            yield
            return
        with GLOBAL_GENERATOR:
            for generator in self._global:
                generator.manual_seed(seed)
            yield

    def global_states(self) -> list[torch.Tensor]:
        """Where the global generators stand."""
        return [generator.get_state() for generator in self._global]
