"""A copy of a run that is being trained is nobody's, whatever locks the file systems have."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.store import heartbeat
from cifar_tui.store.lock import LOCK, RunLock, is_held
from cifar_tui.store.owner import Owner, decode, encode
from cifar_tui.system.folders import Folder
from tests.support.command import ENDLESS, TRAIN, eventually, metrics, summary, wait_for_checkpoint
from tests.support.lockless import (
    OTHER_OWNER,
    disable_locks,
    folder_fixture,
    heartbeat_numbers,
    lockless_fixture,
    shorten_times,
    start,
)

__all__ = ["folder_fixture", "lockless_fixture"]


def left(path: Path, owner: Owner) -> Path:
    """The record that an owner would have left in this file."""
    path.touch()
    path.write_bytes(encode(replace(owner, file=path.stat().st_ino)))
    return path


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(folder, folder.with_name("copy")))


@pytest.mark.parametrize("locks", [False, True], ids=["where there are no locks", "where there are"])
def test_a_copy_of_a_run_with_a_heartbeat_is_nobodys(
    folder: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    shorten_times(monkeypatch)
    with monkeypatch.context() as patch:
        disable_locks(patch)
        owner = RunLock(folder)
        time.sleep(3 * heartbeat.BEAT_SECONDS)
        copy = copied(folder)
        if locks:
            patch.undo()
            shorten_times(monkeypatch)
        assert (is_held(folder), is_held(copy)) == (True, False)
        second = RunLock(copy, lambda *_: pytest.fail("there is nothing to wait for"))
        assert (is_held(folder), is_held(copy)) == (True, True)
        assert owner.check() is second.check() is True
        second.release()
        owner.release()


def test_a_copy_of_a_run_with_a_lock_is_nobodys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = RunLock(folder)
    copy = copied(folder)
    assert decode((copy / LOCK).read_bytes()) is not None
    with monkeypatch.context() as patch:
        disable_locks(patch)
        assert (is_held(folder), is_held(copy)) == (True, False)
        RunLock(copy).release()
    owner.release()


def test_the_lock_of_a_machine_that_died_is_in_no_copys_way(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    left(folder / LOCK, OTHER_OWNER)
    copy = copied(folder)
    assert (is_held(folder), is_held(copy)) == (True, False)
    RunLock(copy).release()


def test_a_renamed_folder_stays_its_owners(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    lockless.setattr(heartbeat, "BEAT_SECONDS", 60.0)
    owner = RunLock(folder)
    renamed = folder.rename(folder.with_name("renamed"))
    assert is_held(renamed)
    with pytest.raises(InputError, match="is being trained right now"):
        RunLock(renamed)
    owner.release()


def test_a_copy_of_another_machines_run_is_not_running_but_is_watched_before_it_is_owned(
    folder: Path, lockless: pytest.MonkeyPatch
) -> None:
    left(folder / "heartbeat-1", OTHER_OWNER)
    copy = copied(folder)
    assert (is_held(folder), is_held(copy)) == (True, False)
    before = time.monotonic()
    RunLock(copy).release()
    assert time.monotonic() - before >= heartbeat.STALE_SECONDS


def test_a_heartbeat_that_changes_is_alive_whatever_number_another_machine_has_for_its_file(
    folder: Path, lockless: pytest.MonkeyPatch
) -> None:
    path, beats = folder / "heartbeat-1", iter(range(1, 1000))
    path.touch()

    def beat(*_: object) -> None:
        path.write_bytes(encode(replace(OTHER_OWNER, file=path.stat().st_ino + 1, beat=next(beats))))

    beat()
    is_held(folder)
    beat()
    assert is_held(folder)
    with pytest.raises(InputError, match="is being trained right now, by process 7 on elsewhere"):
        RunLock(folder, beat)
    assert heartbeat_numbers(folder) == [1]


def test_where_a_file_has_another_number_by_its_name_no_number_is_gone_by(
    folder: Path, lockless: pytest.MonkeyPatch
) -> None:
    status = Folder.status

    def unstable(files: Folder, name: str) -> os.stat_result | None:
        found = status(files, name)
        return found and os.stat_result((found.st_mode, found.st_ino + 1, *found[2:]))

    lockless.setattr(Folder, "status", unstable)
    lockless.setattr(Folder, "names_it", lambda *_: False)
    owner = RunLock(folder)
    record = decode((folder / "heartbeat-1").read_bytes())
    assert record is not None
    assert record.file == 0
    assert is_held(folder)
    assert owner.check() is True
    owner.release()


def test_a_heartbeat_that_an_old_copy_of_itself_replaced_is_made_again(
    folder: Path, lockless: pytest.MonkeyPatch
) -> None:
    lockless.setattr(heartbeat, "BEAT_SECONDS", 60.0)
    owner = RunLock(folder)
    assert owner._heartbeat is not None
    path = folder / "heartbeat-1"
    shutil.copy(path, folder / "restored")
    owner._heartbeat._write()
    (folder / "restored").replace(path)
    assert owner.check() is False
    assert heartbeat_numbers(folder) == [2]
    assert is_held(folder)
    assert owner.check() is True
    owner.release()


def test_a_record_of_an_earlier_version_names_no_file() -> None:
    content = json.loads(encode(replace(OTHER_OWNER, file=5)))
    assert decode(json.dumps(content).encode()) == replace(OTHER_OWNER, file=5)
    del content["file"]
    assert decode(json.dumps(content).encode()) == OTHER_OWNER
    for wrong in (-1, "5", None, 1.5, 2**64):
        assert decode(json.dumps(content | {"file": wrong}).encode()) is None


def test_a_copy_of_a_run_that_trains_is_listed_as_interrupted_and_resumes(tmp_path: Path) -> None:
    process = start([*TRAIN, *ENDLESS], tmp_path)
    try:
        folder = wait_for_checkpoint(tmp_path)
        # So that nothing is renamed while it is copied.
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        shutil.copytree(tmp_path / "runs", tmp_path / "copies")
        os.kill(process.pid, signal.SIGCONT)
        place = ["--runs-dir", "copies"]
        for number in (errno.ENOLCK, 0):
            listed = start(["runs", "--json", *place], tmp_path, number=number)
            out, said = listed.communicate(timeout=60)
            assert listed.returncode == 0, said
            assert [found["state"] for found in json.loads(out)] == ["interrupted"]
        copy = tmp_path / "copies" / folder.name
        asked = start(["pause", folder.name, *place], tmp_path)
        assert "is not being trained" in asked.communicate(timeout=60)[1]
        before = len(metrics(copy))
        resumed = start(["resume", folder.name, *place], tmp_path)
        eventually(lambda: len(metrics(copy)) > before or resumed.poll() is not None)
        start(["stop", folder.name, *place], tmp_path).communicate(timeout=60)
        _, said = resumed.communicate(timeout=60)
        assert resumed.returncode == 0, said
        assert summary(copy)["state"] == "stopped"
        assert process.poll() is None
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
