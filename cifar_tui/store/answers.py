"""`predictions.safetensors`: what a run's best weights take each test image for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cifar_tui.errors import InputError
from cifar_tui.files import open_to_read

FILE = "predictions.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """A model's answers on a split, image by image, in the split's order.

    Attributes:
        labels: (N,) int64; the true classes.
        probabilities: (N, K) float32; of every class, by softmax.
        epoch: The one that the weights are of.
        fingerprint: The dataset's, which tells whether these are still the same images.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    epoch: int
    fingerprint: str

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,); the likeliest class of each image."""
        predicted: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(N,); the probability of the likeliest class."""
        confidence: NDArray[np.float32] = self.probabilities.max(axis=1)
        return confidence

    def to_bytes(self) -> bytes:
        """The content of the file."""
        tensors: dict[str, NDArray[Any]] = {"labels": self.labels, "probabilities": self.probabilities}
        return save(tensors, {"epoch": str(self.epoch), "fingerprint": self.fingerprint})


def read(path: Path) -> Answers:
    """The answers in a file.

    Raises:
        InputError: It is missing, damaged, or not one of these.
    """
    try:
        open_to_read(path).close()  # What reads it would wait for a pipe without end.
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            labels, probabilities = file.get_tensor("labels"), file.get_tensor("probabilities")
            answers = Answers(labels, probabilities, int(metadata["epoch"]), metadata["fingerprint"])
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (SafetensorError, KeyError, ValueError):
        raise InputError(f"{path}: damaged, or not a run's predictions") from None
    if not _fit(labels, probabilities):
        raise InputError(f"{path}: damaged, its labels and probabilities do not fit together")
    return answers


def _fit(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> bool:
    kinds = labels.dtype == np.int64 and probabilities.dtype == np.float32
    shapes = labels.ndim == 1 and probabilities.ndim == 2 and len(labels) == len(probabilities)
    if not (kinds and shapes and probabilities.shape[1]):
        return False
    in_range = bool(((labels >= 0) & (labels < probabilities.shape[1])).all())
    return in_range and bool(np.isfinite(probabilities).all())
