"""Of checkpoints, what serves stays: the best weights of a finished run, and what another one is resumed from."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from cifar_tui.errors import InputError
from cifar_tui.events import RunStatus
from cifar_tui.records import BEST, LAST, PREVIOUS, WEIGHTS
from cifar_tui.store.lock import RunLock
from cifar_tui.store.order import pruning
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import RECORD, finished, record_events, uninterrupted

ALL = (LAST, PREVIOUS, BEST)


def filled(folder: RunFolder, state: RunStatus | None, names: Sequence[str] = ALL) -> RunFolder:
    """A run that ended so, with checkpoints and weights."""
    record_events(folder, [*uninterrupted(1), *([finished(state)] if state else [])])
    for name in names:
        with zipfile.ZipFile(folder.checkpoints / name, "w") as packed:
            packed.writestr("data", name * 500)
    about = {"model": RECORD.options.model, "classes": json.dumps(RECORD.dataset.classes)}
    (folder.path / WEIGHTS).write_bytes(save({"weight": np.zeros(100, np.float32)}, about))
    return folder


def left(folder: RunFolder) -> set[str]:
    return {path.name for path in folder.checkpoints.iterdir()}


def test_of_a_finished_run_the_weights_alone_stay(folder: RunFolder) -> None:
    filled(folder, "finished")
    (folder.checkpoints / ".next.tmp").write_bytes(b"x" * 100)
    (folder.checkpoints / "mine.txt").touch()
    size = sum(path.stat().st_size for path in folder.checkpoints.iterdir())
    assert pruning.find_prunable(folder) == pruning.Prunable(folder, (*ALL, ".next.tmp"), size)
    assert pruning.prune(folder) == size
    assert left(folder) == {"mine.txt"}
    assert (folder.path / WEIGHTS).is_file()
    assert pruning.find_prunable(folder) is None
    assert pruning.prune(folder) == 0


@pytest.mark.parametrize("state", ["stopped", "diverged", "failed", None])
def test_of_another_run_its_last_checkpoint_stays_too(folder: RunFolder, state: RunStatus | None) -> None:
    filled(folder, state)
    pruning.prune(folder)
    assert left(folder) == {LAST}


def damage_length(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def of_another_model(path: Path) -> None:
    path.write_bytes(save({"weight": np.zeros(100, np.float32)}, {"model": "other", "classes": "[]"}))


def of_brackets(path: Path) -> None:
    path.write_bytes((3_000_000).to_bytes(8, "little") + b"[" * 3_000_000)


def link_elsewhere(path: Path) -> None:
    path.rename(path.with_name("there"))
    path.symlink_to("there")


@pytest.mark.parametrize("damage", [damage_length, of_another_model, of_brackets, link_elsewhere, Path.unlink])
def test_without_whole_weights_the_best_checkpoint_stays(folder: RunFolder, damage: object) -> None:
    assert callable(damage)
    damage(filled(folder, "finished").path / WEIGHTS)
    content = (folder.checkpoints / BEST).read_bytes()
    (folder.checkpoints / BEST).write_bytes(content[:-1])
    with pytest.raises(InputError, match=r"best\.pt is damaged"):
        pruning.prune(folder)
    (folder.checkpoints / BEST).write_bytes(content)
    pruning.prune(folder)
    assert left(folder) == {BEST}
    (folder.checkpoints / BEST).rename(folder.checkpoints / LAST)
    assert pruning.find_prunable(folder) is None, "nothing else has the weights"


def test_no_other_checkpoint_goes_where_the_last_one_is_damaged_or_missing(folder: RunFolder) -> None:
    filled(folder, "stopped")
    last = folder.checkpoints / LAST
    content = bytearray(last.read_bytes())
    content[60] ^= 1
    last.write_bytes(content)
    with pytest.raises(InputError, match=r"last\.pt is damaged"):
        pruning.prune(folder)
    assert left(folder) == {*ALL}
    last.unlink()
    assert pruning.find_prunable(folder) is None


def test_a_run_that_trains_a_script_or_a_damaged_run_is_not_pruned(folder: RunFolder) -> None:
    filled(folder, "finished")
    owner = RunLock(folder.path)
    assert pruning.find_prunable(folder) is None
    owner.release()
    kept = folder.summary_file.read_text()
    folder.summary_file.write_text("{")
    assert pruning.find_prunable(folder) is None
    folder.summary_file.write_text(kept)
    folder.config_file.write_text('{"source": "script"}')
    assert pruning.find_prunable(folder) is None
    assert left(folder) == {*ALL}


def test_a_checkpoint_of_two_names_counts_once_and_what_has_one_elsewhere_frees_nothing(folder: RunFolder) -> None:
    filled(folder, "finished", [LAST])
    size = (folder.checkpoints / LAST).stat().st_size
    (folder.checkpoints / BEST).hardlink_to(folder.checkpoints / LAST)
    found = pruning.find_prunable(folder)
    assert found is not None
    assert found.size == size
    (folder.path.parent / "backup").hardlink_to(folder.checkpoints / LAST)
    assert pruning.find_prunable(folder) is None


def test_no_checkpoint_is_pruned_through_a_link(folder: RunFolder) -> None:
    elsewhere = filled(folder, "finished").checkpoints.rename(folder.path.parent.parent / "elsewhere")
    link = RunFolder(folder.path.with_name("20260101-000000-link"))
    link.path.symlink_to(folder.path)
    assert pruning.find_prunable(link) is None
    folder.checkpoints.symlink_to(elsewhere)
    assert pruning.find_prunable(folder) is None
    assert pruning.prune(folder) == 0
    assert {path.name for path in elsewhere.iterdir()} == {*ALL}
