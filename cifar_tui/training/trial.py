"""A class of the user's own gets two images before its run begins, so that what does not fit is told at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cifar_tui.config import IMAGE_SIZE, TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.models.own import told
from cifar_tui.training.checkpoints import copy_weights
from cifar_tui.training.devices import Placement
from cifar_tui.training.draws import GLOBAL_GENERATOR, Draws

IMAGES = 2


def try_out(
    model: nn.Module, config: TrainingConfig, num_classes: int, placement: Placement, draws: Draws
) -> Placement:
    """Evaluate the model and train a step of it up to the gradients, then put its weights back as they were.

    Args:
        model: On its device and in the placement's memory format, which is changed where it cannot do with that.
        config: What names it.
        num_classes: The logits that it has to give.
        placement: Where it will train.
        draws: Its random draws; they learn here whether it draws from the global generators.

    Returns:
        The placement with the memory format that the model takes.

    Raises:
        InputError: It cannot be trained; the message says why.
    """
    name = f"--model {config.model}"
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"{name}: it has no parameters that can be trained")
    for key, value in model.state_dict().items():
        if not isinstance(value, Tensor):
            raise InputError(f"{name}: {key!r} of its state is no tensor, which a checkpoint cannot keep")
        if not value.isfinite().all():
            raise InputError(
                f"{name}: {key!r} is infinite or NaN from the beginning, which is taken for divergence; "
                "register such a buffer with persistent=False"
            )
    devices = [placement.device] if placement.device.type == "cuda" else []
    with GLOBAL_GENERATOR, torch.random.fork_rng(devices):
        before, weights = draws.global_states(), copy_weights(model)
        try:
            if placement.memory_format == torch.contiguous_format or not _takes(model, num_classes, placement, draws):
                placement = Placement(placement.device, placement.name, placement.precision, placement.threads)
                model.to(memory_format=placement.memory_format)
                _step(model, num_classes, placement, draws)
            model.load_state_dict(weights)
        except _Unfit as error:
            raise InputError(f"{name}: {error}") from None
        except Exception as error:
            what = f"with {IMAGES} random images it failed"
            raise InputError(f"{name}: {what}: {told(error, config.model_dir)}") from error
        draws.shared = any(not torch.equal(a, b) for a, b in zip(before, draws.global_states(), strict=True))
    return placement


class _Unfit(Exception):  # noqa: N818  (an answer, not an error)
    """Why the model's answer is no use."""


def _takes(model: nn.Module, num_classes: int, placement: Placement, draws: Draws) -> bool:
    """Whether it takes images with channels last: `view` does not, where `reshape` or `flatten` would."""
    try:
        _step(model, num_classes, placement, draws)
    except RuntimeError:
        return False
    return True


def _step(model: nn.Module, num_classes: int, placement: Placement, draws: Draws) -> None:
    """Training, evaluation, training, as they follow each other in a run."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(IMAGES, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator) * 2 - 1
    images = images.to(placement.device, memory_format=placement.memory_format)
    labels = torch.arange(IMAGES, device=placement.device) % num_classes
    for training in (True, False, True):
        model.train(training)
        with torch.inference_mode(not training), draws.seeded(0), placement.autocast():
            logits = model(images)
            _check(logits, num_classes)
            loss = F.cross_entropy(logits, labels)
        if training:
            if not loss.requires_grad:
                raise _Unfit("nothing that can be trained has a part in its logits")
            loss.backward()
            model.zero_grad(set_to_none=True)


def _check(logits: object, num_classes: int) -> None:
    wanted = f"it has to give logits, a tensor of shape {(IMAGES, num_classes)} for {IMAGES} images"
    if not isinstance(logits, Tensor):
        raise _Unfit(f"{wanted}, not a {type(logits).__name__}")
    if logits.shape != (IMAGES, num_classes):
        raise _Unfit(f"{wanted}, not of {tuple(logits.shape)}")
    if not logits.is_floating_point():
        raise _Unfit(f"{wanted}, not of {logits.dtype}")
    if not logits.isfinite().all():
        raise _Unfit("its logits are infinite or NaN before any training")
