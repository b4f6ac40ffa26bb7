"""`predictions.safetensors`: what a run's best weights take each test image for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from cifar_tui.errors import InputError
from cifar_tui.system import bounded_json
from cifar_tui.system.folders import Folder

FILE = "predictions.safetensors"
MOST_BYTES = 64_000_000
"""What the file may hold: 10,000 images of 1,500 classes, or 100,000 of 150."""
MOST_HEADER = 100_000
"""Of it, what says what is in it."""
_KINDS: dict[str, type[np.generic]] = {"I64": np.int64, "F32": np.float32}


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

    @property
    def too_large(self) -> bool:
        """Whether the file would be larger than what is read."""
        return self.labels.nbytes + self.probabilities.nbytes + MOST_HEADER > MOST_BYTES

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
        content = Folder(path.parent).read_bytes(path.name, MOST_BYTES)
        metadata, tensors = _metadata(content), dict(deserialize(content))  # type: ignore[no-untyped-call]
        labels, probabilities = _array(tensors["labels"]), _array(tensors["probabilities"])
        answers = Answers(labels, probabilities, int(metadata["epoch"]), str(metadata["fingerprint"]))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (SafetensorError, KeyError, ValueError, TypeError):
        raise InputError(f"{path}: damaged, or not a run's predictions") from None
    if not _fit(labels, probabilities):
        raise InputError(f"{path}: damaged, its labels and probabilities do not fit together")
    return answers


def _metadata(content: bytes) -> dict[str, Any]:
    """What is said of the tensors, which the library gives for files that it opens itself alone.

    Raises:
        ValueError: It is no such file, or says too much.
    """
    size = int.from_bytes(content[:8], "little")
    if size > MOST_HEADER:
        raise ValueError(size)
    metadata = bounded_json.parse(content[8 : 8 + size].decode(), 100 * MOST_HEADER)["__metadata__"]
    if not isinstance(metadata, dict):
        raise TypeError(metadata)
    return metadata


def _array(tensor: dict[str, Any]) -> NDArray[Any]:
    """A tensor of one of our two kinds.

    Raises:
        KeyError: It is of another, such as bfloat16, which NumPy does not have.
    """
    return np.frombuffer(tensor["data"], dtype=_KINDS[tensor["dtype"]]).reshape(tensor["shape"])


def _fit(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> bool:
    kinds = labels.dtype == np.int64 and probabilities.dtype == np.float32
    shapes = labels.ndim == 1 and probabilities.ndim == 2 and len(labels) == len(probabilities)
    if not (kinds and shapes and probabilities.shape[1]):
        return False
    in_range = bool(((labels >= 0) & (labels < probabilities.shape[1])).all())
    return in_range and bool(np.isfinite(probabilities).all())
