"""A run's whole training state on the disk, and back."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import zipfile
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, BinaryIO, get_type_hints

import torch
from torch import Tensor, nn

from cifar_tui.errors import DivergedError, InputError
from cifar_tui.files import open_to_read, replacing
from cifar_tui.training.metrics import Measured
from cifar_tui.training.optimizer import Stateful

FORMAT = 1
LAST = "last.pt"
PREVIOUS = "previous.pt"
BEST = "best.pt"
WEIGHTS = "model.safetensors"

Weights = dict[str, Tensor]


@dataclass(slots=True)
class Progress:
    """Where a run stands, beside its weights: `batch` batches of `epoch` are done, `samples` images were seen.

    Every random draw is keyed by (seed, epoch, batch), so that this cursor stands for the generators too.

    Attributes:
        loss_sum: Cross-entropy summed over the images of this epoch that are told of.
        correct: Right answers among them.
        images: How many they are.
        lr: The last batch's learning rate.
        epoch_began: The run's active seconds when this epoch began.
        trained_seconds: The active seconds of this epoch's training, once it is done.
        stale_epochs: Whole epochs since the best.
    """

    epoch: int = 1
    batch: int = 0
    samples: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    images: int = 0
    lr: float = 0.0
    epoch_began: float = 0.0
    trained_seconds: float = 0.0
    best_epoch: int | None = None
    best_accuracy: float | None = None
    stale_epochs: int = 0

    def add(self, measured: Measured) -> None:
        """Count a batch in its epoch's means."""
        self.loss_sum += measured.loss * measured.step.size
        self.correct += measured.correct
        self.images += measured.step.size

    def begin_epoch(self, epoch: int, active: float) -> None:
        """Stand before the first batch of `epoch`, at so many active seconds."""
        self.epoch, self.batch = epoch, 0
        self.loss_sum, self.correct, self.images = 0.0, 0, 0
        self.epoch_began, self.trained_seconds = active, 0.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What a checkpoint belongs to; resuming refuses another's."""

    model: str
    classes: tuple[str, ...]
    fingerprint: str
    seed: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the rest of a run depends on.

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


def diverged(what: str, progress: Progress) -> DivergedError:
    """The error for a number that is no longer finite."""
    return DivergedError(
        f"{what} became infinite or NaN in epoch {progress.epoch}: try a lower --max-lr, or --precision fp32"
    )


def check(snapshot: Snapshot) -> None:
    """See that a snapshot is worth keeping.

    Raises:
        DivergedError: Its weights are not finite.
    """
    if not torch.stack([tensor.isfinite().all() for tensor in snapshot.weights.values()]).all():
        raise diverged("a weight", snapshot.progress)


def save(snapshot: Snapshot, folder: Path, *, best: bool = False) -> Path:
    """Write `last.pt`, and with `best` also `best.pt` and the weights; what was there stays until all is whole.

    The `last.pt` that was there becomes `previous.pt`: a disk may lose what it had taken.

    Args:
        snapshot: What to write.
        folder: The checkpoints' own, in the run's folder, where the weights go.
        best: Whether the weights are the best so far.

    Raises:
        OSError: The disk is full or the folder is gone.
    """
    last = folder / LAST
    content = {
        "format": FORMAT,
        **asdict(snapshot.identity),
        "progress": asdict(snapshot.progress),
        "active": snapshot.active,
        "weights": snapshot.weights,
        "optimizer": snapshot.optimizer,
        "schedule": snapshot.schedule,
        "best_weights": snapshot.best_weights,
        "torch": str(torch.__version__),
    }
    with replacing(last) as temporary:
        _write(content, temporary)
        if best:
            # Before last.pt: where one of these fails, the run goes on from before this epoch, and writes them then.
            metadata = {"model": snapshot.identity.model, "classes": json.dumps(snapshot.identity.classes)}
            _save_safetensors(snapshot.weights, folder.parent / WEIGHTS, metadata)
            with replacing(folder / BEST) as second:
                _link(temporary, second)
        if last.exists():
            with replacing(folder / PREVIOUS) as before:
                _link(last, before)
    return last


def _write(content: dict[str, Any], path: Path) -> None:
    # By way of memory: torch's own writer hides what the system said of a full disk.
    packed = io.BytesIO()
    torch.save(content, packed)
    path.write_bytes(packed.getbuffer())


def _link(source: Path, target: Path) -> None:
    """A second name for a file that is only ever replaced, or a copy where the file system has no hard links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _save_safetensors(weights: Weights, path: Path, metadata: dict[str, str]) -> None:
    from safetensors.torch import save

    with replacing(path) as temporary:
        temporary.write_bytes(save({name: tensor.contiguous() for name, tensor in weights.items()}, metadata))


def load_last(folder: Path, identity: Identity) -> tuple[Snapshot | None, str]:
    """The snapshot that a run goes on from: the last that is whole and its own.

    Returns:
        The snapshot, None where the run has none yet; and why it is not `last.pt`, empty where it is.

    Raises:
        InputError: None that is there can be used; the message is about the last.
    """
    errors: list[InputError] = []
    for name in (LAST, PREVIOUS, BEST):
        if not (folder / name).exists():
            continue
        try:
            snapshot = load_own(folder / name, identity)
        except InputError as error:
            errors.append(error)
            continue
        return snapshot, "; ".join([*map(str, errors), f"going on from {name}"] if name != LAST else [])
    if errors:
        raise errors[0]
    return None, ""


def load_own(path: Path, identity: Identity) -> Snapshot:
    """The snapshot in a checkpoint of a run with this identity.

    Raises:
        InputError: No such file, or damaged, or not a checkpoint of ours, or another run's: the message says which.
    """
    snapshot = load(path)
    _check_identity(snapshot.identity, identity, path)
    return snapshot


def load(path: Path) -> Snapshot:
    """The snapshot in a checkpoint, on the CPU. Nothing in the file is run: only tensors and plain values are read.

    Raises:
        InputError: No such file, or not a checkpoint of ours, or damaged.
    """
    try:
        with open_to_read(path) as file:
            _check_sums(file)
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
            _check_whole(snapshot)
            return snapshot
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # A damaged file fails in whatever way its damage leads to.
        raise InputError(f"{path}: not a checkpoint of cifar-tui, or damaged") from error
    raise InputError(f"{path}: a checkpoint of format {content['format']!r}, which this version does not read")


def _check_sums(file: BinaryIO) -> None:
    """See that every part of a checkpoint is as it was written: PyTorch writes checksums, but does not read them.

    Raises:
        zipfile.BadZipFile: It is not.
    """
    with zipfile.ZipFile(file) as packed:
        if (damaged := packed.testzip()) is not None:
            raise zipfile.BadZipFile(damaged)


def _check_whole(snapshot: Snapshot) -> None:
    """See that what it holds is of the right kinds, and that its parts go together.

    Raises:
        ValueError: They do not.
    """
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


def _shapes(weights: Weights) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in weights.items()}


def _check_identity(theirs: Identity, ours: Identity, path: Path) -> None:
    if theirs.model != ours.model:
        raise InputError(f"{path}: a checkpoint of the model {theirs.model!r}, but the run's is {ours.model!r}")
    if theirs.classes != ours.classes:
        raise InputError(f"{path}: a checkpoint for {len(theirs.classes)} other classes than the run's")
    if theirs.fingerprint != ours.fingerprint:
        raise InputError(f"{path}: trained on other images than are there now; give it those, or start a new run")
    if theirs.seed != ours.seed:
        raise InputError(f"{path}: a checkpoint of seed {theirs.seed}, but the run's is {ours.seed}")


def restore(
    snapshot: Snapshot, model: nn.Module, optimizer: Stateful | None = None, schedule: Stateful | None = None
) -> None:
    """Put a snapshot's state into a run's objects.

    Raises:
        InputError: The state does not fit them.
    """
    try:
        model.load_state_dict(snapshot.weights)
        if optimizer is not None and schedule is not None:
            optimizer.load_state_dict(snapshot.optimizer)
            schedule.load_state_dict(snapshot.schedule)
    except Exception as error:  # As of a damaged file.
        raise InputError(f"the checkpoint does not fit the model {snapshot.identity.model!r}") from error


def copy_weights(model: nn.Module) -> Weights:
    """A copy of the model's weights and buffers that further training leaves as they are."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
