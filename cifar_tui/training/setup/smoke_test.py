"""A smoke test of a user's model class: a run in small, so that what does not fit shows before the real one starts.

It is trained on a few random images, evaluated, saved and loaded into a new model, which has to predict the same. What
only matters to a resumed run is a warning. A run that has started is refused nothing that it could do without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cifar_tui.config import IMAGE_SIZE, TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.formatting import plural, shortened
from cifar_tui.models.user_class import describe_error
from cifar_tui.models.user_class.compatibility import why_unloadable, why_untrainable
from cifar_tui.models.user_class.torch_settings import preserve_torch_settings
from cifar_tui.recipes import recipe
from cifar_tui.training.checkpoints.storage import copy_weights, load_weights
from cifar_tui.training.devices import Placement, best_memory_format
from cifar_tui.training.lr_scheduler import build_scheduler
from cifar_tui.training.optimizer import OptimizerLike, build_optimizer
from cifar_tui.training.random_streams import RandomStreams

BATCHES = (2, 3)
"""Images of the batches that are trained on; those that are evaluated after each have one more, then a single one."""
STEPS = 100
"""Steps of the schedule, of which only the first rate is used."""
RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""By how much logits may differ that are the same but for the order in which a GPU adds."""
_STATE = (
    "its state_dict, loaded into a new model, gives other logits{}: what training changes, beside its parameters, has "
    "to be in buffers (register_buffer)"
)
_DRAWS = (
    "its logits{} differ each time: it depends on what is outside the module, such as a generator that is not seeded; "
    "have the module hold its generators as attributes"
)
_IN_EVALUATION = " in evaluation"
_RESUMED = "a resumed run is not the same, bit for bit, as one without a break: "

Purpose = Literal["begin", "resume", "predict"]
"""What a model is built for: a new run, the rest of one, or predictions."""


@dataclass(frozen=True, slots=True)
class SmokeTestResult:
    """The result of a smoke test.

    Attributes:
        placement: With the memory format that the model takes.
        random_streams: What the model draws from.
        warnings: What the user should know before training it.
    """

    placement: Placement
    random_streams: RandomStreams
    warnings: tuple[str, ...] = ()


def smoke_test(
    fresh: Callable[[], nn.Module], config: TrainingConfig, num_classes: int, placement: Placement, purpose: Purpose
) -> SmokeTestResult:
    """Train, evaluate, save and load a model made for this test alone.

    The caller has locked the global generators.

    Args:
        fresh: Builds the model, each time with the same initial weights, on the CPU.
        config: What names it.
        num_classes: The logits that it has to give.
        placement: Where it will train.
        purpose: What is tested: for `predict`, evaluation alone.

    Raises:
        InputError: It cannot be trained, or not be saved; the message says why.
    """
    contiguous = replace(placement, memory_format=torch.contiguous_format)
    try:
        with preserve_torch_settings():
            model = fresh()
            _check_kind(model, purpose)
            best = replace(placement, memory_format=best_memory_format(model))
            if best != contiguous:
                try:
                    return _live(model, fresh, config, num_classes, best, purpose)
                except _FailedError:
                    # `view` does not take images with channels last, where `reshape` or `flatten` would.
                    model = fresh()
            return _live(model, fresh, config, num_classes, contiguous, purpose)
    except InputError:
        raise
    except _Unfit as error:
        raise InputError(f"--model {config.model}: {error}") from None
    except (Exception, SystemExit) as error:
        raise InputError(f"--model {config.model}: {describe_error(error, config.model_dir)}") from error


def placed(model: nn.Module, placement: Placement) -> nn.Module:
    """The model in its memory format on its device."""
    return model.to(memory_format=placement.memory_format).to(placement.device)


class _Unfit(Exception):  # noqa: N818  (a result, not an error)
    """Why the model is of no use."""


class _FailedError(_Unfit):
    """The model raised an error, as it does not with images in another memory format, perhaps."""


def _check_kind(model: nn.Module, purpose: Purpose) -> None:
    if why := why_unloadable(model) if purpose == "predict" else why_untrainable(model):
        raise _Unfit(why)


def _live(
    model: nn.Module,
    fresh: Callable[[], nn.Module],
    config: TrainingConfig,
    num_classes: int,
    placement: Placement,
    purpose: Purpose,
) -> SmokeTestResult:
    """Run the test: training, evaluation, training, evaluation, and its weights in a new model.

    Raises:
        _Unfit: It fails.
    """
    begins = purpose == "begin"

    def tried(model: nn.Module) -> _TestedModel:
        return _TestedModel(placed(model, placement), config, num_classes, placement)

    trial = tried(model)
    if purpose == "predict":
        trial.logits(max(BATCHES), training=False)
        return SmokeTestResult(placement, trial.random_streams)
    if not trial.logits(BATCHES[0], training=True).isfinite().all():
        raise _Unfit("its logits are infinite or NaN before any training")
    how = recipe(config.recipe, config.model)
    optimizer = build_optimizer(trial.model, config, how)
    build_scheduler(optimizer, config, how, STEPS)  # It sets the rate at which a run starts.
    for images in BATCHES:
        trial.train(optimizer, images)
        trial.logits(images + 1, training=False)
        if begins:
            trial.logits(1, training=False)
    lost, evaluated, trained = _losses(trial, lambda: tried(fresh()))
    if begins and (lost or evaluated):
        raise _Unfit(lost or evaluated)
    found = lost or evaluated or trained
    return SmokeTestResult(
        placement, trial.random_streams, (f"--model {config.model}: {_RESUMED}{found}",) if found else ()
    )


def _losses(trial: _TestedModel, fresh: Callable[[], _TestedModel]) -> tuple[str, str, str]:
    """Describe what a checkpoint of the model would lose, each empty where it is nothing.

    Returns:
        Why its parameters are not what they were, its logits in evaluation, and those in training.

    Raises:
        _FailedError: It cannot be loaded.
    """

    def loaded() -> _TestedModel:
        again = fresh()
        again.load(trial)
        return again

    def difference(again: _TestedModel, when: str, *, training: bool) -> str:
        if _agree(again, trial, training=training):
            return ""
        # What differs between two that are new is not in the module at all.
        return (_STATE if _agree(loaded(), loaded(), training=training) else _DRAWS).format(when)

    again = fresh()
    lost = again.load(trial)
    return (
        lost,
        difference(again, _IN_EVALUATION, training=False),
        difference(again, " in training", training=True),
    )


def _agree(one: _TestedModel, other: _TestedModel, *, training: bool) -> bool:
    """Whether two give the same logits."""
    found, expected = (each.logits(max(BATCHES), training=training).detach() for each in (one, other))
    return torch.allclose(found, expected, RELATIVE, ABSOLUTE, equal_nan=True)


class _TestedModel:
    """A model under test: on its device, with its random streams."""

    def __init__(self, model: nn.Module, config: TrainingConfig, num_classes: int, placement: Placement) -> None:
        self.model = model
        self.random_streams = RandomStreams(model, placement.device)
        self._folder = config.model_dir
        self._classes = num_classes
        self._placement = placement

    def train(self, optimizer: OptimizerLike, images: int) -> None:
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
            raise _FailedError(f"a step of its training failed: {describe_error(error, self._folder)}") from error
        self.model.zero_grad(set_to_none=True)

    def _check_gradients(self) -> None:
        for name, parameter in self.model.named_parameters():
            if parameter.grad is not None and parameter.grad.layout != torch.strided:
                raise _Unfit(
                    f"the gradient of {shortened(name)} is sparse, which AdamW does not take; leave out sparse=True"
                )

    def load(self, other: _TestedModel) -> str:
        """Load what a checkpoint of another one would hold; returns what of its parameters is lost, in words."""
        try:
            load_weights(self.model, copy_weights(other.model))
        except Exception as error:
            raise _FailedError(
                f"its state_dict cannot be loaded again: {describe_error(error, self._folder)}"
            ) from error
        pairs = zip(self.model.named_parameters(), other.model.parameters(), strict=True)
        if lost := next((name for (name, mine), theirs in pairs if not torch.equal(mine, theirs)), None):
            return (
                f"{shortened(lost)} is not in its state_dict, or not loaded from it: a checkpoint would lose what it "
                "has learned"
            )
        return ""

    def logits(self, images: int, *, training: bool) -> Tensor:
        """Its logits for so many images; the same number gets the same images, and the same random numbers.

        Raises:
            _Unfit: It gives none.
        """
        generator = torch.Generator().manual_seed(images)
        batch = torch.rand(images, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator) * 2 - 1
        batch = batch.to(self._placement.device, memory_format=self._placement.memory_format)
        self.model.train(training)
        self.random_streams.seed_all(0)
        before, dtype = self._states(own=not training), torch.get_default_dtype()
        try:
            with torch.set_grad_enabled(training), self._placement.autocast():
                logits = self.model(batch)
                gradients = torch.is_grad_enabled()
        except (Exception, SystemExit) as error:
            when = "" if training else _IN_EVALUATION
            what = f"with {plural(images, 'random image')}{when} it failed"
            raise _FailedError(f"{what}: {describe_error(error, self._folder)}{self._other_type(error)}") from error
        drawn = self._states(own=not training) != before
        self.random_streams.uses_global_generators |= drawn and training
        self.random_streams.random_in_evaluation |= drawn and not training
        if gradients < training:
            raise _Unfit("its forward leaves torch's gradients off; have it use `with torch.no_grad():`")
        if torch.get_default_dtype() != dtype:
            raise _Unfit("its forward changes torch's default dtype; have it give its tensors their dtype instead")
        return _checked(logits, images, self._classes, "" if training else _IN_EVALUATION)

    def _other_type(self, error: BaseException) -> str:
        """A possible cause of an error about dtypes."""
        types = {each.dtype for each in self.model.parameters() if each.is_floating_point()} - {torch.float32}
        if not types or "type" not in str(error):
            return ""
        return f"; images are torch.float32, its parameters {', '.join(sorted(map(str, types)))}"

    def _states(self, *, own: bool) -> list[object]:
        """The states of the generators that it may draw from; its layers' own may be drawn from in training."""
        return [*self.random_streams.global_states(), *([self.random_streams.own.get_state().tolist()] if own else [])]


def _checked(logits: object, images: int, num_classes: int, when: str) -> Tensor:
    """Check that a model returned logits.

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
