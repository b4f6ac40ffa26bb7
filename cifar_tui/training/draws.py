"""What a model draws at random: from the run's seed and the batch alone, whatever else trains."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from cifar_tui.models.parts.dropout import set_dropout_generator

GLOBAL_GENERATOR = threading.Lock()
"""Held while something is drawn from the global generators, which all threads share, or done that touches them: a CUDA
graph, captured or replayed, lays hold of its device's."""
_EVALUATION = 0
"""The seed of an evaluation."""
_GENERATORS = (torch.Generator, random.Random, np.random.Generator)
"""What a module may draw from that has it as an attribute."""


@contextmanager
def global_generators(device: torch.device) -> Iterator[None]:
    """Have the global generators for oneself, with whatever seed, and leave them as they were."""
    with GLOBAL_GENERATOR, torch.random.fork_rng([device] if device.type == "cuda" else []):
        python, arrays = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(arrays)


def seed_global(seed: int, device: torch.device) -> None:
    """Seed the global generators of torch, numpy and Python; the caller has them for itself."""
    for generator in _generators(device):
        generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _generators(device: torch.device) -> list[torch.Generator]:
    """Torch's global ones that a model on this device may draw from."""
    cuda = [torch.cuda.default_generators[device.index or 0]] if device.type == "cuda" else []
    return [torch.default_generator, *cuda]


class Draws:
    """The generators that a model's layers draw from, seeded for each batch: a resumed run draws the same again.

    Dropout and its kin, where it is a layer, has a generator of its own. Whatever else in a forward pass draws, such as
    `torch.nn.functional.dropout`, attention's dropout, or noise, does so from the global generators of torch, numpy or
    Python: they are seeded too where `shared` says so, and such models of one process take turns with their forward
    passes. Generators that a module has as attributes are seeded as well. Not seeded are draws in a backward pass.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        """Give the layers of a model, which is on this device, their generator."""
        self.shared = False
        """Whether the model draws from the global generators in training."""
        self.evaluates_at_random = False
        """Whether it draws in evaluation."""
        self._device = device
        self._theirs = [
            each for module in model.modules() for each in vars(module).values() if isinstance(each, _GENERATORS)
        ]
        self.renew(model)

    def renew(self, model: nn.Module) -> None:
        """Give the layers of the model another generator, where the one that they have may be of no use any more."""
        self.own = torch.Generator(self._device)
        """What its layers draw from."""
        set_dropout_generator(model, self.own)

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """What is drawn within follows from `seed`."""
        self._seed_own(seed)
        if not self.shared:
            yield
            return
        with GLOBAL_GENERATOR:
            self.seed_all(seed)
            yield

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """What a model draws within, where it draws in evaluation, is the same each time."""
        self._seed_own(_EVALUATION)
        if not self.evaluates_at_random:
            yield
            return
        with GLOBAL_GENERATOR:
            self.seed_all(_EVALUATION)
            yield

    def seed_all(self, seed: int) -> None:
        """Seed the layers' generator and the global ones; the caller has those for itself."""
        self._seed_own(seed)
        seed_global(seed, self._device)

    def _seed_own(self, seed: int) -> None:
        self.own.manual_seed(seed)
        for generator in self._theirs:
            if isinstance(generator, torch.Generator):
                generator.manual_seed(seed)
            elif isinstance(generator, random.Random):
                generator.seed(seed)
            else:
                generator.bit_generator.state = type(generator.bit_generator)(seed).state

    def global_states(self) -> list[object]:
        """Where the global generators stand, to be compared."""
        _, keys, *place = np.random.get_state(legacy=True)
        states = [generator.get_state().numpy().tobytes() for generator in _generators(self._device)]
        return [*states, random.getstate(), np.asarray(keys).tobytes(), place]
