"""Whatever goes wrong, a run trains on where it can, says what it could not do, and keeps what was good."""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from cifar_tui import models
from cifar_tui.report import run_files
from cifar_tui.training.checkpoints import storage
from tests.support import command
from tests.support.command import error_line, events, eventually, only_run, start, summary
from tests.support.hostile import MaliciousPickle
from tests.support.program import TRAIN, call, interrupted_run, linear_model, prepare_project, replace_file

ENDLESS = (*command.TRAIN, "--epochs", "5000", "--patience", "5000", "--checkpoint-seconds", "0.2")


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepare_project(tmp_path, monkeypatch)


class Output:
    """What a process prints, read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        assert process.stdout is not None
        self._stream = process.stdout
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self.lines.extend(iter(self._stream.readline, ""))

    def after(self, act: Callable[[], object], *texts: str) -> list[str]:
        """The lines after `act`, up to the one with the last of `texts`, all of which come in any order."""
        before = len(self.lines)
        act()
        eventually(lambda: all(any(text in line for line in self.lines[before:]) for text in texts), self.lines)
        return self.lines[before:]


def bound_by_permissions() -> None:
    """Take from this process, and what it becomes, a superuser's right to write everywhere."""
    pr_capbset_drop, cap_dac_override = 24, 1
    if os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the superuser's rights cannot be dropped")


@pytest.fixture
def training(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that trains, and the folder of its run, once that has a checkpoint."""
    try:
        process = start(ENDLESS, tmp_path, prepare=bound_by_permissions)
    except subprocess.SubprocessError:
        pytest.skip("a superuser who keeps the right to write everywhere")
    try:
        eventually(lambda: list((tmp_path / "runs").glob("*/checkpoints/best.pt")))
        yield process, only_run(tmp_path)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def test_a_disk_that_fills_or_a_permission_that_is_lost_costs_nothing_once_it_is_mended_and_no_checkpoint_ever(
    training: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = training
    output = Output(process)
    last = folder / "checkpoints" / storage.LAST

    def room(size: int) -> None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def modes(mode: int) -> None:
        for path in (folder, folder / "checkpoints"):
            path.chmod(mode)

    lost = ("a checkpoint could not be written", "training continues, the previous one is kept")
    mended = ("checkpoints can be written again",)
    said = output.after(lambda: room(1000), *lost, "the run's events cannot be written: File too large")
    assert any("File too large" in line for line in said if lost[0] in line)
    good = storage.load(last)
    output.after(
        lambda: room(resource.RLIM_INFINITY), *mended, "the run's events can be written again; none is missing"
    )
    with (folder / "requests").open("a") as requests:
        requests.write("rm -rf /\n")
    said = output.after(lambda: modes(0o500), *lost, "unknown request 'rm -rf /' ignored")
    assert any("Permission denied" in line for line in said if lost[0] in line)
    output.after(lambda: modes(0o700), *mended)
    # From here on, it stays full to the end.
    output.after(lambda: room(1000), *lost)
    process.send_signal(signal.SIGTERM)
    process.wait(180)
    assert process.stderr is not None
    *_, line = process.stderr.read().splitlines()
    assert line.endswith("cannot write the run's folder: File too large; make room, then resume the run")
    assert storage.load(last).progress.samples > good.progress.samples
    assert not list(folder.rglob("*.tmp"))
    told = events(folder)
    epochs = [event["epoch"] for event in told if event["type"] == "epoch"]
    assert epochs == list(range(1, len(epochs) + 1))
    assert all(a["t"] <= b["t"] for a, b in pairwise(told))


def test_a_run_whose_folder_is_taken_away_ends_soon_with_one_line_and_makes_no_other(
    training: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, folder = training
    output = Output(process)
    folder.rename(tmp_path / "elsewhere")
    assert process.wait(180) == 1, output.lines
    assert process.stderr is not None
    *_, line = process.stderr.read().splitlines()
    assert line.startswith(f"cifar-tui: {folder.name}: the run's folder, or something in it, was moved or removed")
    assert list((tmp_path / "runs").iterdir()) == []
    assert storage.load(tmp_path / "elsewhere" / "checkpoints" / storage.LAST).progress.epoch >= 1


class Failing(torch.nn.Module):
    """A model that does something in its tenth training batch; an epoch has four."""

    def __init__(self, act: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.model, self.act, self.batches = linear_model(2), act, 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.batches += self.training
        logits: torch.Tensor = self.model(images)
        return self.act(logits) if self.training and self.batches == 10 else logits


@pytest.mark.parametrize(
    ("act", "status", "state", "says"),
    [
        (lambda logits: logits * torch.nan, 3, "diverged", "became infinite or NaN in epoch 3: try a lower --max-lr"),
        (lambda _: torch.empty(2**50), 1, "failed", "out of memory at batch size 4: try --batch-size 2"),
    ],
    ids=["a loss that is NaN", "out of memory"],
)
def test_training_that_fails_says_why_and_keeps_the_last_good_checkpoint(
    cwd: Path, monkeypatch: pytest.MonkeyPatch, act: Any, status: int, state: str, says: str
) -> None:
    monkeypatch.setattr(models, "load", lambda *_: lambda _: Failing(act))
    result = call([*TRAIN, "--epochs", "5"], cwd)
    assert says in error_line(result, status)
    folder = only_run(cwd)
    assert (summary(folder)["state"], summary(folder)["epochs"]) == (state, 2)
    assert events(folder)[-1]["state"] == state
    assert says.partition(":")[0] in (folder / "report.md").read_text()
    for name in (storage.LAST, storage.BEST):
        saved = storage.load(folder / "checkpoints" / name)
        assert all(tensor.isfinite().all() for tensor in saved.weights.values())
    assert saved.progress.epoch >= 2


def test_a_plot_that_fails_leaves_the_result_and_is_told_in_the_log_and_the_report(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> bytes:
        raise RuntimeError("no font")

    monkeypatch.setattr(run_files, "draw_curves", fails)
    result = call([*TRAIN, "--epochs", "1"], cwd)
    assert result.returncode == 0, result.stderr
    folder = only_run(cwd)
    said = "curves.png could not be written: RuntimeError: no font"
    assert f"warning: {said}" in result.stdout
    assert said in (folder / "report.md").read_text()
    assert said in [event.get("message") for event in events(folder)]
    assert summary(folder)["state"] == "finished"
    assert (folder / "confusion_matrix.png").exists()


def test_a_config_that_is_lost_while_it_trains_costs_no_result(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Losing(torch.nn.Flatten):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            (only_run(cwd) / "config.json").unlink(missing_ok=True)
            return super().forward(images)

    monkeypatch.setattr(models, "load", lambda *_: lambda _: torch.nn.Sequential(Losing(), torch.nn.Linear(3072, 2)))
    result = call([*TRAIN, "--epochs", "1"], cwd)
    assert result.returncode == 0, result.stderr
    assert summary(only_run(cwd))["state"] == "finished"


def flipped(content: bytes) -> bytes:
    """With one bit in the middle, where the numbers are, other than it was."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("what", ["cut", "a flipped bit", "foreign", "a pickle that acts"])
def test_a_run_with_a_damaged_last_checkpoint_and_a_torn_event_goes_on_and_says_so(cwd: Path, what: str) -> None:
    folder = interrupted_run(cwd)
    last = folder / "checkpoints" / storage.LAST
    other = interrupted_run(cwd, "--seed", "7") if what == "foreign" else None
    contents = {
        "cut": lambda: last.read_bytes()[:-1000],
        "a flipped bit": lambda: flipped(last.read_bytes()),
        "foreign": lambda: (other / "checkpoints" / storage.LAST).read_bytes() if other else b"",
        "a pickle that acts": lambda: pickle.dumps(MaliciousPickle(cwd / "acted")),
    }
    replace_file(last, contents[what]())
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"type":"epoch","t":')
    result = call(["resume", folder.name], cwd)
    assert result.returncode == 0, result.stderr
    assert "resuming from previous.pt" in result.stdout
    assert r"resuming from previous.pt" in (folder / "report.md").read_text()
    assert [event["type"] for event in events(folder)][-1] == "run_finished"
    assert summary(folder)["state"] == "finished"
    assert not (cwd / "acted").exists()


def test_a_clock_that_is_set_back_breaks_no_run(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Back(datetime):
        """A day earlier each time that it is asked."""

        asked = 0

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            cls.asked += 1
            return datetime(2026, 1, 10, tzinfo=tz) - timedelta(days=cls.asked)

    monkeypatch.setattr("cifar_tui.runs.run.datetime", Back)
    real = time.time()
    monkeypatch.setattr(time, "time", lambda: 2 * real - time.monotonic() * 1000)
    folder = interrupted_run(cwd)
    result = call(["resume", folder.name], cwd)
    assert result.returncode == 0, result.stderr
    told = events(folder)
    assert all(a["t"] <= b["t"] for a, b in pairwise(told))
    assert 0 < summary(folder)["seconds"] < 100
    second = call([*TRAIN, "--epochs", "1"], cwd)
    assert second.returncode == 0
    assert len(json.loads(call(["runs", "--json"], cwd).stdout)) == 2
