"""What a run predicted: `predictions.safetensors` for its test images, `validation_predictions.safetensors`.

NumPy and safetensors are imported on use: the dashboard names the runs that it compares before its first picture.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cifar_tui.analysis.paired_predictions import PairedPredictions, pair
from cifar_tui.analysis.predictions import TOP, Predictions, TopPredictions
from cifar_tui.errors import InputError
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.folders import Folder
from cifar_tui.system.untrusted import bounded_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "predictions.safetensors"
VALIDATION_FILE = "validation_predictions.safetensors"
MOST_BYTES = 64_000_000
"""What a file may hold: for the test, 10,000 images of 1,500 classes, or 100,000 of 150; for validation, a million
images of any number of classes."""
MOST_HEADER = 100_000
"""The part of it that describes its tensors."""
_TYPES = {"I64": "<i8", "F32": "<f4"}


class EvaluatedRun(NamedTuple):
    """A run with a test result, and the epoch of the weights that were tested."""

    folder: RunFolder
    epoch: int


@dataclass(frozen=True, slots=True, eq=False)
class ValidationPredictions:
    """What the best weights of a run so far predict for its validation images.

    Attributes:
        top: The predictions for these N images.
        held_out: (N,) int64; the places of the images among the training images of the run's data set; None where that
            has a validation set of its own, which these are.
    """

    top: TopPredictions
    held_out: NDArray[np.int64] | None


RunPair = tuple[EvaluatedRun, EvaluatedRun]
"""Two runs to compare, a and b."""


def too_large(predictions: Predictions) -> bool:
    """Whether the file would be larger than what is read."""
    return predictions.labels.nbytes + predictions.probabilities.nbytes + MOST_HEADER > MOST_BYTES


def save_validation(folder: RunFolder, predictions: ValidationPredictions) -> None:
    """Replace the predictions for the validation images of a run that trains.

    Raises:
        OSError: The disk is full or the folder is gone; or there are more images than what is read.
    """
    content = top_to_bytes(predictions)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"{len(predictions.top.labels):,} images are too many to be read back")
    folder.files.write_bytes(VALIDATION_FILE, content)


def top_to_bytes(predictions: ValidationPredictions) -> bytes:
    """The content of that file."""
    from safetensors.numpy import save

    top = predictions.top
    tensors: dict[str, NDArray[Any]] = {"labels": top.labels, "classes": top.classes}
    tensors["probabilities"] = top.probabilities
    if predictions.held_out is not None:
        tensors["held_out"] = predictions.held_out
    about = {"epoch": str(top.epoch), "fingerprint": top.fingerprint, "num_classes": str(top.num_classes)}
    return save(tensors, about)


def read_validation(folder: RunFolder) -> ValidationPredictions:
    """Read the predictions for the validation images of a run.

    Raises:
        InputError: They are missing or damaged.
    """
    path = folder.path / VALIDATION_FILE
    return parse_top(_content(path), str(path))


def parse_top(content: bytes, name: str) -> ValidationPredictions:
    """The predictions in a content as `top_to_bytes` makes it.

    Raises:
        InputError: It is something else; the message calls it by `name`.
    """
    metadata, tensors = _parse(content, name)
    try:
        labels, classes, probabilities = (tensors[part] for part in ("labels", "classes", "probabilities"))
        num_classes, epoch, fingerprint = (metadata[key] for key in ("num_classes", "epoch", "fingerprint"))
        top = TopPredictions(labels, classes, probabilities, int(num_classes), int(epoch), str(fingerprint))
    except (KeyError, ValueError, TypeError):
        raise InputError(f"{name}: damaged, or not a run's predictions") from None
    found = ValidationPredictions(top, tensors.get("held_out"))
    if not _whole(found):
        raise InputError(f"{name}: damaged, its parts do not fit together")
    return found


def to_bytes(predictions: Predictions) -> bytes:
    """The content of the file."""
    from safetensors.numpy import save

    tensors: dict[str, NDArray[Any]] = {"labels": predictions.labels, "probabilities": predictions.probabilities}
    return save(tensors, {"epoch": str(predictions.epoch), "fingerprint": predictions.fingerprint})


def read_pair(runs: RunPair) -> PairedPredictions:
    """Read what two runs predicted for the same test images.

    Raises:
        InputError: One has not recorded the predictions of its tested weights, or they are damaged; or the two were
            tested on different images.
    """
    paired = pair(*(_read_evaluated(run) for run in runs))
    if paired is None:
        raise InputError(f"{runs[0].folder.id} and {runs[1].folder.id} were not tested on the same images")
    return paired


def _read_evaluated(run: EvaluatedRun) -> Predictions:
    if not run.folder.files.exists(FILE):
        raise InputError(f"{run.folder.id} has no recorded predictions ({FILE}); `cifar-tui compare` computes them")
    found = read(run.folder.path / FILE)
    if found.epoch != run.epoch:
        raise InputError(
            f"{run.folder.id} was tested in epoch {run.epoch}, but its recorded predictions are of epoch {found.epoch}"
        )
    return found


def read(path: Path) -> Predictions:
    """Read the predictions in a file.

    Raises:
        InputError: It is missing, damaged, or holds something else.
    """
    metadata, tensors = _parse(_content(path), str(path))
    try:
        labels, probabilities = tensors["labels"], tensors["probabilities"]
        found = Predictions(labels, probabilities, int(metadata["epoch"]), str(metadata["fingerprint"]))
    except (KeyError, ValueError, TypeError):
        raise InputError(f"{path}: damaged, or not a run's predictions") from None
    if not _fit(labels, probabilities):
        raise InputError(f"{path}: damaged, its labels and probabilities do not fit together")
    return found


def _content(path: Path) -> bytes:
    try:
        return Folder(path.parent).read_bytes(path.name, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _parse(content: bytes, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The metadata and the arrays of a file.

    Raises:
        InputError: It is damaged, or one of its arrays is of another type than there are in these files.
    """
    from safetensors import SafetensorError, deserialize

    try:
        tensors = dict(deserialize(content))  # type: ignore[no-untyped-call]
        return _metadata(content), {part: _array(tensor) for part, tensor in tensors.items()}
    except (SafetensorError, KeyError, ValueError, TypeError):
        raise InputError(f"{name}: damaged, or not a run's predictions") from None


def _metadata(content: bytes) -> dict[str, Any]:
    """The metadata, which the library reads only from files that it opens itself.

    Raises:
        ValueError: It is not a safetensors file, or its header is too long.
    """
    size = int.from_bytes(content[:8], "little")
    if size > MOST_HEADER:
        raise ValueError(size)
    metadata = bounded_json.parse(content[8 : 8 + size].decode(), 100 * MOST_HEADER)["__metadata__"]
    if not isinstance(metadata, dict):
        raise TypeError(metadata)
    return metadata


def _array(tensor: dict[str, Any]) -> NDArray[Any]:
    """A tensor of one of the two types.

    Raises:
        KeyError: It is of another type, such as bfloat16, which NumPy does not have.
    """
    import numpy as np

    return np.frombuffer(tensor["data"], dtype=_TYPES[tensor["dtype"]]).reshape(tensor["shape"])


def _fit(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> bool:
    import numpy as np

    types = labels.dtype == np.int64 and probabilities.dtype == np.float32
    shapes = labels.ndim == 1 and probabilities.ndim == 2 and len(labels) == len(probabilities)
    if not (types and shapes and probabilities.shape[1]):
        return False
    in_range = bool(((labels >= 0) & (labels < probabilities.shape[1])).all())
    return in_range and bool(np.isfinite(probabilities).all())


def _whole(found: ValidationPredictions) -> bool:
    """Whether the arrays have the types and the shapes of such predictions, and what they name exists."""
    import numpy as np

    top, held_out = found.top, found.held_out
    integers = [top.labels, top.classes, *([held_out] if held_out is not None else [])]
    if not all(array.dtype == np.int64 for array in integers) or top.probabilities.dtype != np.float32:
        return False
    images = top.labels.shape
    if len(images) != 1 or top.classes.ndim != 2 or top.classes.shape != top.probabilities.shape:
        return False
    if top.classes.shape[:1] != images or not 1 <= top.classes.shape[1] <= TOP:
        return False
    if held_out is not None and (held_out.shape != images or bool((held_out < 0).any())):
        return False
    named = (top.labels, top.classes)
    return all(bool(((k >= 0) & (k < top.num_classes)).all()) for k in named) and bool(
        np.isfinite(top.probabilities).all()
    )
