"""A run has one owner at a time, whatever becomes of the file that says so."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.errors import InputError
from cifar_tui.store import lock as lock_module
from cifar_tui.store.lock import LOCK, NotOwnedError, RunLock, is_held
from tests.support.command import ENDLESS, TRAIN, events, eventually, metrics, start, summary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def hold(folder: Path, holding: Any) -> None:
    RunLock(folder)
    holding.set()
    time.sleep(60)


@pytest.fixture
def other_owner(folder: Path) -> Iterator[Any]:
    context = multiprocessing.get_context("spawn")
    holding = context.Event()
    process = context.Process(target=hold, args=(folder, holding))
    process.start()
    assert holding.wait(30)
    yield process
    process.kill()
    process.join()


def test_a_run_has_one_owner_and_none_once_that_is_killed(folder: Path, other_owner: Any) -> None:
    assert is_held(folder)
    with pytest.raises(InputError, match="is being trained right now"):
        RunLock(folder)
    other_owner.kill()
    other_owner.join()
    assert not is_held(folder)
    lock = RunLock(folder)
    assert is_held(folder), "within one process too"
    lock.release()
    assert not is_held(folder)


def test_checking_does_not_prevent_ownership(folder: Path) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_held(folder)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        RunLock(folder).release()
    stop.set()
    for thread in threads:
        thread.join()


def test_a_folder_without_a_lock_file_is_owned_by_nobody(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert not is_held(tmp_path / "none")


@contextmanager
def reader(*paths: Path) -> Iterator[None]:
    """Somebody who may read these, and holds a shared lock on each for as long as it takes."""
    descriptors = [os.open(path, os.O_RDONLY) for path in paths]
    for descriptor in descriptors:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    yield
    for descriptor in descriptors:
        os.close(descriptor)


def replaced(path: Path) -> None:
    path.rename(path.with_name("old"))
    path.touch()


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere")


LOSSES: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "renamed": lambda path: path.rename(path.with_name("old")),
    "replaced": replaced,
    "replaced by a link": linked,
}


@pytest.mark.parametrize("how", [how for how in LOSSES if how != "replaced by a link"])
def test_a_second_process_sees_an_owner_whose_lock_is_gone(folder: Path, how: str) -> None:
    owner = RunLock(folder)
    LOSSES[how](folder / LOCK)
    assert is_held(folder)
    with pytest.raises(InputError, match="is being trained right now"):
        RunLock(folder)
    assert owner.check() is False, "it finds that out, once"
    assert owner.check() is True
    assert is_held(folder)
    owner.release()
    assert not is_held(folder)


def test_an_owner_notices_another_one_where_folders_have_no_locks(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = lock_module._try

    def on_files_alone(descriptor: int, kind: int) -> bool:
        if os.path.samestat(os.fstat(descriptor), folder.stat()):
            raise OSError("Bad file descriptor")
        return take(descriptor, kind)

    monkeypatch.setattr(lock_module, "_try", on_files_alone)
    first = RunLock(folder)
    assert is_held(folder)
    with pytest.raises(InputError, match="is being trained right now"):
        RunLock(folder)
    (folder / LOCK).unlink()
    second = RunLock(folder)
    with pytest.raises(NotOwnedError, match="another process trains it now"):
        first.check()
    assert second.check() is True
    first.release()
    assert is_held(folder)
    second.release()
    assert not is_held(folder)


@pytest.mark.parametrize("what", ["removed", "renamed", "replaced by an empty one"])
def test_an_owner_whose_folder_is_gone_owns_nothing_and_creates_nothing(folder: Path, what: str) -> None:
    owner = RunLock(folder)
    if what == "removed":
        shutil.rmtree(folder)
    else:
        folder.rename(folder.with_name("elsewhere"))
    if what == "replaced by an empty one":
        folder.mkdir()
    with pytest.raises(NotOwnedError, match="was moved or removed"):
        owner.check()
    assert not folder.exists() or not list(folder.iterdir())
    owner.release()


@pytest.mark.parametrize("both", [False, True], ids=["the file", "the file and the folder"])
def test_readers_that_never_release_their_locks_do_not_prevent_ownership(
    folder: Path, monkeypatch: pytest.MonkeyPatch, both: bool
) -> None:
    monkeypatch.setattr(lock_module, "ACQUIRE_SECONDS", 0.1)
    RunLock(folder).release()
    with reader(folder / LOCK, *([folder] if both else [])):
        assert not is_held(folder), "a reader is no owner"
        owner = RunLock(folder)
        assert is_held(folder)
        with pytest.raises(InputError, match="is being trained right now"):
            RunLock(folder)
        assert owner.check() is True
        owner.release()
        assert not is_held(folder)


def test_of_many_concurrent_processes_one_becomes_the_owner(folder: Path) -> None:
    owners: list[RunLock] = []
    refusals: list[InputError] = []

    def take() -> None:
        try:
            owners.append(RunLock(folder))
        except InputError as error:
            refusals.append(error)

    for _ in range(3):
        owners.clear()
        refusals.clear()
        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(owners), len(refusals)) == (1, 7)
        owners[0].release()


@pytest.mark.parametrize("how", LOSSES)
def test_a_run_whose_lock_is_lost_stops_with_what_it_has_and_no_other_trains_it(tmp_path: Path, how: str) -> None:
    first = start([*TRAIN, *ENDLESS, "--name", "first"], tmp_path)
    try:
        eventually(lambda: list((tmp_path / "runs").glob("*-first/checkpoints/last.pt")))
        (folder,) = (tmp_path / "runs").iterdir()
        LOSSES[how](folder / LOCK)
        with contextlib.suppress(InputError, OSError):
            # Where it is not refused, the first one has released it by itself.
            RunLock(folder).release()
            eventually(lambda: first.poll() is not None)
        _, said = first.communicate(timeout=120)
    finally:
        first.kill()
    assert first.returncode == 1, said
    told = events(folder)
    assert [event["state"] for event in told if event["type"] == "run_finished"][:1] == ["interrupted"]
    assert "its lock was removed" in next(event for event in told if event["type"] == "run_finished")["message"]
    assert len(metrics(folder)) == len([event for event in told if event["type"] == "epoch"])
    assert summary(folder)["state"] == "interrupted"


def test_a_run_whose_folder_is_replaced_ends_soon_and_writes_nothing_there(tmp_path: Path) -> None:
    process = start([*TRAIN, *ENDLESS, "--name", "first"], tmp_path)
    try:
        eventually(lambda: list((tmp_path / "runs").glob("*-first/checkpoints/last.pt")))
        (folder,) = (tmp_path / "runs").iterdir()
        folder.rename(tmp_path / "elsewhere")
        folder.mkdir()
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "was moved or removed during training" in said
    time.sleep(0.1)
    assert list(folder.iterdir()) == []
