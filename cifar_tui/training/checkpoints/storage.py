"""The whole training state of a run, and how it is read back from a checkpoint file."""

from __future__ import annotations

import math
import sys
import zipfile
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, get_type_hints

import torch
from torch import Tensor, nn

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened
from cifar_tui.models.user_class.compatibility import uncompiled_name
from cifar_tui.records import BEST as BEST
from cifar_tui.records import LAST as LAST
from cifar_tui.records import PREVIOUS as PREVIOUS
from cifar_tui.records import WEIGHTS as WEIGHTS
from cifar_tui.system.folders import Folder
from cifar_tui.training.optimizer import Stateful
from cifar_tui.training.progress import Progress

FORMAT = 1
MOST_COPIES, MOST_BESIDE = 8, 16_000_000
"""The limits on a checkpoint: copies of the model's weights, and bytes of everything else."""
MOST_PICKLED, MOST_PICKLED_EACH = 500_000, 4_000
"""The limits on its pickle, in bytes: in all, and for each of the model's tensors, which takes some 200 a copy."""

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Identity:
    """The run that a checkpoint belongs to; resuming refuses the checkpoint of another."""

    model: str
    classes: tuple[str, ...]
    fingerprint: str
    seed: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole training state: all that the rest of a run depends on.

    Attributes:
        active: The run's seconds without pauses when it was taken.
        best_weights: Those of `progress.best_epoch`; None before the first whole epoch.
    """

    identity: Identity
    progress: Progress
    active: float
    weights: Weights
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    best_weights: Weights | None


def check_finite(snapshot: Snapshot) -> None:
    """Check that a snapshot is worth saving.

    Raises:
        DivergedError: Its weights are not finite.
    """
    device = device_of(snapshot.weights)
    if not torch.stack([tensor.isfinite().all().to(device) for tensor in snapshot.weights.values()]).all():
        raise snapshot.progress.diverged("a weight")


class SizeLimits(NamedTuple):
    """The most bytes of a checkpoint and of the pickle in it, which describes its content."""

    whole: int
    pickled: int


UNLIMITED = SizeLimits(sys.maxsize, sys.maxsize)


def size_limits(model: nn.Module) -> SizeLimits:
    """The limits for this model's checkpoints: its weights, the best ones, a few values a weight of the optimizer."""
    # By name: a weight that several layers share is kept once for each.
    tensors = [tensor for tensor in model.state_dict().values() if isinstance(tensor, Tensor)]
    weights = sum(tensor.numel() * max(4, tensor.element_size()) for tensor in tensors)
    return SizeLimits(MOST_COPIES * weights + MOST_BESIDE, MOST_PICKLED + MOST_PICKLED_EACH * len(tensors))


def load_last(folder: Path, identity: Identity, limits: SizeLimits) -> tuple[Snapshot | None, str]:
    """The snapshot that a run is resumed from: the last that is whole and its own.

    Args:
        folder: The checkpoints' own.
        identity: The run's.
        limits: What one may take.

    Returns:
        The snapshot, None where the run has none yet; and why it is not `last.pt`, empty where it is.

    Raises:
        InputError: None that is there can be used; the message is about the last. Or a folder is in the way.
    """
    errors: list[InputError] = []
    files = Folder(folder.parent, folder.name)
    names = (LAST, PREVIOUS, BEST)
    if in_the_way := next((name for name in names if files.is_folder(name)), None):
        raise InputError(f"{folder / in_the_way}: a folder, where checkpoints are to be written; move it elsewhere")
    for name in names:
        if not files.exists(name):
            continue
        try:
            snapshot = load_matching(folder / name, identity, limits)
        except InputError as error:
            errors.append(error)
            continue
        return snapshot, "; ".join([*map(str, errors), f"resuming from {name}"] if name != LAST else [])
    if errors:
        raise errors[0]
    return None, ""


def load_matching(path: Path, identity: Identity, limits: SizeLimits) -> Snapshot:
    """The snapshot in a checkpoint of a run with this identity, which may take `most`.

    Raises:
        InputError: No such file, or damaged, or not a checkpoint of ours, or another run's: the message says which.
    """
    snapshot = load(path, limits)
    check_identity(snapshot.identity, identity, path)
    return snapshot


def load(path: Path, limits: SizeLimits = UNLIMITED) -> Snapshot:
    """The snapshot in a checkpoint, on the CPU. Nothing in the file is run: only tensors and plain values are read.

    Args:
        path: The checkpoint, in the folder of a run's checkpoints.
        limits: What it may take, in the file and in memory.

    Raises:
        InputError: No such file, or not a checkpoint of ours, or damaged, or too large.
    """
    try:
        with Folder(path.parents[1], path.parent.name).open_to_read(path.name, limits.whole) as file:
            _check_parts(file, limits)
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
        if content["format"] == FORMAT:
            snapshot = Snapshot(
                identity=Identity(content["model"], tuple(content["classes"]), content["fingerprint"], content["seed"]),
                progress=Progress(**content["progress"]),
                active=content["active"],
                weights=content["weights"],
                optimizer=content["optimizer"],
                schedule=content["schedule"],
                best_weights=content["best_weights"],
            )
            _check_whole(snapshot, limits.whole)
            return snapshot
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # A damaged file fails in whatever way its damage leads to.
        raise InputError(f"{path}: not a checkpoint of cifar-tui, or damaged") from error
    raise InputError(f"{path}: a checkpoint of format {shortened(content['format'])}, which this version does not read")


def _check_parts(file: BinaryIO, limits: SizeLimits) -> None:
    """Check every part of a checkpoint against its checksum, which PyTorch writes but does not read.

    Raises:
        zipfile.BadZipFile: It is not; or it is compressed, as PyTorch writes none, and could unpack to any size; or the
            pickle in it is far too large: a byte of it can be a dictionary.
    """
    with zipfile.ZipFile(file) as packed:
        if any(part.filename.endswith(".pkl") and part.file_size > limits.pickled for part in packed.infolist()):
            raise zipfile.BadZipFile("pickle")
        if any(part.compress_type != zipfile.ZIP_STORED for part in packed.infolist()):
            raise zipfile.BadZipFile("compressed")
        if (damaged := packed.testzip()) is not None:
            raise zipfile.BadZipFile(damaged)


def _check_whole(snapshot: Snapshot, most: int) -> None:
    """Check that a snapshot's values have the right types and fit together.

    Raises:
        ValueError: They do not; or its tensors would take more than `most` bytes, as those may that repeat one value.
    """
    if _size((snapshot.weights, snapshot.best_weights, snapshot.optimizer, snapshot.schedule)) > most:
        raise ValueError("its tensors are far too large")
    identity, progress, best = snapshot.identity, snapshot.progress, snapshot.best_weights
    fields = [(identity, "model", str), (identity, "fingerprint", str), (snapshot, "active", float)]
    fields += [(progress, name, hint) for name, hint in get_type_hints(Progress).items()]
    if wrong := [name for holder, name, hint in fields if not isinstance(getattr(holder, name), hint)]:
        raise ValueError(f"{wrong[0]} is of another type")
    numbers = [number for number in astuple(progress) if number is not None]
    if progress.epoch < 1 or not all(0 <= number < math.inf for number in numbers):
        raise ValueError("it stands nowhere")
    if (best is None) != (progress.best_epoch is None) or (best is None and progress.epoch > 1):
        raise ValueError("it has no best weights")
    if best is not None and _shapes(best) != _shapes(snapshot.weights):
        raise ValueError("its best weights are of another model")


def _size(state: Any) -> int:
    """Bytes of all tensors in nested dictionaries and lists."""
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, dict):
        return sum(map(_size, state.values()))
    return sum(map(_size, state)) if isinstance(state, list | tuple) else 0


def _shapes(weights: Weights) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in weights.items()}


def check_identity(theirs: Identity, ours: Identity, path: Path) -> None:
    """Check that what this file holds belongs to a run.

    Raises:
        InputError: It belongs to another one; the message says why.
    """
    if theirs.model != ours.model:
        raise InputError(
            f"{path}: a checkpoint of the model {shortened(theirs.model)}, but the run's is {shortened(ours.model)}"
        )
    if theirs.classes != ours.classes:
        raise InputError(f"{path}: a checkpoint for {len(theirs.classes)} other classes than the run's")
    if theirs.fingerprint != ours.fingerprint:
        raise InputError(f"{path}: trained on other images than are there now; give it those, or start a new run")
    if theirs.seed != ours.seed:
        raise InputError(f"{path}: a checkpoint of seed {shortened(theirs.seed)}, but the run's is {ours.seed}")


def restore(
    snapshot: Snapshot, model: nn.Module, optimizer: Stateful | None = None, schedule: Stateful | None = None
) -> None:
    """Load a snapshot's state into a run's objects.

    Raises:
        InputError: The state does not fit them.
    """
    try:
        load_weights(model, snapshot.weights)
        if optimizer is not None and schedule is not None:
            optimizer.load_state_dict(snapshot.optimizer)
            schedule.load_state_dict(snapshot.schedule)
    except Exception as error:  # As of a damaged file.
        raise InputError(f"the checkpoint does not fit the model {snapshot.identity.model!r}") from error


def load_weights(model: nn.Module, weights: Weights) -> None:
    """Load weights into a model of the same class, whatever their names were there.

    Raises:
        Exception: They do not fit it; a class's own `load_state_dict` may raise anything.
    """
    model.load_state_dict(renamed_for(model, weights))


def renamed_for(model: nn.Module, weights: Weights) -> Weights:
    """Rename weights to the model's own names: those of a compiled part may have other ones."""
    known = model.state_dict()
    return {name if name in known else uncompiled_name(name): tensor for name, tensor in weights.items()}


def device_of(weights: Weights) -> torch.device:
    """The device of the weights, of which some, such as a module's extra state, may lie on the CPU beside a GPU."""
    devices = {tensor.device for tensor in weights.values()}
    return next((device for device in devices if device.type != "cpu"), torch.device("cpu"))


def copy_weights(model: nn.Module) -> Weights:
    """A copy of the model's weights and buffers that further training leaves as they are."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
