"""Predictions of a trained model for images that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cifar_tui import models
from cifar_tui.config import TrainingConfig
from cifar_tui.data.dataset import Split
from cifar_tui.data.loader import EVALUATION_BATCH, evaluation_batches
from cifar_tui.training.checkpoints import best, storage
from cifar_tui.training.checkpoints.storage import Identity
from cifar_tui.training.devices import Placement
from cifar_tui.training.evaluation import compute_logits
from cifar_tui.training.random_streams import RandomStreams
from cifar_tui.training.setup.prepare import build, use_device

BATCH_SIZE = EVALUATION_BATCH
"""As in an evaluation: how a product is rounded may depend on the number of images in the batch."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model with a run's best weights, ready to predict."""

    model: nn.Module
    placement: Placement
    epoch: int
    """The one that the weights are of."""
    random_streams: RandomStreams


def load(path: Path, config: TrainingConfig, identity: Identity, epoch: int = 0) -> TrainedModel:
    """Load the model of a run's best weights onto the run's device; the images that it was trained on are not needed.

    Args:
        path: Their file, as `checkpoints.best` takes it.
        config: The run's options.
        identity: The run's: no other's weights are taken.
        epoch: The run's best one, where the file does not say it.

    Raises:
        InputError: The file is missing, damaged or another run's, or the device is not there.
    """
    make = models.load(config.model, config.model_dir)
    placement = use_device(config)
    built = build(config, make, len(identity.classes), placement, "predict")
    found = best.load(path, identity, storage.size_limits(built.model), epoch)
    best.restore(found, built.model, path)
    built.model.eval()
    return TrainedModel(built.model, built.placement, found.epoch, built.random_streams)


def predict(trained: TrainedModel, images: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Classify images, as an evaluation of the same images would.

    Args:
        trained: The model.
        images: (n, 3, 32, 32), RGB; n is at most `BATCH_SIZE`.

    Returns:
        The predicted class of each image, (n,), and the probabilities of all classes, (n, K).

    Raises:
        InputError: The model returns no logits for each image.
    """
    split = Split(torch.from_numpy(images), torch.zeros(len(images), dtype=torch.int64))
    ((inputs, _),) = evaluation_batches(split, trained.placement.device, trained.placement.memory_format, BATCH_SIZE)
    with trained.random_streams.for_evaluation():
        logits = compute_logits(trained.model, inputs, trained.placement)
    predicted = logits.argmax(dim=1)
    return predicted.cpu().numpy(), logits.float().softmax(dim=1).cpu().numpy()
