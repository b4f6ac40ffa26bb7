"""A run's best weights, loaded into its model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.records import BEST, WEIGHTS, StoredRun
from cifar_tui.runs.messages import ProgressCallback
from cifar_tui.store.run_folder import CHECKPOINTS, RunFolder
from cifar_tui.store.stored_run import stored_run

if TYPE_CHECKING:
    from cifar_tui.training.checkpoints.storage import Identity
    from cifar_tui.training.trained_model import TrainedModel


def load(folder: RunFolder, run: StoredRun, progress: ProgressCallback) -> tuple[TrainedModel, tuple[str, ...]]:
    """Load a run's best weights into its model; the images that it was trained on are not needed.

    Args:
        folder: The run's.
        run: The run as it is to be set up.
        progress: Called with the current step, and with what differs from how the run was made.

    Returns:
        The model, and the names of its classes.

    Raises:
        InputError: The run has no best checkpoint, or it is damaged, or the device is not there.
    """
    progress("loading PyTorch", 0, 0)
    from cifar_tui.training import trained_model
    from cifar_tui.training.devices import adapt_config, describe_move

    path, config = checkpoint_path(folder), adapt_config(run)
    identity = _identity(folder, config)
    trained = trained_model.load(path, config, identity, best_epoch(folder) or 0)
    if elsewhere := describe_move(run, trained.placement):
        progress(f"computing {elsewhere}", 0, 0)
    return trained, identity.classes


def exist(folder: RunFolder) -> bool:
    """Whether the run has saved its best weights; they come with the end of its first epoch."""
    return folder.files.folder(CHECKPOINTS).exists(BEST) or folder.files.exists(WEIGHTS)


def best_epoch(folder: RunFolder) -> int | None:
    """The epoch of the run's best weights so far, by its summary, or by its events where that is damaged."""
    try:
        return folder.read_summary().best_epoch
    except InputError:
        best = folder.read_state().best
        return best.epoch if best else None


def checkpoint_path(folder: RunFolder) -> Path:
    """The file of a run's best weights: the checkpoint of its best epoch, or the weights alone where it was pruned.

    Raises:
        InputError: There is none yet.
    """
    if not exist(folder):
        raise InputError(f"{folder.id} has no best weights yet: they come with the end of an epoch; resume it first")
    return folder.checkpoints / BEST if folder.files.folder(CHECKPOINTS).exists(BEST) else folder.path / WEIGHTS


def with_threads(folder: RunFolder, most_threads: int | None) -> StoredRun:
    """The stored run, set up with no more CPU threads than these, where they are given."""
    run = stored_run(folder)
    if most_threads is None:
        return run
    threads = min(run.config.threads or most_threads, most_threads)
    return replace(run, config=replace(run.config, threads=threads), threads_chosen=True)


def _identity(folder: RunFolder, config: TrainingConfig) -> Identity:
    """What the run's checkpoints belong to, as its `config.json` has it."""
    from cifar_tui.training.checkpoints.storage import Identity

    dataset = folder.read_record().dataset
    return Identity(config.model, dataset.classes, dataset.fingerprint, config.seed)
