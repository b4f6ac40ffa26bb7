"""From a run's options to what its loop needs: images, a device, a model."""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import nn

from cifar_tui import models
from cifar_tui.config import TrainingConfig
from cifar_tui.data import sources
from cifar_tui.data.dataset import Dataset, Progress, Source, fingerprint, split
from cifar_tui.data.files import RULES
from cifar_tui.data.keys import key
from cifar_tui.errors import InputError
from cifar_tui.models.own import is_own
from cifar_tui.models.own.kinds import is_compiled, uncompiled
from cifar_tui.models.parts.dropout import own_dropout, set_dropout
from cifar_tui.recipes import Recipe, recipe
from cifar_tui.stored import ImagePlace, Stored
from cifar_tui.training.checkpoints import Identity
from cifar_tui.training.devices import Placement, adapted, best_memory_format, place
from cifar_tui.training.draws import Draws, global_generators, seed_global
from cifar_tui.training.trial import placed, try_out

UNCOMPILED = (
    "what torch.compile compiles in the model is computed without it: compiled code rounds by the batches that it has "
    "met before, and a resumed run would not be the same"
)
"""The note of a run whose class uses it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A run that is ready to train."""

    config: TrainingConfig
    placement: Placement
    dataset: Dataset
    model: nn.Module
    draws: Draws
    notes: tuple[str, ...] = ()
    """What was found out about the model that a person has to know."""

    @property
    def recipe(self) -> Recipe:
        """How it is trained, beside its options."""
        return recipe(self.config.recipe, self.config.model)

    @property
    def identity(self) -> Identity:
        """What its checkpoints belong to."""
        return Identity(self.config.model, self.dataset.classes, self.dataset.fingerprint, self.config.seed)

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)


class Shelf:
    """The images that were read last, so that runs on the same ones read them once. Threads may share it."""

    def __init__(self) -> None:
        self._last: tuple[tuple[str, str | None, int], Source] | None = None
        self._reading = threading.Lock()

    def source(
        self,
        config: ImagePlace | TrainingConfig,
        progress: Progress,
        *,
        stored: bool = False,
        rules: int = RULES,
    ) -> Source:
        """The images that `config` names.

        Args:
            config: The options of a run.
            progress: Told what is being done; what it raises ends the reading.
            stored: Whether they are those of a run in a folder, which may have come from anybody: where they say that
                CIFAR-10 is, it is looked for, but never put.
            rules: Those by which folders are read: of a run, the ones that it began with.

        Raises:
            InputError: They are not there or not usable.
            CifarTuiError: They could not be read.
        """
        wanted = (config.data, config.data_dir, rules)
        while not self._reading.acquire(timeout=0.1):
            # Another run reads; where this one is asked to stop meanwhile, telling of progress raises.
            progress("waiting for another run's images", 0, 0)
        try:
            if self._last is None or self._last[0] != wanted:
                self._last = (wanted, sources.read(config.data, config.data_dir, progress, stored=stored, rules=rules))
            return self._last[1]
        finally:
            self._reading.release()


def prepare(config: TrainingConfig, shelf: Shelf, progress: Progress) -> Setup:
    """Read the images, find the device, and build the model with weights that depend on the seed alone.

    To be called on the thread that will train: it takes the device and the number of threads for itself.

    Args:
        config: The options of a new run.
        shelf: Where its images may be in memory already.
        progress: Told what is being done; what it raises ends that.

    Raises:
        InputError: The options do not fit this machine or these images, or a class of the user's own is no model.
        CifarTuiError: The images could not be read.
    """
    make, placement = models.load(config.model, config.model_dir), settle(config)
    return _setup(config, make, placement, shelf.source(config, progress))


def prepare_stored(stored: Stored, shelf: Shelf, progress: Progress) -> Setup:
    """As `prepare`, for a run in a folder, on what of its device is here, with its images wherever they are.

    Raises:
        InputError: As of `prepare`; or its images are nowhere.
        CifarTuiError: The images could not be read.
    """
    config = adapted(stored)
    make, placement = models.load(config.model, config.model_dir), settle(config)
    source, place = stored_images(stored, shelf, progress)
    return _setup(replace(config, data=place.data, data_dir=place.data_dir), make, placement, source)


def _setup(config: TrainingConfig, make: Callable[[int], nn.Module], placement: Placement, source: Source) -> Setup:
    dataset = split(source, config.seed)
    built = build(config, make, len(dataset.classes), placement)
    return Setup(config, built.placement, dataset, built.model, built.draws, built.notes)


def stored_images(stored: Stored, shelf: Shelf, progress: Progress) -> tuple[Source, ImagePlace]:
    """The images of a run in a folder: those with its fingerprint, of the places where they may be; and which it is.

    Raises:
        InputError: They are at none of them; the message says which were looked at.
        CifarTuiError: They could not be read.
    """
    reasons = []
    for where in stored.places:
        if not where.there:
            reasons.append(f"{where.shown} is not there")
            continue
        try:
            if stored.given.data is not None and where.data == "cifar10" and where.data_dir is not None:
                sources.check_cifar10(where.data_dir)
            source = shelf.source(where, progress, stored=True, rules=stored.rules)
        except InputError as error:
            reasons.append(str(error).removeprefix("--data: "))
            continue
        if fingerprint(source) == stored.fingerprint:
            return source, where
        reasons.append(f"{where.shown} has other images{_decoder(stored)}")
    raise InputError(
        f"the images of {stored.id} are not where they were looked for: {'; '.join(reasons)}; "
        f"name their folder by --data, as in `cifar-tui resume {stored.id} --data PATH`"
    )


def _decoder(stored: Stored) -> str:
    """Whether another decoder may be why images are other ones."""
    before, now = stored.versions.get("pillow"), importlib.metadata.version("pillow")
    return "" if before in (None, now) else f" (or decodes them otherwise: Pillow is {now} here, and was {before})"


def settle(config: TrainingConfig) -> Placement:
    """Find the device, and have this thread compute there, with its number of threads.

    Raises:
        InputError: The options do not fit this machine.
    """
    placement = place(config)
    torch.set_num_threads(placement.threads)
    if placement.device.type == "cuda":
        # Streams and events are those of the thread's current device.
        torch.cuda.set_device(placement.device)
    return placement


class Built(NamedTuple):
    """A model on its device, the placement with the memory format that suits it, and its random draws.

    Attributes:
        notes: What a person has to know of it.
    """

    model: nn.Module
    placement: Placement
    draws: Draws
    notes: tuple[str, ...]


def build(config: TrainingConfig, make: Callable[[int], nn.Module], num_classes: int, placement: Placement) -> Built:
    """The model of a run with its initial weights, which depend on the seed alone, on its device.

    Args:
        config: The run's options.
        make: Makes the model for a number of classes.
        num_classes: That number.
        placement: Where it computes.

    Raises:
        InputError: A class of the user's own is no model.
    """
    how, notes = recipe(config.recipe, config.model), dict[str, None]()

    def fresh() -> nn.Module:
        seed_global(key(config.seed, 0, 0, "weights"), placement.device)
        model = make(num_classes)
        if is_own(config.model) and is_compiled(model):
            notes[UNCOMPILED] = None
            model = uncompiled(model)
        set_dropout(model, how.block_dropout, how.head_dropout)
        own_dropout(model)
        return model

    tried = None
    # Layers draw their initial weights from the global generators, which all threads share.
    with global_generators(placement.device):
        if is_own(config.model):
            tried = try_out(fresh, config, num_classes, placement)
        model = fresh()
    memory_format = tried.placement.memory_format if tried else best_memory_format(model)
    placement = replace(placement, memory_format=memory_format)
    model = placed(model, placement)
    draws = Draws(model, placement.device)
    if tried:
        draws.shared, draws.evaluates_at_random = tried.draws.shared, tried.draws.evaluates_at_random
    return Built(model, placement, draws, tuple(notes))
