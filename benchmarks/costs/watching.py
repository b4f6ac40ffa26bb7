"""What watching one run of 30 batches a second costs, in a terminal of 120×40: memory, and bytes on the terminal.

`python -m benchmarks.costs.watching` prints a table; `--wandb PATH` (0.26 or later) and `--terminalboard PATH` (with
plotext below 6) are the commands of other monitors, which are measured with the same run where they are installed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.terminal import Terminal

PROGRAM = str(Path(sys.executable).with_name("cifar-tui"))
TRAINING = """
import math, random, sys, time

def batches():
    drawn, due = random.Random(0), time.perf_counter()
    for n in range(1, 1_000_000):
        due += 1 / 30
        time.sleep(max(0.0, due - time.perf_counter()))
        falling, rising = 2.3 * math.exp(-n / 600) + 0.2, 1 - math.exp(-n / 400)
        values = {"loss": falling + drawn.gauss(0, 0.08), "accuracy": min(1.0, rising + drawn.gauss(0, 0.03))}
        yield values, {} if n % 60 else {"val_loss": falling + 0.05, "val_accuracy": rising}
"""
OURS = """
from cifar_tui import record

with record("live", epochs=10_000, batch_size=64, tensorboard=True, quiet=True) as run:
    trained = batches()
    for _ in run.epochs():
        for _ in run.batches(range(60)):
            values, validated = next(trained)
            run.log(values)
        run.log(validated)
"""
WANDB = """
import wandb

wandb.init(project="live", mode="offline", dir=sys.argv[1])
for values, validated in batches():
    wandb.log(values | validated)
"""
GOALS = "| goal | 110 MiB | 0.35 s | 25.0 kB | 3.0 kB/s | 0.00 kB/s |"
FIRST_SECONDS, SETTLE_SECONDS = 3.0, 6.0


@dataclass(frozen=True)
class Monitor:
    """A monitor, and what shows that its first picture is there."""

    name: str
    command: Sequence[str]
    shown: str
    training: str
    """The folder of the training that it watches."""


def monitors(place: Path, wandb: str | None, terminalboard: str | None) -> Iterator[Monitor]:
    """Ours, in each of the ways to watch, and the others that are installed."""
    (run,) = (place / "ours/runs").iterdir()
    yield Monitor("cifar-tui attach", (PROGRAM, "attach", run.name), "state", "ours")
    yield Monitor("cifar-tui watch, a TensorBoard log", (PROGRAM, "watch", str(run)), "state", "ours")
    yield Monitor("cifar-tui, two ready runs and this one", (PROGRAM,), "ready", "ours")
    if wandb is not None:
        yield Monitor("wandb leet", (wandb, "beta", "leet"), "Metrics", "wandb")
    if terminalboard is not None:
        yield Monitor("terminalboard", (terminalboard, str(run)), "loss", "ours")


@contextlib.contextmanager
def training(python: str, code: str, cwd: Path, *arguments: str) -> Iterator[psutil.Process]:
    """A script that trains until this ends."""
    cwd.mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "WANDB_SILENT": "true"}
    command = [python, "-c", TRAINING + code, *arguments]
    with subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL) as process:
        yield psutil.Process(process.pid)
        process.terminate()


def memory(pid: int) -> float:
    """What a process and its children hold in memory, in MiB; pages that processes share are divided among them."""
    process, total = psutil.Process(pid), 0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(OSError, psutil.Error):
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{each.pid}/smaps_rollup").read_text(), re.MULTILINE)
            total += int(found[1]) if found else 0
    return total / 1024


def measured(monitor: Monitor, place: Path, trained: psutil.Process, rounds: int, seconds: float) -> str:
    """A row of the table."""
    pictures = []
    for number in range(rounds + 1):
        with Terminal(monitor.command, cwd=place / monitor.training) as terminal:
            pictures.append(terminal.wait_for(monitor.shown) - terminal.started)
            if number < rounds:
                continue
            time.sleep(max(0.0, terminal.started + FIRST_SECONDS - time.perf_counter()))
            first = terminal.written()
            time.sleep(SETTLE_SECONDS)
            live = rate(terminal, seconds)
            held = memory(terminal.process.pid)
            trained.suspend()
            time.sleep(SETTLE_SECONDS)
            idle = rate(terminal, seconds)
            trained.resume()
    shown = statistics.median(pictures[1:])
    return f"| {monitor.name} | {held:.0f} MiB | {shown:.2f} s | {first / 1e3:.1f} kB | {live} | {idle} |"


def rate(terminal: Terminal, seconds: float) -> str:
    """What is written while so many seconds pass."""
    begun = time.perf_counter()
    time.sleep(seconds)
    return f"{terminal.written(begun) / (time.perf_counter() - begun) / 1e3:.2f} kB/s"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wandb", default=shutil.which("wandb"))
    parser.add_argument("--terminalboard", default=shutil.which("terminalboard"))
    parser.add_argument("--rounds", type=int, default=5, help="starts of each monitor")
    parser.add_argument("--seconds", type=float, default=20.0, help="of live and of suspended training")
    options = parser.parse_args()
    print("| | memory, PSS | first picture | bytes in its first 3 s | live | training suspended |")
    print("|---|---:|---:|---:|---:|---:|")
    print(GOALS)
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["XDG_CACHE_HOME"] = str(place / "cache")
        trainings = {"ours": stack.enter_context(training(sys.executable, OURS, place / "ours"))}
        if options.wandb is not None:
            folder = place / "wandb"
            python = str(Path(options.wandb).absolute().with_name("python"))
            trainings["wandb"] = stack.enter_context(training(python, WANDB, folder, str(folder)))
        time.sleep(10)
        for monitor in monitors(place, options.wandb, options.terminalboard):
            trained = trainings[monitor.training]
            print(measured(monitor, place, trained, options.rounds, options.seconds), flush=True)


if __name__ == "__main__":
    main()
