"""A class of the user's own lives a run's life in small before its run begins, so that what does not fit is told then.

It is trained on a few random images, evaluated, saved and loaded into a new model, which has to predict the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cifar_tui.config import IMAGE_SIZE, TrainingConfig, shortened
from cifar_tui.errors import InputError
from cifar_tui.models.own import told
from cifar_tui.models.own.kinds import unfit
from cifar_tui.models.own.settings import settings_kept
from cifar_tui.recipes import recipe
from cifar_tui.text import plural
from cifar_tui.training.checkpoints import copy_weights, load_weights
from cifar_tui.training.devices import Placement, best_memory_format
from cifar_tui.training.draws import Draws
from cifar_tui.training.optimizer import Steps, optimise

BATCHES = (2, 3)
"""Images of the batches that are trained on; those that are evaluated after each have one more, then a single one."""
STEPS = 100
"""Of the schedule that the optimiser is made with."""
RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""By how much logits may differ that are the same but for the order in which a GPU adds."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found: the placement with the memory format that the model takes, and what it draws from."""

    placement: Placement
    draws: Draws


def try_out(fresh: Callable[[], nn.Module], config: TrainingConfig, num_classes: int, placement: Placement) -> Tried:
    """Train, evaluate, save and load a model of its own, and leave nothing of it.

    The caller has the global generators for itself.

    Args:
        fresh: Makes the model, each time with the same initial weights, on the CPU.
        config: What names it.
        num_classes: The logits that it has to give.
        placement: Where it will train.

    Raises:
        InputError: It cannot be trained, or not be kept; the message says why.
    """
    contiguous = replace(placement, memory_format=torch.contiguous_format)
    try:
        with settings_kept():
            model = fresh()
            _check_kind(model)
            best = replace(placement, memory_format=best_memory_format(model))
            if best != contiguous:
                try:
                    return _live(model, fresh, config, num_classes, best)
                except _FailedError:
                    # `view` does not take images with channels last, where `reshape` or `flatten` would.
                    model = fresh()
            return _live(model, fresh, config, num_classes, contiguous)
    except InputError:
        raise
    except _Unfit as error:
        raise InputError(f"--model {config.model}: {error}") from None
    except (Exception, SystemExit) as error:
        raise InputError(f"--model {config.model}: {told(error, config.model_dir)}") from error


def placed(model: nn.Module, placement: Placement) -> nn.Module:
    """The model in its memory format on its device."""
    return model.to(memory_format=placement.memory_format).to(placement.device)


class _Unfit(Exception):  # noqa: N818  (an answer, not an error)
    """Why the model is of no use."""


class _FailedError(_Unfit):
    """The model raised an error, as it does not with images in another memory format, perhaps."""


def _check_kind(model: nn.Module) -> None:
    if why := unfit(model):
        raise _Unfit(why)


def _live(
    model: nn.Module, fresh: Callable[[], nn.Module], config: TrainingConfig, num_classes: int, placement: Placement
) -> Tried:
    """The life of a run: training, evaluation, training, evaluation, and its weights in a new model.

    Raises:
        _Unfit: It cannot lead it.
    """
    trial = _Trial(placed(model, placement), config, num_classes, placement)
    if not trial.logits(BATCHES[0], training=True).isfinite().all():
        raise _Unfit("its logits are infinite or NaN before any training")
    optimizer, _ = optimise(trial.model, config, recipe(config.recipe, config.model), STEPS)
    for images in BATCHES:
        trial.train(optimizer, images)
        trial.logits(images + 1, training=False)
        trial.logits(1, training=False)
    again = _Trial(placed(fresh(), placement), config, num_classes, placement)
    again.load(trial)
    for training in (False, True):
        found, expected = (each.logits(max(BATCHES), training=training).detach() for each in (again, trial))
        if not torch.allclose(found, expected, RELATIVE, ABSOLUTE, equal_nan=True):
            raise _Unfit(
                "its state_dict, loaded into a new model, gives other logits: what training changes, beside its "
                "parameters, has to be in buffers (register_buffer)"
            )
    return Tried(placement, trial.draws)


class _Trial:
    """A model that is tried: on its device, with its draws."""

    def __init__(self, model: nn.Module, config: TrainingConfig, num_classes: int, placement: Placement) -> None:
        self.model = model
        self.draws = Draws(model, placement.device)
        self._folder = config.model_dir
        self._classes = num_classes
        self._placement = placement

    def train(self, optimizer: Steps, images: int) -> None:
        """A step on so many images."""
        labels = torch.arange(images, device=self._placement.device) % self._classes
        logits = self.logits(images, training=True)
        with self._placement.autocast():
            loss = F.cross_entropy(logits, labels)
        if not loss.requires_grad:
            raise _Unfit("nothing that can be trained has a part in its logits")
        try:
            loss.backward()
            self._check_gradients()
            optimizer.step()
        except _Unfit:
            raise
        except Exception as error:
            raise _FailedError(f"a step of its training failed: {told(error, self._folder)}") from error
        self.model.zero_grad(set_to_none=True)

    def _check_gradients(self) -> None:
        for name, parameter in self.model.named_parameters():
            if parameter.grad is not None and parameter.grad.layout != torch.strided:
                raise _Unfit(
                    f"the gradient of {shortened(name)} is sparse, which AdamW does not take; leave out sparse=True"
                )

    def load(self, other: _Trial) -> None:
        """Take over what a checkpoint of another one would hold."""
        try:
            load_weights(self.model, copy_weights(other.model))
        except Exception as error:
            raise _FailedError(f"its state_dict cannot be loaded again: {told(error, self._folder)}") from error
        pairs = zip(self.model.named_parameters(), other.model.parameters(), strict=True)
        if lost := next((name for (name, mine), theirs in pairs if not torch.equal(mine, theirs)), None):
            raise _Unfit(
                f"{shortened(lost)} is not in its state_dict, or not loaded from it: a checkpoint would lose what it "
                "has learned"
            )

    def logits(self, images: int, *, training: bool) -> Tensor:
        """Its logits for so many images; the same number gets the same images, and the same draws.

        Raises:
            _Unfit: It gives none.
        """
        generator = torch.Generator().manual_seed(images)
        batch = torch.rand(images, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator) * 2 - 1
        batch = batch.to(self._placement.device, memory_format=self._placement.memory_format)
        self.model.train(training)
        self.draws.seed_all(0)
        before, dtype = self._states(own=not training), torch.get_default_dtype()
        try:
            with torch.set_grad_enabled(training), self._placement.autocast():
                logits = self.model(batch)
                gradients = torch.is_grad_enabled()
        except (Exception, SystemExit) as error:
            when = "" if training else " in evaluation"
            what = f"with {plural(images, 'random image')}{when} it failed"
            raise _FailedError(f"{what}: {told(error, self._folder)}{self._other_type(error)}") from error
        drawn = self._states(own=not training) != before
        self.draws.shared |= drawn and training
        self.draws.evaluates_at_random |= drawn and not training
        if gradients < training:
            raise _Unfit("its forward leaves torch's gradients off; have it use `with torch.no_grad():`")
        if torch.get_default_dtype() != dtype:
            raise _Unfit("its forward changes torch's default dtype; have it give its tensors their dtype instead")
        return _checked(logits, images, self._classes, "" if training else " in evaluation")

    def _other_type(self, error: BaseException) -> str:
        """What may be behind an error about types of numbers."""
        types = {each.dtype for each in self.model.parameters() if each.is_floating_point()} - {torch.float32}
        if not types or "type" not in str(error):
            return ""
        return f"; images are torch.float32, its parameters {', '.join(sorted(map(str, types)))}"

    def _states(self, *, own: bool) -> list[object]:
        """Where the generators stand that it may draw from; its layers' own may be drawn from in training."""
        return [*self.draws.global_states(), *([self.draws.own.get_state().tolist()] if own else [])]


def _checked(logits: object, images: int, num_classes: int, when: str) -> Tensor:
    """What a model gave, which has to be logits.

    Raises:
        _Unfit: It is not.
    """
    shape = (images, num_classes)
    wanted = f"it has to give logits, a tensor of shape {shape} for {plural(images, 'image')}{when}"
    if not isinstance(logits, Tensor):
        raise _Unfit(f"{wanted}, not a {type(logits).__name__}; have its forward return the logits alone")
    if logits.shape != shape:
        raise _Unfit(f"{wanted}, not of {tuple(logits.shape)}")
    if not logits.is_floating_point() or logits.layout != torch.strided:
        raise _Unfit(f"{wanted}, not of {logits.dtype if logits.layout == torch.strided else logits.layout}")
    return logits
