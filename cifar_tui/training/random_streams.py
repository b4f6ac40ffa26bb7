"""The random numbers of a model: they depend on the run's seed and the batch alone, whatever else trains."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from cifar_tui.models.parts.dropout import set_dropout_generator

GLOBAL_GENERATOR_LOCK = threading.Lock()
"""Held while something is drawn from the global generators, which all threads share, or done that touches them: a CUDA
graph, captured or replayed, uses its device's."""
_EVALUATION = 0
"""The seed of an evaluation."""
_Generator = torch.Generator | random.Random | np.random.Generator | np.random.RandomState
"""Generators that a module may have as an attribute."""


@contextmanager
def global_generators(device: torch.device) -> Iterator[None]:
    """Lock the global generators, with whatever seed, and leave them as they were."""
    with GLOBAL_GENERATOR_LOCK, torch.random.fork_rng([device] if device.type == "cuda" else []):
        python, arrays = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(arrays)


def seed_global(seed: int, device: torch.device) -> None:
    """Seed the global generators of torch, numpy and Python, which the caller has locked."""
    for generator in _generators(device):
        generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _generators(device: torch.device) -> list[torch.Generator]:
    """Torch's global ones that a model on this device may draw from."""
    cuda = [torch.cuda.default_generators[device.index or 0]] if device.type == "cuda" else []
    return [torch.default_generator, *cuda]


class RandomStreams:
    """The generators that a model's layers draw from, seeded for each batch: a resumed run draws the same again.

    Dropout and its kin, where it is a layer, has a generator of its own. Whatever else in a forward pass draws, such as
    `torch.nn.functional.dropout`, attention's dropout, or noise, does so from the global generators of torch, numpy or
    Python: they are seeded too where `shared` says so, and such models of one process take turns with their forward
    passes. Generators that a module or its class has as attributes, by themselves or in a list, a tuple or a
    dictionary, are seeded as well. Not seeded are others, and draws in a backward pass.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        """Give the layers of a model, which is on this device, a generator."""
        self.uses_global_generators = False
        """Whether the model draws from the global generators in training."""
        self.random_in_evaluation = False
        """Whether it draws in evaluation."""
        self._device = device
        self._theirs = [each for module in model.modules() for each in _generators_of(module)]
        self.replace_generator(model)

    def replace_generator(self, model: nn.Module) -> None:
        """Give the layers of the model another generator, where theirs may be unusable after a failed capture."""
        self.own = torch.Generator(self._device)
        """The generator of its layers."""
        set_dropout_generator(model, self.own)

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Have random numbers in this context follow from `seed`."""
        if not self.uses_global_generators:
            self._seed_own(seed)
            yield
            return
        with GLOBAL_GENERATOR_LOCK:
            self.seed_all(seed)
            yield

    @contextmanager
    def for_evaluation(self) -> Iterator[None]:
        """Have random numbers in this context, where the model draws any in evaluation, be the same each time."""
        if not self.random_in_evaluation:
            self._seed_own(_EVALUATION)
            yield
            return
        with GLOBAL_GENERATOR_LOCK:
            self.seed_all(_EVALUATION)
            yield

    def seed_all(self, seed: int) -> None:
        """Seed the layers' generator and the global ones, which the caller has locked."""
        self._seed_own(seed)
        seed_global(seed, self._device)

    def _seed_own(self, seed: int) -> None:
        self.own.manual_seed(seed)
        for generator in self._theirs:
            _seed(generator, seed)

    def global_states(self) -> list[object]:
        """The states of the global generators, to be compared."""
        _, keys, *place = np.random.get_state(legacy=True)
        states = [generator.get_state().numpy().tobytes() for generator in _generators(self._device)]
        return [*states, random.getstate(), np.asarray(keys).tobytes(), place]


def _generators_of(module: nn.Module) -> Iterator[_Generator]:
    for holder in (module, *type(module).__mro__):
        for held in list(vars(holder).values()):
            values = held.values() if isinstance(held, dict) else held if isinstance(held, list | tuple) else (held,)
            yield from (each for each in values if isinstance(each, _Generator))


def _seed(generator: _Generator, seed: int) -> None:
    match generator:
        case torch.Generator():
            generator.manual_seed(seed)
        case random.Random():
            generator.seed(seed)
        case np.random.Generator():
            generator.bit_generator.state = type(generator.bit_generator)(seed).state
        case np.random.RandomState():
            # Its `seed` is for one kind of bit generator alone.
            kind = getattr(np.random, generator.get_state(legacy=False)["bit_generator"])
            generator.set_state(np.random.RandomState(kind(seed)).get_state(legacy=False))
