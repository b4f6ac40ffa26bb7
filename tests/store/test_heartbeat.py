"""A run has one owner at a time where the file system has no locks."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.store import heartbeat
from cifar_tui.store.lock import LOCK, NotOwnedError, RunLock, is_held
from cifar_tui.store.owner import RECORD_BYTES, Owner, decode, encode
from cifar_tui.system import processes
from cifar_tui.system.folders import Folder
from tests.support.lockless import (
    OTHER_OWNER,
    PREAMBLE,
    disable_locks,
    folder_fixture,
    heartbeat_numbers,
    lockless_fixture,
    shorten_times,
    start,
    write_heartbeat,
)

__all__ = ["folder_fixture", "lockless_fixture"]

NUMBERS = ["ENOLCK", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EIO", "EPERM", "EACCES", "EBADF", "EREMOTEIO"]


@pytest.mark.parametrize("number", NUMBERS)
def test_without_locks_a_run_has_one_owner_after_the_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    disable_locks(monkeypatch, getattr(errno, number))
    assert not is_held(folder)
    for turn in (1, 2, 3):
        owner = RunLock(folder)
        assert owner.by_heartbeat
        assert is_held(folder)
        assert heartbeat_numbers(folder) == [turn]
        with pytest.raises(InputError, match=f"is being trained right now, by process {os.getpid()} on "):
            RunLock(folder)
        assert owner.check() is True
        owner.release()
        assert not is_held(folder)


def test_of_many_threads_one_becomes_the_owner(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    owners: list[RunLock] = []
    refusals: list[InputError] = []

    def take() -> None:
        try:
            owners.append(RunLock(folder))
        except InputError as error:
            refusals.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(owners), len(refusals)) == (1, 7)
    owners[0].release()


RIVAL = (
    PREAMBLE
    + """
import random, time
from pathlib import Path
from cifar_tui.errors import InputError
from cifar_tui.store.lock import RunLock
folder, mark = Path(sys.argv[1]), Path(sys.argv[1]).with_name("mark")
owned, end = 0, time.monotonic() + 2
while time.monotonic() < end:
    try:
        lock = RunLock(folder)
    except InputError:
        time.sleep(random.random() / 100)
        continue
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))  # It fails where another process is in here too.
    owned += 1
    time.sleep(random.random() / 200)
    mark.unlink()
    if random.random() < 0.03:
        break  # As if it were killed: nobody says that the run is free.
    lock.release()
sys.stdout.write(str(owned))
sys.stdout.flush()
os._exit(0)
"""
)
TAKERS = (
    PREAMBLE
    + """
import threading
from pathlib import Path
from cifar_tui.errors import InputError
from cifar_tui.store.lock import RunLock
heartbeat.STALE_SECONDS = 2.0
won = []
def take(name):
    try:
        RunLock(Path(name))
        won.append(name)
    except InputError:
        pass
threads = [threading.Thread(target=take, args=(name,)) for name in sys.argv[1:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*won, "", sep="\\n", flush=True)
sys.stdin.read()  # An owner for as long as any of them tries.
os._exit(0)
"""
)


def test_no_two_processes_ever_own_a_run_at_once(folder: Path) -> None:
    rivals = [start([str(folder)], folder.parent, code=RIVAL) for _ in range(6)]
    said = [rival.communicate(timeout=60) for rival in rivals]
    assert [err for _, err in said] == [""] * 6
    counts = [int(out) for out, _ in said]
    assert sum(counts) >= 10
    assert sum(count > 0 for count in counts) >= 2


def test_of_several_machines_that_wait_for_a_dead_owner_one_becomes_the_owner(tmp_path: Path) -> None:
    folders = [tmp_path / f"run-{number}" for number in range(8)]
    for folder in folders:
        folder.mkdir()
        write_heartbeat(folder, OTHER_OWNER)
    arguments = [str(folder) for folder in folders]
    takers = [start(arguments, tmp_path, host=host, code=TAKERS, stdin=subprocess.PIPE) for host in "abc"]
    won: list[str] = []
    for taker in takers:
        assert taker.stdout is not None
        while line := taker.stdout.readline().strip():
            won.append(line)
    for taker in takers:
        assert taker.communicate(timeout=60) == ("", "")
    assert sorted(won) == sorted(arguments)


def test_waiting_for_an_owner_elsewhere_uses_this_machines_clock_only(
    folder: Path, lockless: pytest.MonkeyPatch
) -> None:
    path = write_heartbeat(folder, OTHER_OWNER, 4)
    os.utime(path, (1, 1))  # Whatever its time says.
    told: list[str] = []
    before = time.monotonic()
    owner = RunLock(folder, lambda what, done, total: told.append(what))
    assert time.monotonic() - before >= heartbeat.STALE_SECONDS
    assert set(told) == {"waiting to see whether process 7 on elsewhere is alive"}
    assert heartbeat_numbers(folder) == [5]
    owner.release()


def test_a_stop_request_ends_the_wait(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    write_heartbeat(folder, OTHER_OWNER)
    lockless.setattr(heartbeat, "STALE_SECONDS", 60.0)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    open_before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    with pytest.raises(KeyboardInterrupt):
        RunLock(folder, stop)
    assert heartbeat_numbers(folder) == [1]
    if open_before:
        assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_an_owner_elsewhere_with_a_changing_heartbeat_keeps_its_run(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    path = write_heartbeat(folder, OTHER_OWNER)
    path.rename(folder / "kept")
    beats = iter(range(1, 1000))

    def beat(*_: object) -> None:
        descriptor = os.open(path, os.O_WRONLY)
        os.pwrite(descriptor, encode(Owner(OTHER_OWNER.process, OTHER_OWNER.token, next(beats))), 0)
        os.close(descriptor)

    (folder / "kept").rename(path)
    with pytest.raises(InputError, match="is being trained right now, by process 7 on elsewhere"):
        RunLock(folder, beat)
    assert heartbeat_numbers(folder) == [1]


def test_the_file_of_a_new_owner_stops_the_writes_of_the_earlier_one(
    folder: Path, lockless: pytest.MonkeyPatch
) -> None:
    owner = RunLock(folder)
    files = Folder(folder)
    files.write_text("summary.json", "first")
    write_heartbeat(folder, OTHER_OWNER, 2)
    assert owner._heartbeat is not None
    owner._heartbeat._seen -= heartbeat.GUARD_SECONDS + 1  # As after a suspension.
    writes: tuple[Callable[[], object], ...] = (
        lambda: files.write_text("summary.json", "second"),
        lambda: files.folder("checkpoints").make(),
        lambda: files.remove("summary.json"),
        lambda: os.close(files.open_to_append("events.jsonl")),
    )
    for write in writes:
        with pytest.raises(OSError, match="is being trained right now, by process 7 on elsewhere"):
            write()
    assert owner.is_overdue()
    with pytest.raises(NotOwnedError, match="another process trains it now"):
        owner.check()
    owner.release()
    assert sorted(path.name for path in folder.iterdir()) == ["heartbeat-1", "heartbeat-2", LOCK, "summary.json"]
    assert files.read_bytes("summary.json", 100) == b"first"
    assert (folder / "heartbeat-2").read_bytes() == encode(OTHER_OWNER)


def test_a_slow_write_does_not_replace_the_file_of_a_new_owner(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    owner, checkpoints = RunLock(folder), Folder(folder, "checkpoints")
    checkpoints.make()
    checkpoints.write_text("last.pt", "first")

    def write() -> None:
        with checkpoints.replacing("last.pt") as file:
            file.write(b"second")
            write_heartbeat(folder, OTHER_OWNER, 2)
            assert owner._heartbeat is not None
            owner._heartbeat._seen -= heartbeat.GUARD_SECONDS + 1

    with pytest.raises(OSError, match="is being trained right now"):
        write()
    owner.release()
    assert {path.name: path.read_text() for path in (folder / "checkpoints").iterdir()} == {"last.pt": "first"}


def test_a_removed_heartbeat_is_created_again_and_the_run_stops(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    lockless.setattr(heartbeat, "BEAT_SECONDS", 60.0)
    owner = RunLock(folder)
    (folder / "heartbeat-1").unlink()
    assert owner.check() is False
    assert owner.check() is True
    assert heartbeat_numbers(folder) == [2]
    assert is_held(folder)
    with pytest.raises(InputError, match="is being trained right now"):
        RunLock(folder)
    (folder / "heartbeat-2").unlink()
    write_heartbeat(folder, OTHER_OWNER, 1)
    with pytest.raises(NotOwnedError):
        owner.check()
    assert heartbeat_numbers(folder) == [1], "another one came first"
    owner.release()


FORGED: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "a link to nowhere": lambda path: path.symlink_to("/nowhere"),
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "empty": Path.touch,
    "large": lambda path: path.write_bytes(b"[" * 10_000_000),
    "brackets": lambda path: path.write_bytes(b"[" * RECORD_BYTES),
    "a list": lambda path: path.write_text("[1]"),
    "no process": lambda path: path.write_text(encode(OTHER_OWNER).decode().replace('"pid": 7', '"pid": -1')),
    "no number": lambda path: path.write_text(encode(OTHER_OWNER).decode().replace('"pid": 7', '"pid": true')),
    "not UTF-8": lambda path: path.write_bytes(b"\xff" * 10),
    "a second name": lambda path: os.link(__file__, path),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_heartbeat_owns_nothing_for_long(folder: Path, lockless: pytest.MonkeyPatch, how: str) -> None:
    try:
        FORGED[how](folder / "heartbeat-3")
    except OSError:
        pytest.skip("not on these file systems")
    is_held(folder)
    owner = RunLock(folder)
    assert 4 in heartbeat_numbers(folder)
    assert owner.check() is True
    assert is_held(folder)
    owner.release()


def test_the_largest_number_is_refused_and_other_names_are_ignored(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    for name in ("heartbeat-0", "heartbeat-01", "heartbeat-", "heartbeat-x", "heartbeat-²", "heartbeat-" + "9" * 30):
        (folder / name).touch()
    assert not is_held(folder)
    (folder / ("heartbeat-" + "9" * 9)).touch()
    with pytest.raises(InputError, match="remove it"):
        RunLock(folder)


def test_a_record_is_read_as_it_was_written() -> None:
    for owner in (OTHER_OWNER, Owner(processes.current(), "t", 5, released=True)):
        assert len(encode(owner)) == RECORD_BYTES
        assert decode(encode(owner)) == owner
        assert decode(encode(owner)[:50]) is None


# A file system that has locks on some machines only


def test_a_process_without_locks_sees_an_owner_with_locks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = RunLock(folder)
    assert not owner.by_heartbeat
    with monkeypatch.context() as patch:
        disable_locks(patch)
        assert is_held(folder)
        with pytest.raises(InputError, match=f"by process {os.getpid()} on .* remove the file 'lock'"):
            RunLock(folder)
        assert not any(decode((folder / name).read_bytes()) is None for name in ("heartbeat-1", LOCK))
    assert owner.check() is True
    owner.release()
    disable_locks(monkeypatch)
    assert not is_held(folder)
    RunLock(folder).release()


def test_a_process_with_locks_sees_an_owner_without_locks_and_writes_a_heartbeat_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        disable_locks(patch)
        owner = RunLock(folder)
    shorten_times(monkeypatch)
    assert is_held(folder)
    with pytest.raises(InputError, match="is being trained right now"):
        RunLock(folder)
    owner.release()
    assert not is_held(folder)
    owner = RunLock(folder)
    assert not owner.by_heartbeat
    assert heartbeat_numbers(folder) == [2]
    owner.release()
