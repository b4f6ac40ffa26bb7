"""The real program, in processes that find no locks: killed, resumed, suspended while another machine takes its run."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from cifar_tui.store.lock import RunLock
from tests.support.command import ENDLESS, TRAIN, events, eventually, metrics, summary, wait_for_checkpoint
from tests.support.lockless import (
    COMMAND,
    disable_locks,
    heartbeat_numbers,
    start,
)


def test_a_killed_run_is_interrupted_and_resumes(tmp_path: Path) -> None:
    arguments = [*TRAIN, *ENDLESS]
    process = start(arguments, tmp_path, number=errno.ENOSYS)
    folder = wait_for_checkpoint(tmp_path)
    refused = start(["resume", folder.name], tmp_path, number=errno.EOPNOTSUPP)
    _, said = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert said.count("\n") == 1
    assert f"is being trained right now, by process {process.pid} on {socket.gethostname()}" in said
    process.kill()
    process.communicate()
    listed = start(["runs", "--json"], tmp_path)
    assert '"interrupted"' in listed.communicate(timeout=60)[0]
    resumed = start(["resume", folder.name], tmp_path)
    before = len(metrics(folder))
    eventually(lambda: len(metrics(folder)) > before)
    stop = start(["stop", folder.name], tmp_path)
    assert "stops after this batch" in stop.communicate(timeout=60)[0]
    _, said = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, said
    assert summary(folder)["state"] == "stopped"
    notes = [event["message"] for event in events(folder) if event["type"] == "note"]
    assert sum("has no locks" in note for note in notes) == 2, "once for each process that trained it"


BETWEEN_LOOKS = COMMAND.replace(
    "from cifar_tui.cli.main",
    "heartbeat.BEAT_SECONDS = 60; from cifar_tui.store import requests; requests.READ_SECONDS = 60; "
    "from cifar_tui.cli.main",
)
"""The program, in which nothing but the writing itself could notice that the run is lost."""


@pytest.mark.parametrize("code", [COMMAND, BETWEEN_LOOKS], ids=["as it is", "between two looks"])
def test_a_suspended_run_that_another_machine_took_writes_nothing_when_it_wakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    process = start([*TRAIN, *ENDLESS], tmp_path, host="elsewhere", code=code)
    try:
        folder = wait_for_checkpoint(tmp_path)
        # It is not to be stopped on its way to write what it has just done.
        eventually(lambda: '"checkpoint"' in (folder / "events.jsonl").read_text())
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        disable_locks(monkeypatch)
        owner = RunLock(folder)
        kept = {
            path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "heartbeat" not in path.name
        }
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGCONT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "another process trains it now; this one stopped" in said
    assert "Traceback" not in said
    assert owner.check() is True
    assert {path: path.read_bytes() for path in kept} == kept
    assert heartbeat_numbers(folder) == [2]
    owner.release()
