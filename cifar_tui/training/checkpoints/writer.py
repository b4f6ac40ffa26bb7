"""Checkpoints, written in the background so that the next batch does not wait for the disk."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from cifar_tui.system.folders import Folder
from cifar_tui.training.checkpoints.storage import (
    BEST,
    FORMAT,
    LAST,
    PREVIOUS,
    WEIGHTS,
    Snapshot,
    Weights,
    device_of,
)
from cifar_tui.training.progress import Progress

_NEXT = ".next.tmp"
"""A complete checkpoint, before it becomes the last one."""


class BestPredictions(NamedTuple):
    """What the weights of the best epoch so far predict for the validation images.

    Attributes:
        epoch: That epoch.
        classes: (N, k) int64; the most probable classes of each image, the predicted one first.
        probabilities: (N, k) float32; theirs.
    """

    epoch: int
    classes: Tensor
    probabilities: Tensor


SavePredictions = Callable[[BestPredictions], None]
"""Writes these, which are on the CPU by then, for others to read; called on the writer's thread. Raises an OSError
where it could not."""


@dataclass(frozen=True, slots=True)
class Written:
    """A checkpoint that is complete.

    Attributes:
        path: Its file.
        progress: The run's, when it was taken.
        best: Whether its weights are the best so far.
        problem: Why the predictions of the best weights are not beside it; empty where they are.
    """

    path: Path
    progress: Progress
    best: bool
    problem: str = ""


class Writer(Protocol):
    """Writes one checkpoint at a time, in order. The training thread alone uses it."""

    def write(self, snapshot: Snapshot, *, best: bool, predictions: BestPredictions | None = None) -> None:
        """Start to write a copy of `snapshot`; none may be under way.

        Args:
            snapshot: The run.
            best: Whether its weights are the best so far.
            predictions: Theirs, where they are; nobody changes them any more.
        """

    def written(self, *, wait: bool) -> Written | None:
        """The checkpoint that was completed since the last call, if one was; with `wait`, the one being written.

        Raises:
            OSError: It could not be written; the one before it is as it was. One that was the best so far is written
                before the next.
        """

    def close(self) -> None:
        """Wait for the checkpoint that is under way."""


class NoWriter:
    """The writer of a process that leaves the checkpoints of its run to another one."""

    def write(self, snapshot: Snapshot, *, best: bool, predictions: BestPredictions | None = None) -> None:
        """Nothing."""

    def written(self, *, wait: bool) -> Written | None:  # noqa: ARG002
        """None."""
        return None

    def close(self) -> None:
        """Nothing."""


class CheckpointWriter:
    """Writes on a thread of its own."""

    def __init__(self, folder: Path, save_predictions: SavePredictions | None = None) -> None:
        """Write nothing yet.

        Args:
            folder: The checkpoints' own.
            save_predictions: Writes those of the best weights, just before these; None where nobody reads them.
        """
        self._folder = folder
        self._save_predictions = save_predictions
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._under_way: Future[Written] | None = None
        self._unsaved_best: Snapshot | None = None
        """The best so far, which could not be written; the thread's own."""
        self._unsaved_predictions: BestPredictions | None = None
        """Its predictions, likewise."""

    def write(self, snapshot: Snapshot, *, best: bool, predictions: BestPredictions | None = None) -> None:
        """As of `Writer`; only the copy is made here, on the device where the training is."""
        assert self._under_way is None
        taken = replace(
            snapshot,
            progress=replace(snapshot.progress),
            weights=_each(snapshot.weights, Tensor.clone),
            optimizer=_each(snapshot.optimizer, Tensor.clone),
        )
        fetch = _fetcher(device_of(taken.weights))
        self._under_way = self._thread.submit(self._write, taken, fetch, best, predictions)

    def written(self, *, wait: bool) -> Written | None:
        """As of `Writer`.

        Raises:
            OSError: As there.
        """
        if self._under_way is None or not (wait or self._under_way.done()):
            return None
        done, self._under_way = self._under_way, None
        return done.result()

    def close(self) -> None:
        """As of `Writer`; the thread ends."""
        self._thread.shutdown()

    def _write(
        self, snapshot: Snapshot, fetch: Callable[[Any], Any], best: bool, predictions: BestPredictions | None
    ) -> Written:
        on_host = replace(
            snapshot,
            weights=fetch(snapshot.weights),
            optimizer=fetch(snapshot.optimizer),
            best_weights=fetch(snapshot.best_weights),
        )
        if predictions is not None:
            self._unsaved_predictions = BestPredictions(predictions.epoch, *fetch(tuple(predictions[1:])))
        # Before the weights: after a crash in between, the run resumes from before this epoch, and writes both again.
        problem = self._write_predictions()
        if self._unsaved_best is not None and not best:
            save(self._unsaved_best, self._folder, best=True)
        self._unsaved_best = on_host if best else None
        path = save(on_host, self._folder, best=best)
        self._unsaved_best = None
        return Written(path, snapshot.progress, best, problem)

    def _write_predictions(self) -> str:
        """Write those that are not written yet; why that is not possible, or nothing. The weights matter more."""
        if self._save_predictions is not None and self._unsaved_predictions is not None:
            try:
                self._save_predictions(self._unsaved_predictions)
            except OSError as error:
                return error.strerror or str(error)
        self._unsaved_predictions = None
        return ""


def _fetcher(device: torch.device) -> Callable[[Any], Any]:
    """A function that copies a state dictionary to the CPU, as it is after the work queued on the device up to now.

    On another stream: it neither waits for the batches that follow nor holds them up. Streams are a few that go round;
    those of another priority are other ones than those on which CUDA graphs are captured, where no other work may go.
    """
    if device.type != "cuda":
        return lambda state: state
    now = torch.cuda.Event()
    now.record(torch.cuda.current_stream(device))

    def fetch(state: Any) -> Any:
        with torch.cuda.stream(torch.cuda.Stream(device, priority=-1)):
            torch.cuda.current_stream(device).wait_event(now)
            return _each(state, Tensor.cpu)

    return fetch


def _each(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A state dictionary with every tensor in it changed."""
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {key: _each(item, change) for key, item in state.items()}
    return type(state)(_each(item, change) for item in state) if isinstance(state, list | tuple) else state


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
    run, files = Folder(folder.parent), Folder(folder.parent, folder.name)
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
    try:
        _write(content, files)
        if best:
            # Before last.pt: where one of these fails, the run resumes from before this epoch, and writes them then.
            metadata = {
                "model": snapshot.identity.model,
                "classes": json.dumps(snapshot.identity.classes),
                "fingerprint": snapshot.identity.fingerprint,
                "seed": str(snapshot.identity.seed),
                "epoch": str(snapshot.progress.best_epoch),
            }
            _save_safetensors(snapshot.weights, run, metadata)
            files.name_again(_NEXT, BEST)
        if files.is_file(LAST):
            files.name_again(LAST, PREVIOUS)
        files.rename(_NEXT, LAST)
    except BaseException:
        with contextlib.suppress(OSError):
            files.remove(_NEXT)
        raise
    return folder / LAST


def _write(content: dict[str, Any], files: Folder) -> None:
    # By way of memory: torch's own writer hides what the system said of a full disk.
    packed = io.BytesIO()
    torch.save(content, packed)
    files.write_bytes(_NEXT, packed.getbuffer())


def _save_safetensors(weights: Weights, run: Folder, metadata: dict[str, str]) -> None:
    from safetensors.torch import save

    run.write_bytes(WEIGHTS, save({name: tensor.contiguous() for name, tensor in weights.items()}, metadata))
