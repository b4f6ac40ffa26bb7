"""Every command works where the file system has no locks, and reading takes none."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from cifar_tui.store import catalog, heartbeat
from cifar_tui.store.catalog import Watcher
from cifar_tui.store.lock import LOCK, RunLock, is_held
from cifar_tui.store.owner import encode
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.folders import Folder
from tests.support.command import events, only_run, summary
from tests.support.lockless import COMMAND, OTHER_OWNER, disable_locks, write_heartbeat
from tests.support.program import TRAIN, call, control_characters, prepare_project
from tests.support.terminal import Terminal


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    disable_locks(monkeypatch, errno.EOPNOTSUPP)
    return prepare_project(tmp_path, monkeypatch)


def trained(place: Path) -> Path:
    result = call([*TRAIN, "--epochs", "1"], place)
    assert result.returncode == 0, result.stderr
    return only_run(place)


def unfinished(place: Path) -> Path:
    """A run that trains, as far as its files say."""
    folder = trained(place)
    content = json.loads((folder / "summary.json").read_text()) | {"state": "running"}
    (folder / "summary.json").write_text(json.dumps(content))
    lines = (folder / "events.jsonl").read_text().splitlines(keepends=True)
    (folder / "events.jsonl").write_text("".join(line for line in lines if '"run_finished"' not in line))
    (folder / "state.json").unlink(missing_ok=True)
    return folder


def test_a_run_trains_and_notes_the_heartbeat_once(place: Path) -> None:
    folder = trained(place)
    notes = [event for event in events(folder) if event["type"] == "note" and "heartbeat" in event["message"]]
    assert [note["level"] for note in notes] == ["warning"]
    assert not is_held(folder)
    for command in (["runs"], ["evaluate", folder.name], ["report", folder.name], ["attach", folder.name, "--no-ui"]):
        result = call(command, place)
        assert result.returncode == 0, result.stderr


def test_a_run_is_listed_and_watched_as_what_it_is(place: Path) -> None:
    folder = unfinished(place)
    watcher = Watcher(folder.parent)
    assert [found.state for _, found in watcher.poll().summaries] == ["interrupted"]
    owner = RunLock(folder)
    assert [found["state"] for found in json.loads(call(["runs", "--json"], place).stdout)] == ["running"]
    (folder / "summary.json").touch()
    assert [found.state for _, found in watcher.poll().summaries] == ["running"]
    assert catalog.live_state(RunFolder(folder)).status == "running"
    refused = call(["resume", folder.name], place)
    assert refused.returncode == 2
    assert "is being trained right now, by process" in refused.stderr
    owner.release()
    assert [found.state for _, found in watcher.poll().summaries] == ["interrupted"]
    attached = call(["attach", folder.name, "--no-ui"], place)
    assert attached.returncode == 0
    assert "is no longer training: its process died" in attached.stderr
    assert "is not being trained: there is nothing to pause" in call(["pause", folder.name], place).stderr


def test_a_run_whose_machine_is_gone_is_waited_for_and_resumed(place: Path) -> None:
    folder = unfinished(place)
    (folder / "heartbeat-1").unlink()
    write_heartbeat(folder, OTHER_OWNER)
    assert [found["state"] for found in json.loads(call(["runs", "--json"], place).stdout)] == ["running"], (
        "as it seems"
    )
    resumed = call(["resume", folder.name], place)
    assert resumed.returncode == 0, resumed.stderr
    assert "waiting to see whether process 7 on elsewhere is alive" in resumed.stderr
    assert summary(folder)["state"] == "finished"


def test_the_name_of_an_owner_does_not_act_on_a_terminal(place: Path) -> None:
    folder = unfinished(place)
    (folder / "heartbeat-1").unlink()
    process = replace(OTHER_OWNER.process, host="\x1b[2J\u202e\r\nevil")
    write_heartbeat(folder, replace(OTHER_OWNER, process=process))
    resumed = call(["resume", folder.name], place)
    assert "[2J" in resumed.stderr
    assert control_characters(resumed.stdout + resumed.stderr) == []
    (folder / LOCK).write_bytes(encode(replace(OTHER_OWNER, process=process)))
    refused = call(["resume", folder.name], place)
    assert refused.returncode == 2
    assert "remove the file 'lock'" in refused.stderr
    assert control_characters(refused.stderr) == []


def test_a_thousand_runs_of_other_machines_are_listed_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disable_locks(monkeypatch)
    monkeypatch.setattr(heartbeat, "STALE_SECONDS", 3600.0)
    for number in range(1000):
        folder = tmp_path / f"20260101-000000-{number:04}"
        folder.mkdir()
        (folder / "summary.json").write_text('{"state": "running"}')
        write_heartbeat(folder, OTHER_OWNER)
    before = time.monotonic()
    states = [found.state for found in catalog.summaries(tmp_path)]
    assert states == ["running"] * 1000
    assert time.monotonic() - before < heartbeat.STALE_SECONDS / 2


def test_the_doctor_says_so_and_leaves_nothing_behind(place: Path) -> None:
    (place / "runs").mkdir()
    (found,) = (f for f in json.loads(call(["doctor", "--json"], place).stdout) if f["topic"] == "locks")
    assert "has none (Operation not supported): a heartbeat says" in found["found"]
    assert found["mend"]
    assert found["hinders"] is False
    assert list((place / "runs").iterdir()) == []


def test_the_doctor_says_where_there_are_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = (f for f in json.loads(call(["doctor", "--json"], tmp_path).stdout) if f["topic"] == "locks")
    assert found["mend"] == ""
    assert list(tmp_path.iterdir()) == []


def test_a_new_run_that_cannot_be_owned_leaves_no_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Folder.make_new

    def full(folder: Folder, name: str, mode: int = 0o666) -> int:
        if name.startswith("heartbeat"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return make(folder, name, mode)

    monkeypatch.setattr(Folder, "make_new", full)
    result = call([*TRAIN, "--epochs", "1"], place)
    assert result.returncode == 1
    assert "No space left on device" in result.stderr
    assert list((place / "runs").iterdir()) == []


def test_a_folder_that_only_may_be_read_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unfinished(place)
    opened = os.open

    def reading(path: str, flags: int, *args: int, **kwargs: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and path != os.devnull:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", reading)
    assert call(["runs"], place).returncode == 0
    assert "is no longer training: its process died" in call(["attach", folder.name, "--no-ui"], place).stderr


def test_the_dashboard_lists_and_trains_runs(tmp_path: Path) -> None:
    arguments = ["--data", "digits", "--model", "mlp", "--threads", "1", "--epochs", "500", "--patience", "500"]
    command = [sys.executable, "-c", COMMAND, "", str(errno.ENOSYS), *arguments]
    root = str(Path(__file__).parents[2])
    with Terminal(command, columns=120, rows=40, cwd=tmp_path, env={"PYTHONPATH": root}) as terminal:
        terminal.wait_for("mlp")
        terminal.press("s")
        terminal.wait_for("► running", 60)
        folder = only_run(tmp_path)
        assert is_held(folder)
        with Terminal(
            [*command[:5], "attach", folder.name], columns=120, rows=40, cwd=tmp_path, env={"PYTHONPATH": root}
        ) as watching:
            watching.wait_for("► running", 60)
            terminal.press("p")
            terminal.wait_for("║ paused")
            watching.wait_for("║ paused")
            watching.press("q")
            assert watching.wait_exit() == 0
        terminal.signal(signal.SIGTERM)
        terminal.wait_exit(60)
    assert not is_held(folder)
    assert summary(folder)["state"] == "interrupted"


def test_an_error_of_no_kind_that_is_known_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def stale(*_: object) -> NoReturn:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    prepare_project(tmp_path, monkeypatch)
    monkeypatch.setattr(fcntl, "flock", stale)
    result = call([*TRAIN, "--epochs", "1"], tmp_path)
    assert result.returncode == 1
    assert "Stale file handle" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "runs").iterdir()) == []
    assert call(["runs"], tmp_path).returncode == 0
    assert call(["doctor"], tmp_path).returncode in (0, 1)
