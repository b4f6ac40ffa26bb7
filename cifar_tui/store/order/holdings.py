"""What a folder of runs holds on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cifar_tui.store import catalog
from cifar_tui.store.order import trash
from cifar_tui.system import trees


@dataclass(frozen=True, slots=True)
class Holdings:
    """Runs, and bytes.

    Attributes:
        runs: How many there are.
        size: What they take, all in all.
        checkpoints: What their checkpoints take of it.
        deleted: How many are in the trash.
        trash: What that takes.
    """

    runs: int
    size: int
    checkpoints: int
    deleted: int
    trash: int


def measure(runs_dir: Path) -> Holdings:
    """Measure a folder of runs."""
    folders = [folder for folder in catalog.run_folders(runs_dir) if not folder.path.is_symlink()]
    deleted = trash.deleted_runs(runs_dir)
    return Holdings(
        runs=len(folders),
        size=sum(trees.size(folder.path) for folder in folders),
        checkpoints=sum(trees.size(folder.checkpoints) for folder in folders if not folder.checkpoints.is_symlink()),
        deleted=len(deleted),
        trash=sum(trees.size(run.folder.path) for run in deleted),
    )
