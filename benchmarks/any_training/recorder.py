"""What recording costs a script: microseconds a call, the share of its speed that it keeps, bytes, memory.

Run it with `python -m benchmarks.any_training.recorder`. Beside it, in the same run: an empty call, TensorBoard's
`SummaryWriter.add_scalar`, and trackio and wandb (offline) where they are installed. The share of speed is of blocks
of steps that are logged and blocks that are not, in turn in one process: other load on the machine meets both.
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

import psutil
import torch
import torch.nn.functional as F
from torch import nn

CALLS = 5_000
PAIRS, STEPS = 12, 40
"""Pairs of blocks of steps, one logged and one not."""
BATCH = 256
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

        os.environ["TRACKIO_DIR"] = str(folder)
        trackio.init(project="bench")
        return lambda step, lr, loss: trackio.log({"loss": lr, "lr": lr}), trackio.finish
    return lambda *_: None, lambda: None


def measure(name: str) -> dict[str, float]:
    """One logger, in this process: microseconds a call, share of the speed of an MLP's loop, bytes, memory."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        os.chdir(place)
        torch.set_num_threads(1)
        before = psutil.Process().memory_info().rss
        log, end = open_logger(name, Path(place) / "logs")
        loss = torch.tensor(1.0)
        calls = []
        for step in range(CALLS):
            began = time.perf_counter()
            log(step, 0.1, loss)
            calls.append(time.perf_counter() - began)
        memory = psutil.Process().memory_info().rss - before
        kept = share_kept(log)
        end()
        size = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
        calls.sort()
        return {
            "median": statistics.median(calls) * 1e6,
            "p99": calls[int(0.99 * CALLS)] * 1e6,
            "kept": kept,
            "bytes": size / (CALLS + PAIRS * STEPS),
            "memory": memory / 1e6,
        }


def share_kept(log: Log) -> float:
    """The speed of an MLP's loop in which every step is logged, over that of one in which none is."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 512), nn.ReLU(), nn.Linear(512, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    images, labels = torch.randn(BATCH, 3, 32, 32), torch.randint(0, 10, (BATCH,))

    def seconds(first: int, log: Log) -> float:
        began = time.perf_counter()
        for step in range(first, first + STEPS):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            log(CALLS + step, 0.1, loss)
        return time.perf_counter() - began

    without = open_logger("nothing", Path())[0]
    seconds(0, without)
    shares = []
    for pair in range(PAIRS):
        first = pair * STEPS
        # In turn which is first: what drifts during a pair meets both.
        if pair % 2:
            logged = seconds(first, log)
            shares.append(seconds(first, without) / logged)
        else:
            unlogged = seconds(first, without)
            shares.append(unlogged / seconds(first, log))
    return statistics.median(shares)


def installed() -> Iterator[str]:
    """The loggers that can be measured here."""
    for name in LOGGERS:
        package = PACKAGES.get(name)
        if package is None or importlib.util.find_spec(package) is not None:
            yield name


def main() -> None:
    """Measure each in a process of its own, and print the table."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    print(f"{CALLS:,} calls with two values, then {PAIRS} pairs of {STEPS} steps of an MLP, logged and not\n")
    print("| | µs a call, median | 99th percentile | share of speed kept | bytes a call | MB of memory more |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in installed():
        command = [sys.executable, "-m", "benchmarks.any_training.recorder", name]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(result.stdout.splitlines()[-1])
        print(
            f"| {name} | {found['median']:.2f} | {found['p99']:.1f} | {found['kept']:.3f} | {found['bytes']:.0f}"
            f" | {found['memory']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
