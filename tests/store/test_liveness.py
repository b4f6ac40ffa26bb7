"""Whether the owner of a run is alive: by the processes of this machine, or by whether its heartbeat changes."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_tui.store import heartbeat, owner
from cifar_tui.store.lock import RunLock, is_held
from cifar_tui.store.owner import Owner
from cifar_tui.system import processes
from cifar_tui.system.processes import Process
from tests.support.command import eventually
from tests.support.lockless import (
    OTHER_OWNER,
    folder_fixture,
    lockless_fixture,
    start,
    write_heartbeat,
)

__all__ = ["folder_fixture", "lockless_fixture"]


def test_a_run_of_this_machine_is_free_once_its_process_is_gone(folder: Path, lockless: pytest.MonkeyPatch) -> None:
    lockless.setattr(heartbeat, "STALE_SECONDS", 60.0)
    other = start([], folder.parent, code="")
    here = processes.current()
    status = processes._status(other.pid)
    assert status is not None
    write_heartbeat(folder, Owner(Process(here.host, here.boot, here.namespace, other.pid, status.start), "b" * 32))
    os.kill(other.pid, signal.SIGKILL)
    # Killed, and still in the list of processes: nobody has asked for its status.
    eventually(lambda: not is_held(folder))
    RunLock(folder).release()
    other.communicate()


@pytest.mark.parametrize("change", ["host", "boot", "namespace"])
def test_a_process_of_another_machine_or_namespace_is_not_looked_up_here(change: str) -> None:
    here = processes.current()
    assert processes.liveness(here) == "alive"
    fields = {name: getattr(here, name) for name in ("host", "boot", "namespace", "pid", "start")}
    assert processes.liveness(Process(**fields | {"pid": 2**31 - 1})) == "gone"
    assert processes.liveness(Process(**fields | {"start": here.start + 1})) == "gone", "another one has its number now"
    assert processes.liveness(Process(**fields | {change: "other"})) == "unknown"
    assert processes.liveness(Process(**fields | {change: "other", "pid": 2**31 - 1})) == "unknown"


def test_a_suspended_process_is_alive(folder: Path) -> None:
    other = start([], folder.parent, code="import time; time.sleep(60)")
    try:
        here, status = processes.current(), processes._status(other.pid)
        assert status is not None
        process = Process(here.host, here.boot, here.namespace, other.pid, status.start)
        os.kill(other.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, other.pid, os.WSTOPPED)
        assert processes.liveness(process) == "alive"
    finally:
        other.kill()
        other.communicate()
    assert processes.liveness(process) == "gone"


@pytest.mark.parametrize(
    ("age", "held"), [(0.0, True), (200.0, True), (-200.0, True), (1000.0, False), (-1000.0, False)]
)
def test_a_single_check_goes_by_the_age_of_a_heartbeat_from_elsewhere(
    folder: Path, lockless: pytest.MonkeyPatch, age: float, held: bool
) -> None:
    path = write_heartbeat(folder, OTHER_OWNER)
    os.utime(path, (time.time() - age,) * 2)
    before = time.monotonic()
    assert is_held(folder) is held
    assert time.monotonic() - before < heartbeat.STALE_SECONDS, "nobody waits to list a thousand runs"


@pytest.mark.parametrize("age", [0.0, 1000.0, -315_360_000.0])
def test_repeated_checks_go_by_whether_the_heartbeat_changes(
    folder: Path, lockless: pytest.MonkeyPatch, age: float
) -> None:
    then = (time.time() - age,) * 2
    os.utime(write_heartbeat(folder, OTHER_OWNER), then)
    is_held(folder)
    os.utime(write_heartbeat(folder, Owner(OTHER_OWNER.process, OTHER_OWNER.token, 1)), then)
    assert is_held(folder)
    eventually(lambda: not is_held(folder))


def test_a_bounded_number_of_heartbeats_is_remembered_and_none_of_owners_that_are_gone(
    tmp_path: Path, lockless: pytest.MonkeyPatch
) -> None:
    lockless.setattr(heartbeat, "_watched", {})
    lockless.setattr(heartbeat, "MAX_WATCHED", 3)
    folders = [tmp_path / str(number) for number in range(5)]
    for folder in folders:
        folder.mkdir()
        write_heartbeat(folder, OTHER_OWNER)
        is_held(folder)
        is_held(folders[0])
    assert [*heartbeat._watched] == [folders[3], folders[4], folders[0]], "those that were looked at last"
    write_heartbeat(folders[0], replace(OTHER_OWNER, released=True))
    assert not is_held(folders[0])
    (folders[4] / "heartbeat-1").unlink()
    assert not is_held(folders[4])
    assert [*heartbeat._watched] == [folders[3]]


def test_a_record_is_released_only_where_it_says_so_and_is_none_without_a_counter() -> None:
    here = Owner(processes.current(), "b" * 32)
    content = json.loads(owner.encode(here))
    for value in (None, 1, "x"):
        found = owner.decode(json.dumps(content | {"released": value}).encode())
        assert found is not None
        assert not found.released
    del content["beat"]
    assert owner.decode(json.dumps(content).encode()) is None
