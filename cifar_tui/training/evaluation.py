"""Evaluation of a model on a split that it is not trained on."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.data.dataset import Split
from cifar_tui.data.loader import EVALUATION_BATCH, evaluation_batches
from cifar_tui.errors import InputError
from cifar_tui.events import Evaluated, SplitName
from cifar_tui.formatting import plural
from cifar_tui.training.control import LoopControl
from cifar_tui.training.devices import Placement
from cifar_tui.training.distributed.group import ALONE, Group

FEW_CLASSES = 10
"""Up to as many, five of them say little."""
TOP_ROWS = 8192
"""Images whose most probable classes are found at once."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of evaluating a model on a split.

    Attributes:
        loss: Mean cross-entropy.
        accuracy: The share of the images that it predicted right.
        confusion: Counts; rows true, columns predicted.
        predicted: (N,) int64 on the CPU, the class predicted for each image.
        logits: (N, K) float32 on the model's device.
        seconds: How long it took.
        top5: The share of the images whose class is among the five most probable ones; None of few classes.
    """

    loss: float
    accuracy: float
    confusion: ConfusionMatrix
    predicted: Tensor
    logits: Tensor
    seconds: float
    top5: float | None = None

    def event(self, split: SplitName, epoch: int, t: float) -> Evaluated:
        """The event that reports it."""
        return Evaluated(
            t=t,
            split=split,
            epoch=epoch,
            loss=self.loss,
            accuracy=self.accuracy,
            confusion=self.confusion,
            seconds=self.seconds,
        )

    def probabilities(self) -> NDArray[np.float32]:
        """(N, K) float32; of each class, by softmax; that of the predicted one is the first of the highest."""
        found = self.logits.softmax(dim=1).cpu().numpy()
        predicted = self.predicted.numpy()
        # Logits that differ by less than softmax resolves come out equal, and another class may come first.
        (rows,) = (found.argmax(axis=1) != predicted).nonzero()
        found[rows, predicted[rows]] = np.nextafter(found[rows].max(axis=1), np.float32(2))
        return found

    def most_probable(self, count: int) -> tuple[Tensor, Tensor]:
        """The most probable classes of each image and their probabilities, the predicted class first.

        Nothing is waited for but the copy of the predicted classes to the device.

        Returns:
            (N, k) int64 and (N, k) float32 on the logits' device, k being `count` or the number of classes.
        """
        classes, probabilities = list[Tensor](), list[Tensor]()
        # Part by part: the logits of many classes are large, and this would take as much memory again.
        predicted = self.predicted.to(self.logits.device, non_blocking=True)
        for logits, first in zip(self.logits.split(TOP_ROWS), predicted.split(TOP_ROWS), strict=True):
            # Of equal ones, the predicted class is to come first.
            ranked = logits.scatter(1, first.unsqueeze(1), math.inf)
            classes.append(ranked.topk(min(count, logits.shape[1]), dim=1).indices)
            probabilities.append(logits.softmax(dim=1).gather(1, classes[-1]))
        return torch.cat(classes), torch.cat(probabilities)

    def examples(self, split: Split, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Some images of the split that was evaluated, drawn at random but always the same.

        Returns:
            Images (n, 32, 32, 3) uint8, true classes (n,) and predicted classes (n,), both int64; n is at most `count`.
        """
        order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:count]
        images = split.images[order].permute(0, 2, 3, 1)
        return images.numpy(), split.labels[order].numpy(), self.predicted[order].numpy()


def compute_logits(model: nn.Module, images: Tensor, placement: Placement) -> Tensor:
    """A model's logits for images, without gradients, which its forward may turn on.

    Raises:
        InputError: It returns no logits for each image.
    """
    # Not in inference mode: what a model of the user's own keeps of it could not be trained with.
    with torch.no_grad(), placement.autocast():
        logits: Tensor = model(images).detach()
    if logits.ndim != 2 or len(logits) != len(images):
        wanted = f"a tensor of shape ({len(images)}, classes)"
        raise InputError(
            f"the model gave {tuple(logits.shape)} for {plural(len(images), 'image')}; have its forward return {wanted}"
        )
    return logits


def evaluate(
    model: nn.Module,
    split: Split,
    num_classes: int,
    placement: Placement,
    control: LoopControl,
    group: Group = ALONE,
) -> Evaluation:
    """Evaluate `model` on all of `split`, best put on its device before, leaving it in evaluation mode.

    Args:
        model: On its device.
        split: The images and their labels.
        num_classes: K.
        placement: Where and how precisely the model computes.
        control: May ask for a stop, which takes effect between two batches.
        group: The processes that evaluate the same model; each takes some of the batches, and all know the result.

    Raises:
        StopTraining: A stop was asked for.
        InputError: The model returns no logits for each image.
    """
    start = time.monotonic()
    model.eval()
    losses: list[Tensor] = []
    predictions: list[Tensor] = []
    answers: list[Tensor] = []
    batches = -(-len(split) // EVALUATION_BATCH)
    first, last = (batches * rank // group.processes for rank in (group.rank, group.rank + 1))
    part = split.part(first * EVALUATION_BATCH, last * EVALUATION_BATCH)
    mine = evaluation_batches(part, placement.device, placement.memory_format)
    # All processes ask the others equally often, also those with fewer batches.
    for _ in range(-(-batches // group.processes)):
        control.synchronize()
        control.check()
        for images, labels in itertools.islice(mine, 1):
            logits = compute_logits(model, images, placement)
            answers.append(logits.float())
            losses.append(F.cross_entropy(answers[-1], labels, reduction="sum").reshape(1))
            predictions.append(logits.argmax(dim=1))
    predicted, true = group.all_gather_tensors(predictions).cpu(), split.labels.cpu()
    logits = group.all_gather_tensors(answers)
    return Evaluation(
        loss=group.all_gather_tensors(losses).double().sum().item() / len(split),
        accuracy=(predicted == true).double().mean().item(),
        confusion=confusion_matrix(true, predicted, num_classes),
        predicted=predicted,
        logits=logits,
        seconds=time.monotonic() - start,
        top5=_top5(logits, true) if num_classes > FEW_CLASSES else None,
    )


def _top5(logits: Tensor, true: Tensor) -> float:
    best = logits.topk(5, dim=1).indices.cpu()
    return (best == true.unsqueeze(1)).any(dim=1).double().mean().item()


def confusion_matrix(true: Tensor, predicted: Tensor, num_classes: int) -> ConfusionMatrix:
    """Count how many images of each true class (rows) were predicted as each class (columns).

    Args:
        true: (N,) int64, from 0 to `num_classes` - 1.
        predicted: Likewise.
        num_classes: K; the matrix is K rows of K counts, also for classes that do not occur.
    """
    # Sorted and counted: K² counts would be 800 MB for 10,000 classes.
    cells, counts = torch.unique(true * num_classes + predicted, return_counts=True)
    indptr = torch.searchsorted(cells, torch.arange(num_classes + 1) * num_classes)
    return ConfusionMatrix.of_csr(indptr.tolist(), (cells % num_classes).tolist(), counts.tolist())
