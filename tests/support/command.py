"""The real `cifar-tui`, as a process of its own."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.support import fork_server

TRAIN = ("--no-ui", "--data", "digits", "--model", "mlp", "--batch-size", "64", "--threads", "1")
"""A short training of real images; add the epochs."""
SMALL_MODEL = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, num_classes):
        super().__init__(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3072, num_classes))
"""
"""A module for the folder of a test in which processes train together: gradients of the MLP take long to exchange."""
TRAIN_SMALL = tuple("small:Net" if word == "mlp" else word for word in TRAIN)
ENDLESS = ("--epochs", "5000", "--patience", "5000")
TIME_COLUMNS = ("seconds", "images_per_second")
"""The columns of metrics.csv that are other at each run."""


def start(
    arguments: Sequence[str],
    cwd: Path,
    env: dict[str, str] | None = None,
    *,
    fresh: bool = False,
    prepare: Callable[[], None] | None = None,
) -> subprocess.Popen[str]:
    """Start it in the folder `cwd`.

    Args:
        arguments: Its command line.
        cwd: Its current folder.
        env: More of its environment.
        fresh: Whether Python itself has to start too.
        prepare: Called in the new process first, which is a fresh one then.
    """
    command = [sys.executable, "-m", "cifar_tui", *arguments]
    return fork_server.start(command, cwd=cwd, env=os.environ | (env or {}), fresh=fresh, preexec_fn=prepare)


def run(
    arguments: Sequence[str],
    cwd: Path,
    env: dict[str, str] | None = None,
    *,
    fresh: bool = False,
    prepare: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it in the folder `cwd` to its end; the arguments are those of `start`."""
    process = start(arguments, cwd, env, fresh=fresh, prepare=prepare)
    out, err = process.communicate(timeout=180)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def only_run(cwd: Path) -> Path:
    """The folder of the one run in `cwd/runs`."""
    (folder,) = (cwd / "runs").iterdir()
    return folder


def metrics(folder: Path) -> list[dict[str, str]]:
    """The rows of a run's metrics.csv, without the times."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key not in TIME_COLUMNS} for row in csv.DictReader(file)]


def summary(folder: Path) -> dict[str, Any]:
    """A run's summary.json."""
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def events(folder: Path) -> list[dict[str, Any]]:
    """A run's events.jsonl, but for the line that is just being written."""
    *whole, _ = (folder / "events.jsonl").read_text().split("\n")
    return [json.loads(line) for line in whole]


def error_line(result: subprocess.CompletedProcess[str], status: int = 2) -> str:
    """The one line on standard error with which it refused; what it was doing (`… …`) may stand before it."""
    lines = [line for line in result.stderr.splitlines() if not line.rstrip("0123456789 %").endswith("…")]
    assert result.returncode == status, result.stderr
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("cifar-tui: ")
    assert status != 2 or result.stdout == "", "a refusal is no result"
    return lines[0]


def eventually(is_so: Callable[[], object], said: object = "it never came to be") -> None:
    """Wait for what another process or thread does; however busy the machine is, it does not take this long."""
    deadline = time.monotonic() + 180
    while not is_so():
        assert time.monotonic() < deadline, said
        time.sleep(0.02)


def write_small_model(cwd: Path) -> None:
    """Write the module of `TRAIN_SMALL`."""
    (cwd / "small.py").write_text(SMALL_MODEL)


def wait_for_checkpoint(cwd: Path) -> Path:
    eventually(lambda: list((cwd / "runs").glob("*/checkpoints/last.pt")))
    (folder,) = (cwd / "runs").iterdir()
    return folder
