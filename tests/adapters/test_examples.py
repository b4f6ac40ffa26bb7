"""The examples, each against the library that it is for: what they record, and that they are stopped from outside."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.store import requests
from cifar_tui.store.run_folder import RunFolder

EXAMPLES = Path(__file__).parents[2] / "examples"
LIBRARIES = {
    "lightning_digits": "lightning",
    "transformers_digits": "transformers",
    "keras_digits": "keras",
}


@pytest.fixture(params=LIBRARIES)
def example(request: pytest.FixtureRequest) -> Path:
    if importlib.util.find_spec(LIBRARIES[request.param]) is None:
        pytest.skip(f"{LIBRARIES[request.param]} is not installed")
    return EXAMPLES / f"{request.param}.py"


def start(example: Path, cwd: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"KERAS_BACKEND": "torch", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen([sys.executable, str(example)], cwd=cwd, env=environment, text=True, stderr=subprocess.PIPE)


def only_run(cwd: Path) -> RunFolder:
    (path,) = (cwd / "runs").iterdir()
    return RunFolder(path)


def test_it_records_its_epochs_with_what_was_measured(example: Path, tmp_path: Path) -> None:
    process = start(example, tmp_path)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    folder = only_run(tmp_path)
    state = folder.read_state()
    assert state.status == "finished"
    assert [epoch.epoch for epoch in state.epochs] == list(range(1, 11))
    assert state.best is not None
    assert state.best.val_accuracy > 0.8
    assert state.epochs[-1].train_loss < state.epochs[0].train_loss
    assert state.epochs[-1].val_loss < state.epochs[0].val_loss
    assert state.started is not None
    assert (state.started.epochs, state.started.batches) == (10, 24)
    assert state.lr > 0
    assert (folder.path / "report.md").exists()


def test_a_request_from_another_process_stops_it(example: Path, tmp_path: Path) -> None:
    # More epochs than anybody waits for.
    endless = tmp_path / "endless.py"
    endless.write_text(example.read_text().replace("epochs=10", "epochs=100000"))
    process = start(endless, tmp_path)
    try:
        wait_for_epoch(tmp_path)
        requests.send(only_run(tmp_path).path, "stop")
        _, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    summary: dict[str, Any] = json.loads((only_run(tmp_path).path / "summary.json").read_text())
    assert (summary["state"], summary["message"]) == ("stopped", "stopped by request")


def wait_for_epoch(cwd: Path) -> None:
    deadline = time.monotonic() + 300
    while not any('"epoch"' in file.read_text() for file in cwd.glob("runs/*/events.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
