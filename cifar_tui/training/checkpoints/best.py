"""A run's best weights, read from the checkpoint of its best epoch, or else from `model.safetensors`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import nn

from cifar_tui.errors import InputError
from cifar_tui.system.folders import Folder
from cifar_tui.system.untrusted import bounded_json
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.checkpoints.storage import Identity, SizeLimits, Weights

MEMORY_PER_BYTE = 40
"""The most memory of the values in the header of a file of weights."""


class BestWeights(NamedTuple):
    """Weights, and the epoch that they are of, from 1."""

    weights: Weights
    epoch: int


def load(path: Path, identity: Identity, limits: SizeLimits, epoch: int) -> BestWeights:
    """The best weights in a file, on the CPU.

    Args:
        path: The checkpoint of the best epoch, or the run's `model.safetensors`.
        identity: The run's: no other's weights are taken.
        limits: What the file may take.
        epoch: The best one, for files of versions that do not say it.

    Raises:
        InputError: The file is missing, damaged, too large, or another run's.
    """
    if path.name == storage.WEIGHTS:
        return _load_safetensors(path, identity, limits, epoch)
    snapshot = storage.load_matching(path, identity, limits)
    return BestWeights(snapshot.weights, snapshot.progress.best_epoch or 0)


def restore(best: BestWeights, model: nn.Module, path: Path) -> None:
    """Load the weights of this file into a model.

    Raises:
        InputError: They do not fit it.
    """
    try:
        storage.load_weights(model, best.weights)
    except Exception as error:  # As of a damaged file; a class's own `load_state_dict` may raise anything.
        raise InputError(f"{path}: does not fit the run's model") from error


def _load_safetensors(path: Path, identity: Identity, limits: SizeLimits, epoch: int) -> BestWeights:
    from safetensors.torch import load as parse

    try:
        content = Folder(path.parent).read_bytes(path.name, limits.whole)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        size = int.from_bytes(content[:8], "little")
        if size > limits.pickled:
            raise ValueError(size)  # noqa: TRY301  (as of any other damage)
        memory = MEMORY_PER_BYTE * limits.pickled
        metadata = bounded_json.parse(content[8 : 8 + size].decode(), memory)["__metadata__"]
        theirs = Identity(
            str(metadata["model"]),
            tuple(map(str, bounded_json.parse(metadata["classes"], memory))),
            str(metadata.get("fingerprint", identity.fingerprint)),
            int(metadata.get("seed", identity.seed)),
        )
        found = BestWeights(parse(content), int(metadata.get("epoch", epoch)))
    except Exception as error:  # A damaged file fails in whatever way its damage leads to.
        raise InputError(f"{path}: not a run's weights, or damaged") from error
    storage.check_identity(theirs, identity, path)
    return found
