"""What recording costs a script: microseconds a call, the share of its speed that it keeps, bytes, memory.

Run it with `python -m benchmarks.any_training.recorder`. Beside it, in the same run: an empty call, TensorBoard's
`SummaryWriter.add_scalar`, and trackio and wandb (offline) where they are installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.nn.functional as F
from torch import nn

CALLS, ROUNDS = 20_000, 3
BATCHES, BATCH = 300, 256
LOGGERS = ("nothing", "cifar-tui", "cifar-tui, tensors", "SummaryWriter", "wandb", "trackio")
PACKAGES = {"SummaryWriter": "tensorboard", "wandb": "wandb", "trackio": "trackio"}

Log = Callable[[int, float, torch.Tensor], None]


def open_logger(name: str, folder: Path) -> tuple[Log, Callable[[], None]]:
    """What logs a step's loss and learning rate, and what ends it."""
    if name.startswith("cifar-tui"):
        from cifar_tui import record

        run = record("bench", runs_dir=folder, quiet=True).start()
        if name.endswith("tensors"):
            return lambda _, lr, loss: run.log(loss=loss, lr=lr), run.finish
        return lambda _, lr, loss: run.log(loss=lr, lr=lr), run.finish
    if name == "SummaryWriter":
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(str(folder))

        def add(step: int, lr: float, _: torch.Tensor) -> None:
            writer.add_scalar("loss", lr, step)
            writer.add_scalar("lr", lr, step)

        return add, writer.close
    if name == "wandb":
        import wandb

        found = wandb.init(mode="offline", dir=str(folder), settings=wandb.Settings(silent=True))
        return lambda step, lr, loss: found.log({"loss": lr, "lr": lr}, step=step), found.finish
    if name == "trackio":
        import trackio

        trackio.init(project="bench")
        return lambda step, lr, loss: trackio.log({"loss": lr, "lr": lr}), trackio.finish
    return lambda *_: None, lambda: None


def measure(name: str) -> dict[str, float]:
    """One logger, in this process: microseconds a call, steps per second of the MLP's loop, bytes, memory."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        os.chdir(place)
        torch.set_num_threads(1)
        log, end = open_logger(name, Path(place) / "logs")
        loss = torch.tensor(1.0)
        calls = []
        for step in range(CALLS):
            began = time.perf_counter()
            log(step, 0.1, loss)
            calls.append(time.perf_counter() - began)
        model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 512), nn.ReLU(), nn.Linear(512, 10))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        images, labels = torch.randn(BATCH, 3, 32, 32), torch.randint(0, 10, (BATCH,))
        began = 0.0
        for step in range(BATCHES + 10):
            if step == 10:
                began = time.perf_counter()
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            log(CALLS + step, 0.1, loss)
        seconds = time.perf_counter() - began
        memory = psutil.Process().memory_info().rss
        end()
        size = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
        calls.sort()
        return {
            "median": statistics.median(calls) * 1e6,
            "p99": calls[int(0.99 * CALLS)] * 1e6,
            "steps": BATCHES / seconds,
            "bytes": size / (CALLS + BATCHES),
            "memory": memory / 1e6,
        }


def installed() -> Iterator[str]:
    """The loggers that can be measured here."""
    for name in LOGGERS:
        package = PACKAGES.get(name)
        if package is None or importlib.util.find_spec(package) is not None:
            yield name


def main() -> None:
    """Measure each in processes of its own, in turn, and print the table."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in installed()}
    for _ in range(ROUNDS):
        for name, rounds in found.items():
            command = [sys.executable, "-m", "benchmarks.any_training.recorder", name]
            result = subprocess.run(command, capture_output=True, text=True, check=True)
            rounds.append(json.loads(result.stdout.splitlines()[-1]))
    print(f"{CALLS:,} calls with two values, then {BATCHES} steps of an MLP; medians of {ROUNDS} rounds\n")
    print("| | µs a call | µs, 99th percentile | share of speed kept | bytes a call | MB of memory |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, rounds in found.items():
        kept = statistics.median(a["steps"] / b["steps"] for a, b in zip(rounds, found["nothing"], strict=True))
        values = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        print(
            f"| {name} | {values['median']:.2f} | {values['p99']:.1f} | {kept:.3f} | {values['bytes']:.0f}"
            f" | {values['memory']:.0f} |"
        )


if __name__ == "__main__":
    main()
