"""The program in the processes of a launcher: rank 0 has the run, and what happens to any of them ends all alike."""

import json
import os
import signal
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue

import pytest

from cifar_tui.events import RunStatus
from cifar_tui.headless import launched
from cifar_tui.headless.displays import Display
from cifar_tui.headless.launched import Launched
from cifar_tui.headless.signals import Signals
from cifar_tui.runs.launched import earlier
from cifar_tui.runs.launched.earlier import AlreadyEndedError
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.distributed.environment import Worker
from tests.support import command
from tests.support.command import ENDLESS, TRAIN_SMALL, write_small_model
from tests.support.ranks import processes
from tests.support.recorded import ID, finished, record_events, run_record, started, whole_epoch

BROKEN = """
import os
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(3072, num_classes))
        self.passes = 0

    def forward(self, images):
        self.passes += 1
        if os.environ["RANK"] == "1" and self.passes > 60:
            raise ValueError("no more ideas")
        return self.layers(images)
"""


def test_an_error_of_another_process_is_printed_once_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    arguments = ["--no-ui", "--data", "digits", "--model", "broken:Net", *ENDLESS, "--threads", "1"]
    first, second = processes.run_program(arguments, tmp_path)
    assert (first.returncode, second.returncode) == (1, 1)
    (line,) = [line for line in first.stderr.splitlines() if line.startswith("cifar-tui: ")]
    assert ": rank 1 on " in line
    assert line.endswith(": ValueError: no more ideas (--debug shows where)")
    assert second.stderr == ""
    summary = command.summary(command.only_run(tmp_path))
    assert summary["state"] == "failed"
    assert "rank 1 on " in summary["message"]


def test_a_process_that_waits_for_the_others_ends_at_a_signal(tmp_path: Path) -> None:
    first, second = processes.start_program(["--no-ui", "--data", "nowhere"], tmp_path)
    (refused,) = processes.finish([first])
    assert "nowhere" in command.error_line(refused)
    command.eventually(lambda: "SigCgt" in _signals(second.pid) and int(_signals(second.pid).split()[-1], 16) & 1 << 14)
    second.send_signal(signal.SIGTERM)
    (ended,) = processes.finish([second])
    assert (ended.returncode, ended.stderr) == (1, "")
    assert not (tmp_path / "runs").exists()


def _signals(pid: int) -> str:
    """The line of a process's status with the signals that it handles."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("SigCgt"))


def test_rank_0_has_the_run_and_a_signal_to_the_other_process_saves_it_for_as_many_to_resume(tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
        write_small_model(folder)
    arguments = [*TRAIN_SMALL, "--epochs", "40"]
    first, second = processes.run_program(arguments, whole)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "small:Net finished" in first.stdout
    assert second.stdout == second.stderr == ""
    record = json.loads((command.only_run(whole) / "config.json").read_text())
    assert [each["device"] for each in record["processes"]] == ["cpu", "cpu"]

    started = processes.start_program(arguments, stopped)
    command.wait_for_checkpoint(stopped)
    started[1].send_signal(signal.SIGTERM)
    assert [process.returncode for process in processes.finish(started)] == [1, 1]
    folder = command.only_run(stopped)
    assert "interrupted by SIGTERM" in command.summary(folder)["message"]
    resumed, _ = processes.run_program(["resume", folder.name, "--no-ui"], stopped)
    assert resumed.returncode == 0, resumed.stderr
    assert "not bit for bit" not in resumed.stdout
    assert command.metrics(folder) == command.metrics(command.only_run(whole))


def test_a_signal_to_another_process_ends_the_models_that_were_to_follow_too(tmp_path: Path) -> None:
    write_small_model(tmp_path)
    arguments = [*TRAIN_SMALL, "--model", "small:Net", *ENDLESS]
    started = processes.start_program(arguments, tmp_path)
    command.wait_for_checkpoint(tmp_path)
    started[1].send_signal(signal.SIGTERM)
    first, second = processes.finish(started)
    assert (first.returncode, second.returncode) == (1, 1)
    assert "the runs that were to follow are not started" in first.stderr
    assert command.summary(command.only_run(tmp_path))["state"] == "interrupted"


def test_a_model_that_fails_ends_the_models_that_were_to_follow_too(tmp_path: Path) -> None:
    write_small_model(tmp_path)
    arguments = [*TRAIN_SMALL, "--model", "small:Net", "--max-lr", "1e30", "--epochs", "30"]
    first, second = processes.run_program(arguments, tmp_path)
    assert (first.returncode, second.returncode) == (3, 3)
    assert "the runs that were to follow are not started" in first.stderr
    assert command.summary(command.only_run(tmp_path))["state"] == "diverged"


def test_one_process_resumes_a_run_of_two_and_says_so(tmp_path: Path) -> None:
    write_small_model(tmp_path)
    started = processes.start_program([*TRAIN_SMALL, *ENDLESS], tmp_path)
    folder = command.wait_for_checkpoint(tmp_path)
    started[0].send_signal(signal.SIGTERM)
    processes.finish(started)
    alone = command.start(["resume", folder.name, "--no-ui"], tmp_path)
    command.eventually(lambda: "processes 1, not 2" in (folder / "events.jsonl").read_text())
    alone.send_signal(signal.SIGTERM)
    processes.finish([alone])
    assert command.summary(folder)["processes"] == 1


def test_a_launch_finds_the_run_that_its_earlier_processes_made(tmp_path: Path) -> None:
    folder, record = RunFolder(tmp_path / ID), replace(run_record(), launch="job/0")
    folder.path.mkdir()
    folder.write_record(record)
    created = datetime.fromisoformat(record.created).timestamp()
    config = folder.read_record().options
    assert earlier.find(tmp_path, "job/0", config, created - 60) == folder
    assert earlier.find(tmp_path, "job/1", config, created - 60) is None
    assert earlier.find(tmp_path, "job/0", replace(config, seed=8), created - 60) is None
    assert earlier.find(tmp_path, "job/0", config, created + 60) is None, "it is another launch of the same name"


def ended_run(runs_dir: Path, ending: RunStatus) -> RunFolder:
    """The folder of a run that has ended in this way."""
    folder = RunFolder(runs_dir / ID)
    folder.path.mkdir()
    folder.write_record(run_record())
    record_events(folder, [started(), *whole_epoch(1), finished(ending)])
    return folder


@pytest.mark.parametrize(("ending", "status"), [("finished", 0), ("stopped", 0), ("failed", 1), ("diverged", 3)])
def test_a_run_that_has_ended_is_not_begun_again(tmp_path: Path, ending: RunStatus, status: int) -> None:
    folder = ended_run(tmp_path, ending)
    before, after = folder.events_file.stat().st_mtime - 60, folder.events_file.stat().st_mtime + 60
    with pytest.raises(AlreadyEndedError) as raised:
        earlier.check_not_ended(folder, before)
    assert raised.value.exit_status == status
    earlier.check_not_ended(folder, after)


def test_an_interrupted_run_is_resumed_by_the_processes_that_follow(tmp_path: Path) -> None:
    folder = ended_run(tmp_path, "interrupted")
    earlier.check_not_ended(folder, 0)


def test_a_launcher_that_is_gone_has_the_runs_saved_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Asked:
        def stop(self, state: str, why: str) -> None:
            asked.append((state, why))

        def checkpoint(self) -> None:
            raise AssertionError

    monkeypatch.setattr(launched, "WATCH_SECONDS", 0.01)
    signals = Signals(Display(), SimpleQueue())
    signals.runs = [Asked()]
    with Launched(Worker(0, 2, 0, 2), signals):
        monkeypatch.setattr(os, "getppid", lambda: 1)
        command.eventually(lambda: asked)
    assert asked == [("interrupted", "interrupted because its launcher is gone,")]
    assert signals.received == 1
