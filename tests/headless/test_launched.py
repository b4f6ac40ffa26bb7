"""What rank 0 leaves to the launcher that has started it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from cifar_tui.config import TrainingConfig
from cifar_tui.headless import driver
from cifar_tui.headless.signals import Signals
from cifar_tui.runs import run
from cifar_tui.runs.launched import worker as worker_module
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.distributed.environment import Worker
from cifar_tui.training.distributed.exchange import Exchange


def test_a_signal_that_comes_too_late_for_a_run_has_its_launcher_start_the_processes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled, stop_runs = threading.Event(), Signals.stop_runs

    def stop(signals: Signals, status: int, why: str) -> None:
        stop_runs(signals, status, why)
        handled.set()

    def write_files(*_: object) -> list[str]:
        os.kill(os.getpid(), signal.SIGTERM)
        assert handled.wait(60)
        return []

    monkeypatch.setattr(Signals, "stop_runs", stop)
    monkeypatch.setattr(run, "write_run_files", write_files)
    (tmp_path / "exchange").mkdir()
    worker = Worker(rank=0, processes=1, local_rank=0, local_processes=1, launch="x", exchange=tmp_path / "exchange")
    config = TrainingConfig(model="mlp", data="digits", epochs=1, device="cpu")
    status = driver.train(tmp_path / "runs", [config], as_json=False, quiet=True, debug=False, worker=worker)
    (folder,) = (tmp_path / "runs").iterdir()
    finished = RunFolder(folder).read_state().status
    assert (finished, status) == ("finished", 128 + signal.SIGTERM)
    assert Exchange(tmp_path / "exchange").status() is None


def test_other_ranks_reuse_freed_memory_as_rank_0_does(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(worker_module, "retain_freed_memory", lambda: calls.append("retain"))
    worker_module.WorkerRuns(Worker(rank=1, processes=2, local_rank=1, local_processes=2), lambda: None)
    assert calls == ["retain"]
