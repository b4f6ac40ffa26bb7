"""Checkpoints are whole, of the run as it stood, and written again once a disk that was full has room."""

import dataclasses
import errno
import itertools
import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cifar_tui.errors import InputError
from cifar_tui.events import AnyEvent, Batch, Checkpoint, Epoch, Note
from cifar_tui.training import loop
from cifar_tui.training.checkpoints import storage, writer
from cifar_tui.training.control import Control
from cifar_tui.training.evaluation import evaluate
from tests.support.hostile import MaliciousPickle
from tests.support.training_runs import SIZE_LIMITS, ControlAction, at_batch, run, stop

pytestmark = pytest.mark.usefixtures("every_batch_reported")


def test_the_best_weights_that_could_not_be_kept_are_kept_when_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "_save_safetensors", full)
        with pytest.raises(OSError, match="No space left"):
            run(tmp_path, epochs=1)
    assert list((tmp_path / "checkpoints").iterdir()) == []
    run(tmp_path, epochs=1, resume=True)
    assert (tmp_path / storage.WEIGHTS).exists()
    assert (tmp_path / "checkpoints" / storage.BEST).exists()


def test_checkpoints_come_by_the_clock_within_an_epoch(tmp_path: Path) -> None:
    recorded = run(tmp_path, epochs=1, checkpoint_seconds=1e-6)
    places = [(e.epoch, e.batch) for e in recorded.of(Checkpoint)]
    assert places == [(1, 1), (1, 2), (1, 3), (2, 0)]


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = threading.Event()
    save = writer.save

    def slowly(*arguments: Any, **options: Any) -> Path:
        assert written.wait(60)
        return save(*arguments, **options)

    monkeypatch.setattr(writer, "save", slowly)
    recorded = run(tmp_path, ControlAction(at_batch(2, 3), lambda _: written.set()), epochs=2)
    kinds = [type(e) for e in recorded.events if isinstance(e, Epoch | Batch | Checkpoint)]
    assert kinds.index(Checkpoint) > kinds.index(Epoch) + 3, "the second epoch's batches did not wait"
    assert [(e.epoch, e.batch) for e in recorded.of(Checkpoint)] == [(2, 0), (3, 0)]


def test_every_checkpoint_is_the_run_as_it_stood_and_not_as_it_went_on(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    kept: dict[tuple[int, int], bytes] = {}

    def keep(event: AnyEvent) -> bool:
        if isinstance(event, Checkpoint):
            kept[event.epoch, event.batch] = (tmp_path / "kept" / "checkpoints" / storage.LAST).read_bytes()
        return False

    run(tmp_path / "kept", ControlAction(keep, Control.pause), checkpoint_seconds=1e-6)
    assert len(kept) > 6
    for place, content in list(kept.items())[:-1]:
        folder = tmp_path / f"from{place}" / "checkpoints"
        folder.mkdir(parents=True)
        (folder / storage.LAST).write_bytes(content)
        resumed = run(folder.parent, resume=True)
        assert set(resumed.learning()) <= set(whole.learning())
        assert all(torch.equal(a, b) for a, b in zip(resumed.weights().values(), whole.weights().values(), strict=True))


def failing_writes(monkeypatch: pytest.MonkeyPatch, number: int, calls: Callable[[int], bool]) -> None:
    """Have the writing of those checkpoints fail for which `calls`, given their number from 0, is true."""
    counted = itertools.count()
    write = writer._write

    def perhaps(*arguments: Any) -> None:
        if calls(next(counted)):
            raise OSError(number, os.strerror(number))
        write(*arguments)

    monkeypatch.setattr(writer, "_write", perhaps)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
def test_training_goes_on_while_the_disk_is_full_and_nothing_is_missing_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    whole = run(tmp_path / "whole", epochs=4)
    failing_writes(monkeypatch, number, lambda call: call < 3)
    kept = run(tmp_path / "kept", epochs=4)
    assert kept.outcome.state == "finished"
    assert kept.learning() == whole.learning()
    said = [note.message for note in kept.of(Note)]
    assert len(said) == 2, "once that it fails, once that it works again"
    assert os.strerror(number) in said[0]
    assert "there is no previous one" in said[0], "the first of all has failed"
    assert "can be written again" in said[1]
    for name in (storage.LAST, storage.BEST):
        a, b = (storage.load(of.folder / name) for of in (whole, kept))
        assert all(torch.equal(a.weights[key], b.weights[key]) for key in a.weights), name


def test_the_best_weights_are_written_as_they_were_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The third epoch is the best, and cannot be written; the fourth, which is not, can.
    accuracies = iter([0.2, 0.3, 0.9, 0.4, 0.5])
    monkeypatch.setattr(loop, "evaluate", lambda *a: dataclasses.replace(evaluate(*a), accuracy=next(accuracies, 0.5)))
    failing_writes(monkeypatch, errno.ENOSPC, lambda call: call == 2)
    recorded = run(tmp_path, epochs=4)
    assert "the previous one is kept" in recorded.of(Note)[0].message
    best = storage.load(recorded.folder / storage.BEST)
    last = storage.load(recorded.folder / storage.LAST)
    assert best.progress.best_epoch == 3
    assert best.progress.epoch == 4, "it stands before the fourth epoch"
    assert last.progress.epoch == 5
    assert last.best_weights is not None
    assert all(torch.equal(best.weights[key], last.best_weights[key]) for key in best.weights)


def test_a_disk_that_stays_full_ends_the_run_when_it_is_to_be_saved_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_writes(monkeypatch, errno.ENOSPC, lambda _: True)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, epochs=3)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, ControlAction(at_batch(1, 2), stop), epochs=3)


def test_a_folder_that_is_gone_ends_the_run_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_writes(monkeypatch, errno.ENOENT, lambda _: True)
    last = ControlAction(lambda event: isinstance(event, Epoch) and event.epoch == 10, Control.pause)
    with pytest.raises(OSError, match="No such file"):
        run(tmp_path, last, epochs=100)
    assert not last.done


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-1000]),
    "empty": lambda file: file.write_bytes(b""),
    "no checkpoint": lambda file: file.write_bytes(b"hello"),
    "gone": lambda file: file.unlink(),
    "a pickle that acts": lambda file: file.write_bytes(pickle.dumps(MaliciousPickle(file.with_name("acted")))),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_run_whose_last_checkpoint_is_damaged_goes_on_from_the_one_before_to_the_same_end(
    tmp_path: Path, how: str
) -> None:
    whole = run(tmp_path / "whole")
    left = run(tmp_path / "left", ControlAction(at_batch(2, 2), stop))
    # A name of its own: as on a file system without hard links, the damage is to this file alone.
    last = left.folder / storage.LAST
    last.write_bytes(last.read_bytes())
    DAMAGES[how](last)
    saved, why = storage.load_last(left.folder, left.setup.identity, SIZE_LIMITS)
    assert saved is not None
    assert (saved.progress.epoch, saved.progress.batch) == (2, 0)
    assert "resuming from previous.pt" in why
    resumed = run(tmp_path / "left", resume=True)
    assert set(resumed.learning()) <= set(whole.learning())
    assert all(torch.equal(a, b) for a, b in zip(resumed.weights().values(), whole.weights().values(), strict=True))
    assert not (left.folder / "acted").exists()


def test_a_run_without_any_whole_checkpoint_says_what_is_wrong_with_the_last(tmp_path: Path) -> None:
    left = run(tmp_path, epochs=2)
    for name in (storage.LAST, storage.PREVIOUS, storage.BEST):
        (left.folder / name).unlink()
        (left.folder / name).write_bytes(b"hello")
    with pytest.raises(InputError, match=r"last\.pt: not a checkpoint"):
        storage.load_last(left.folder, left.setup.identity, SIZE_LIMITS)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "cnn"}, "a checkpoint of the model 'mlp', but the run's is 'cnn'"),
        ({"seed": 3}, "a checkpoint of seed 0, but the run's is 3"),
    ],
)
def test_another_runs_checkpoint_is_refused(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    run(tmp_path, epochs=1)
    with pytest.raises(InputError, match=says):
        run(tmp_path, resume=True, **options)
