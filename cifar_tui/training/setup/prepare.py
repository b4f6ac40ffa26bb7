"""Set a run up from its options: images, a device, a model."""

from __future__ import annotations

import hashlib
import inspect
import linecache
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import nn

from cifar_tui import models
from cifar_tui.config import TrainingConfig
from cifar_tui.data.dataset import Dataset, ProgressCallback, Source, split
from cifar_tui.data.seeds import derive_seed
from cifar_tui.errors import InputError
from cifar_tui.formatting import plural
from cifar_tui.models.parts.dropout import own_dropout, set_dropout
from cifar_tui.models.user_class import is_user_class
from cifar_tui.models.user_class.compatibility import is_compiled, uncompiled
from cifar_tui.recipes import Recipe, recipe
from cifar_tui.records import StoredRun
from cifar_tui.training.checkpoints.storage import Identity
from cifar_tui.training.devices import Placement, adapt_config, best_memory_format, resolve_device
from cifar_tui.training.distributed.group import ALONE, Group
from cifar_tui.training.random_streams import RandomStreams, global_generators, seed_global
from cifar_tui.training.setup.image_cache import ImageCache
from cifar_tui.training.setup.smoke_test import Purpose, placed, smoke_test

UNCOMPILED = (
    "what torch.compile compiles in the model is computed without it: compiled code rounds by the batches that it has "
    "met before, and a resumed run would not be the same"
)
"""The note of a run whose class uses it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """All that the training loop needs of a run."""

    config: TrainingConfig
    placement: Placement
    dataset: Dataset
    model: nn.Module
    random_streams: RandomStreams
    group: Group = ALONE
    """The processes that train it."""
    notes: tuple[str, ...] = ()
    """What the user should know about the model."""
    warnings: tuple[str, ...] = ()
    """Likewise, about what may go wrong."""

    @property
    def recipe(self) -> Recipe:
        """The recipe that its options name."""
        return recipe(self.config.recipe, self.config.model)

    @property
    def identity(self) -> Identity:
        """The run that its checkpoints belong to."""
        return Identity(self.config.model, self.dataset.classes, self.dataset.fingerprint, self.config.seed)

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)


def prepare(config: TrainingConfig, image_cache: ImageCache, progress: ProgressCallback, group: Group = ALONE) -> Setup:
    """Read the images, resolve the device, and build the model with weights that depend on the seed alone.

    To be called on the thread that will train: it sets that thread's device and number of threads.

    Args:
        config: The options of a new run.
        image_cache: May have its images in memory already.
        progress: Called with each step; what it raises ends this.
        group: The processes that will train together, each of which calls this.

    Raises:
        InputError: The options do not fit this machine or these images, or a user's class is not usable as a model; or
            the processes have different images or devices.
        CifarTuiError: The images could not be read.
    """
    make, placement = models.load(config.model, config.model_dir), use_device(config, group)
    with group.first_on_host():
        source = image_cache.load(config, progress)
    return _setup(config, make, placement, source, "begin", group)


def prepare_stored(
    stored: StoredRun,
    image_cache: ImageCache,
    progress: ProgressCallback,
    purpose: Purpose = "predict",
    group: Group = ALONE,
) -> Setup:
    """As `prepare`, for a recorded run, adapted to this machine's devices, with its images wherever they are now.

    For `predict`, what matters to training alone is not checked.

    Raises:
        InputError: As of `prepare`; or its images were not found.
        CifarTuiError: The images could not be read.
    """
    config = adapt_config(stored, group.processes)
    make, placement = models.load(config.model, config.model_dir), use_device(config, group)
    with group.first_on_host():
        source, place = image_cache.load_stored(stored, progress)
    config = replace(config, data=place.data, data_dir=place.data_dir)
    return _setup(config, make, placement, source, purpose, group)


def _setup(
    config: TrainingConfig,
    make: Callable[[int], nn.Module],
    placement: Placement,
    source: Source,
    purpose: Purpose,
    group: Group,
) -> Setup:
    dataset = split(source, config.seed)
    group.check_same(images=f"SHA-256 {dataset.fingerprint[:16]}")
    built = build(config, make, len(dataset.classes), placement, purpose)
    group.check_same(shapes_of_the_model=_shapes(built.model), source_of_the_model=_source(built.model))
    return Setup(
        config, built.placement, dataset, built.model, built.random_streams, group, built.notes, built.warnings
    )


def use_device(config: TrainingConfig, group: Group = ALONE) -> Placement:
    """Resolve the device, and have this thread compute there, with its number of threads.

    Of several processes on a machine, each takes a GPU of its own.

    Raises:
        InputError: The options do not fit this machine.
    """
    placement = resolve_device(config)
    if group.processes > 1 and placement.device.type == "cuda":
        # Some launchers show each process its own GPU alone.
        number = group.local_rank if torch.cuda.device_count() > 1 else 0
        if number >= torch.cuda.device_count():
            raise InputError(f"there are {plural(torch.cuda.device_count(), 'GPU')} for more processes")
        placement = resolve_device(replace(config, device=f"cuda:{number}"))
    torch.set_num_threads(placement.threads)
    if placement.device.type == "cuda":
        # Streams and events are those of the thread's current device.
        torch.cuda.set_device(placement.device)
    group.connect_devices(placement)
    return placement


def _shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of a model's parameters and buffers, by name."""
    return {name: tuple(each.shape) for name, each in model.state_dict().items() if isinstance(each, torch.Tensor)}


def _source(model: nn.Module) -> str:
    """What tells a model's class from another, by its name and its whole file; empty where that has none."""
    # Not `inspect.getsource`, which parses the file: Python 3.11 may fail where another thread parses one meanwhile.
    try:
        lines = linecache.getlines(inspect.getsourcefile(type(model)) or "")
    except TypeError:
        return ""
    content = "".join([type(model).__qualname__, *lines])
    return f"SHA-256 {hashlib.sha256(content.encode()).hexdigest()[:16]}" if lines else ""


class Built(NamedTuple):
    """A model on its device, the placement with the memory format that suits it, and its random streams.

    Attributes:
        notes: What the user should know about it.
        warnings: Likewise, about what may go wrong.
    """

    model: nn.Module
    placement: Placement
    random_streams: RandomStreams
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def build(
    config: TrainingConfig,
    make: Callable[[int], nn.Module],
    num_classes: int,
    placement: Placement,
    purpose: Purpose,
) -> Built:
    """Build the model of a run on its device, with initial weights that depend on the seed alone.

    Args:
        config: The run's options.
        make: Builds the model for a number of classes.
        num_classes: That number.
        placement: Where it computes.
        purpose: What it is for, which decides how a user's model class is tested.

    Raises:
        InputError: A user's model class is not usable as a model.
    """
    how, notes = recipe(config.recipe, config.model), dict[str, None]()

    def fresh() -> nn.Module:
        seed_global(derive_seed(config.seed, 0, 0, "weights"), placement.device)
        model = make(num_classes)
        if is_user_class(config.model) and is_compiled(model):
            notes[UNCOMPILED] = None
            model = uncompiled(model)
        set_dropout(model, how.block_dropout, how.head_dropout)
        own_dropout(model)
        return model

    tried = None
    # Layers draw their initial weights from the global generators, which all threads share.
    with global_generators(placement.device):
        if is_user_class(config.model):
            tried = smoke_test(fresh, config, num_classes, placement, purpose)
        model = fresh()
    memory_format = tried.placement.memory_format if tried else best_memory_format(model)
    placement = replace(placement, memory_format=memory_format)
    model = placed(model, placement)
    random_streams = RandomStreams(model, placement.device)
    if tried:
        random_streams.uses_global_generators, random_streams.random_in_evaluation = (
            tried.random_streams.uses_global_generators,
            tried.random_streams.random_in_evaluation,
        )
    return Built(model, placement, random_streams, tuple(notes), tried.warnings if tried else ())
