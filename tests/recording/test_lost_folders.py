"""What happens to a recording while its script trains on: full disks, removed folders, several processes."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from cifar_tui import record
from cifar_tui.events import Note
from cifar_tui.store import recorder, requests
from cifar_tui.store.run_folder import RunFolder
from tests.support import fork_server
from tests.support.command import eventually
from tests.support.ranks import processes

TOGETHER = """
import torch, torch.distributed as dist
from cifar_tui import record

dist.init_process_group("gloo")
with record(name="together", epochs=100000, quiet=True) as run:
    for epoch in run.epochs():
        for batch in run.batches(range(3)):
            dist.all_reduce(torch.ones(1))
            run.log(loss=1.0)
        run.validated(loss=1.0)
print(epoch)
"""


def test_what_a_full_disk_does_not_take_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = False
    write = os.write

    def write_if_there_is_room(descriptor: int, data: bytes) -> int:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(recorder.os, "write", write_if_there_is_room)  # type: ignore[attr-defined]
    with record(quiet=True, runs_dir=tmp_path) as run:
        assert run.folder is not None
        folder = RunFolder(run.folder)
        run.validated(loss=1.0)
        eventually(lambda: len(folder.read_state().epochs) == 1)
        full = True
        for _ in range(5):
            run.validated(loss=2.0)
        eventually(lambda: run._writer is not None and not run._writer._waiting)
        full = False
        run.validated(loss=3.0)
    assert [epoch.val_loss for epoch in folder.read_state().epochs] == [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 3.0]
    notes = [event.message for event in folder.events() if isinstance(event, Note)]
    assert any("No space left on device" in message for message in notes)


def test_a_folder_that_is_removed_ends_the_recording_and_not_the_script(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with record(quiet=True, runs_dir=tmp_path) as run:
        assert run.folder is not None
        run.log(loss=1.0)
        shutil.rmtree(run.folder)
        run.validated(loss=1.0)
    (line,) = capfd.readouterr().err.splitlines()
    assert "is recorded no more" in line
    assert list(tmp_path.iterdir()) == []


def test_of_several_processes_a_stop_ends_all_after_the_same_epoch(tmp_path: Path) -> None:
    words = [sys.executable, "-c", TOGETHER]
    started = [
        fork_server.start(words, cwd=tmp_path, env=dict(os.environ) | {"PYTHONPATH": fork_server.ROOT} | own)
        for own in processes.environments(2)
    ]
    eventually(lambda: any('"epoch"' in file.read_text() for file in tmp_path.glob("runs/*/events.jsonl")))
    (path,) = (tmp_path / "runs").iterdir()
    requests.send(path, "stop")
    first, second = processes.finish(started)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout
    found: Any = RunFolder(path).read_state()
    assert (found.status, len(found.epochs)) == ("stopped", int(first.stdout))
