"""`predictions.safetensors`: a run's predictions for its test images, and those of two runs side by side.

NumPy and safetensors are imported on use: the dashboard names the runs that it compares before its first picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cifar_tui.analysis.paired_predictions import PairedPredictions, pair
from cifar_tui.analysis.predictions import Predictions
from cifar_tui.errors import InputError
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.folders import Folder
from cifar_tui.system.untrusted import bounded_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "predictions.safetensors"
MOST_BYTES = 64_000_000
"""What the file may hold: 10,000 images of 1,500 classes, or 100,000 of 150."""
MOST_HEADER = 100_000
"""The part of it that describes its tensors."""
_TYPES = {"I64": "<i8", "F32": "<f4"}


class EvaluatedRun(NamedTuple):
    """A run with a test result, and the epoch of the weights that were tested."""

    folder: RunFolder
    epoch: int


RunPair = tuple[EvaluatedRun, EvaluatedRun]
"""Two runs to compare, a and b."""


def too_large(predictions: Predictions) -> bool:
    """Whether the file would be larger than what is read."""
    return predictions.labels.nbytes + predictions.probabilities.nbytes + MOST_HEADER > MOST_BYTES


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
    from safetensors import SafetensorError, deserialize

    try:
        content = Folder(path.parent).read_bytes(path.name, MOST_BYTES)
        metadata, tensors = _metadata(content), dict(deserialize(content))  # type: ignore[no-untyped-call]
        labels, probabilities = _array(tensors["labels"]), _array(tensors["probabilities"])
        found = Predictions(labels, probabilities, int(metadata["epoch"]), str(metadata["fingerprint"]))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (SafetensorError, KeyError, ValueError, TypeError):
        raise InputError(f"{path}: damaged, or not a run's predictions") from None
    if not _fit(labels, probabilities):
        raise InputError(f"{path}: damaged, its labels and probabilities do not fit together")
    return found


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
