"""What is in the folders of runs that were killed, and whether they ended as they would have otherwise."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TIMES = ("seconds", "images_per_second")
"""Columns of metrics.csv that differ from run to run."""


def run_folders(cwd: Path) -> list[Path]:
    """The runs in a folder, the oldest first."""
    return sorted(path for path in cwd.glob("runs/*") if (path / "config.json").exists())


def state(folder: Path) -> str:
    """The state in a run's summary; empty if there is none yet."""
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads((folder / "summary.json").read_text())["state"])
    return ""


def events(folder: Path) -> list[dict[str, Any]]:
    """The events of a run that are whole; the last one may be torn."""
    try:
        lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    except OSError:
        return []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def activity(folder: Path) -> str:
    """What a killed run was doing: the file it was writing, otherwise its last event."""
    leftovers = [path.name.strip(".").partition(".")[0] for path in folder.rglob(".*.tmp")]
    if leftovers:
        return f"writing {leftovers[0]}"
    recorded = events(folder)
    return f"after {recorded[-1]['type']}" if recorded else "at its beginning"


def unreadable(folder: Path) -> Iterator[str]:
    """The files of a run that cannot be read, and why."""
    import torch
    from PIL import Image
    from safetensors.numpy import load

    readers: dict[str, Callable[[Path], Any]] = {
        ".pt": lambda path: torch.load(io.BytesIO(path.read_bytes()), weights_only=True),
        ".safetensors": lambda path: load(path.read_bytes()),
        ".json": lambda path: json.loads(path.read_bytes()),
        ".jsonl": lambda path: events(path.parent),
        ".png": lambda path: Image.open(io.BytesIO(path.read_bytes())).load(),
        ".csv": lambda path: next(csv.reader(path.read_text().splitlines(), strict=True)),
        ".md": lambda path: path.read_text()[0],
    }
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(".tmp") and path.suffix in readers:
            try:
                readers[path.suffix](path)
            except Exception as error:  # noqa: BLE001  (whatever it is, the file is unreadable)
                yield f"{path.name}: {type(error).__name__}: {error}"


def result(folder: Path) -> dict[str, Any]:
    """A finished run's results, without times: the metrics of its epochs, its test, its weights bit for bit."""
    import torch

    with (folder / "metrics.csv").open(newline="") as file:
        rows = [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]
    summary = json.loads((folder / "summary.json").read_text())
    weights = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["weights"]
    return {
        "state": summary["state"],
        "test": (summary["test_accuracy"], summary["test_loss"], summary["best_epoch"]),
        "metrics": rows,
        "weights": {name: tensor.numpy().tobytes() for name, tensor in weights.items()},
    }
