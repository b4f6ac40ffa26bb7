"""What happens to a recording while its script trains on: full disks, removed folders, several processes."""

from __future__ import annotations

import errno
import os
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


@pytest.mark.parametrize("what", ["folder", "lock"])
def test_what_is_gone_ends_the_recording_at_most_and_not_the_training(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], what: str
) -> None:
    with record(quiet=True, runs_dir=tmp_path, epochs=2) as run:
        assert run.folder is not None
        batches, gone = 0, tmp_path / "gone"
        for epoch in run.epochs():
            for batch in run.batches(range(50)):
                batches += 1
                run.log(loss=1.0)
                if (epoch, batch) == (1, 10):
                    run.folder.rename(gone) if what == "folder" else (run.folder / "lock").unlink()
                    run._writer._ownership.check()  # type: ignore[union-attr]
            run.validated(loss=1.0)
    assert batches == 100
    if what == "folder":
        (line,) = capfd.readouterr().err.splitlines()
        assert "the recording has ended" in line
        assert list(tmp_path.iterdir()) == [gone], "nothing is written where it was"
    else:
        assert RunFolder(run.folder).read_state().status == "finished"


def start_together(cwd: Path, script: str) -> list[Any]:
    words = [sys.executable, "-c", script]
    return [
        fork_server.start(words, cwd=cwd, env=dict(os.environ) | {"PYTHONPATH": fork_server.ROOT} | own)
        for own in processes.environments(2)
    ]


def test_of_several_processes_a_pause_and_a_stop_are_those_of_all_after_the_same_epoch(tmp_path: Path) -> None:
    started = start_together(tmp_path, TOGETHER)
    eventually(lambda: any('"epoch"' in file.read_text() for file in tmp_path.glob("runs/*/events.jsonl")))
    (path,) = (tmp_path / "runs").iterdir()
    requests.send(path, "pause")
    eventually(lambda: RunFolder(path).read_state().status == "paused")
    requests.send(path, "resume")
    eventually(lambda: RunFolder(path).read_state().resumptions)
    requests.send(path, "stop")
    first, second = processes.finish(started)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout
    found: Any = RunFolder(path).read_state()
    assert (found.status, len(found.epochs)) == ("stopped", int(first.stdout))


def test_a_script_that_records_in_rank_0_alone_is_neither_hung_nor_stopped(tmp_path: Path) -> None:
    alone = TOGETHER.replace("epochs=100000", "epochs=3").replace(
        "    for epoch in run.epochs():",
        "    for epoch in run.epochs() if dist.get_rank() == 0 else range(1, 4):\n"
        "        run._writer and run._writer._control.stop('stopped', 'asked')",
    )
    first, second = processes.finish(start_together(tmp_path, alone))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    (path,) = (tmp_path / "runs").iterdir()
    state = RunFolder(path).read_state()
    assert (state.status, len(state.epochs)) == ("finished", 3)
    assert any("not all processes" in note.message for note in state.notes)
