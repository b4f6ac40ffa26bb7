"""Whole epochs of the protocol, training and validation: ours against the reference study's loop, alternately.

Run it with `python -m benchmarks.throughput --data FOLDER` on idle cores; without a folder it takes the digits.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from cifar_tui.training.devices import all_devices

MIB = 1024 * 1024
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Seen:
    """The figures of one training."""

    epoch_seconds: list[float]
    """Of each whole epoch, including validation."""
    images: int
    """Training images in an epoch."""
    memory: float
    """Peak memory of its processes in bytes; shared memory counts once."""
    accuracy: float
    """Validation accuracy after the last epoch, as a fraction."""

    @property
    def speed(self) -> float:
        """Training images per second of whole epochs: the median of those after the first, which starts workers."""
        return self.images / statistics.median(self.epoch_seconds[1:] or self.epoch_seconds)


def ours(model: str, data: str, epochs: int, device: str, *, seed: int = 0, precision: str = "auto") -> Seen:
    """`cifar-tui --no-ui`."""
    with tempfile.TemporaryDirectory() as runs:
        options = ["--model", model, "--data", data, "--epochs", str(epochs), "--device", device, "--runs-dir", runs]
        options += ["--seed", str(seed), "--precision", precision]
        _, memory = watched([sys.executable, "-m", "cifar_tui", "--no-ui", "--quiet", *options])
        (folder,) = Path(runs).iterdir()
        with (folder / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    seconds = [float(row["seconds"]) for row in rows]
    return Seen(seconds, int(rows[0]["samples"]), memory, float(rows[-1]["val_accuracy"]))


def reference(model: str, data: str, epochs: int, device: str, *, seed: int = 0) -> Seen:
    """The study's loop, in float32."""
    options = ["--model", model, "--data", data, "--epochs", str(epochs), "--planned", str(epochs), "--device", device]
    options += ["--seed", str(seed)]
    output, memory = watched([sys.executable, "-m", "benchmarks.reference_loop", *options])
    rows = [json.loads(line) for line in output.splitlines()]
    return Seen([row["seconds"] for row in rows], rows[0]["images"], memory, rows[-1]["val_accuracy"])


def watched(command: list[str]) -> tuple[str, float]:
    """Run a command to its end.

    Returns:
        What it printed, and the most bytes that it and its children had at a time.

    Raises:
        CalledProcessError: It failed.
    """
    most = 0.0
    with tempfile.TemporaryFile("w+") as output, subprocess.Popen(command, stdout=output) as process:
        while process.poll() is None:
            most = max(most, _memory(process.pid))
            time.sleep(0.5)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return text, most


def _memory(pid: int) -> float:
    total = 0.0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            used = process.memory_full_info()
            # Proportional set size, where the system reports it.
            total += getattr(used, "pss", used.rss)
    except psutil.Error:  # One of them has just ended.
        return 0.0
    return total


def part_of(data: str, count: int, place: Path) -> str:
    """A folder with the first images of each class of `data`, `count` for training and a fifth as many for the test."""
    for split, images in zip(SPLITS, (count, count // 5), strict=True):
        classes = sorted(path for path in (Path(data) / split).iterdir() if path.is_dir())
        for folder in classes:
            target = place / split / folder.name
            target.mkdir(parents=True)
            for image in sorted(folder.iterdir())[: max(1, images // len(classes))]:
                (target / image.name).symlink_to(image.absolute())
    return str(place)


def table(seen: Iterable[tuple[str, Seen, Seen]]) -> Iterable[str]:
    """A row a model, of its pairs of trainings (ours, the reference's)."""
    by_model: dict[str, list[tuple[Seen, Seen]]] = {}
    for model, our, their in seen:
        by_model.setdefault(model, []).append((our, their))
    yield "| model | reference, images/s | cifar-tui, images/s | ratio (min–max) | peak memory, MiB | val accuracy |"
    yield "|---|---:|---:|---:|---:|---:|"
    for model, pairs in by_model.items():
        ratios = [our.speed / their.speed for our, their in pairs]
        mine, theirs = zip(*pairs, strict=True)
        yield (
            f"| {model} | {_median(theirs, lambda s: s.speed):,.0f} | {_median(mine, lambda s: s.speed):,.0f} |"
            f" {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}) |"
            f" {_median(mine, lambda s: s.memory) / MIB:,.0f} beside {_median(theirs, lambda s: s.memory) / MIB:,.0f} |"
            f" {_median(mine, lambda s: s.accuracy):.2%} beside {_median(theirs, lambda s: s.accuracy):.2%} |"
        )


def _median(sides: Iterable[Seen], value: Callable[[Seen], float]) -> float:
    return statistics.median(value(side) for side in sides)


def main() -> None:
    """Train both alternately and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", help="a folder of images, such as CIFAR-10's")
    parser.add_argument("--images", type=int, default=0, help="use this many training images of the folder; 0: all")
    parser.add_argument("--models", nargs="+", choices=("mlp", "cnn"), default=["mlp", "cnn"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2, help="of both")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    _, name, precision = next(found for found in all_devices() if found[0].startswith(options.device))
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data
        if options.images:
            data = part_of(data, options.images, Path(temporary) / "images")
        os.environ.setdefault("XDG_CACHE_HOME", str(Path(temporary) / "cache"))
        seen = []
        for model in options.models:
            for number in range(options.rounds):
                # Each side goes first equally often, because a machine's speed drifts.
                sides = [ours, reference] if number % 2 else [reference, ours]
                found = {side: side(model, data, options.epochs, options.device) for side in sides}
                seen.append((model, found[ours], found[reference]))
                speeds = f"{found[ours].speed:,.0f} images/s, reference {found[reference].speed:,.0f}"
                print(f"  {model}: {speeds}", file=sys.stderr, flush=True)
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    print(f"{name}, {os.cpu_count()} cores, cifar-tui in {precision}, {versions}, {options.epochs} epochs\n")
    print(*table(seen), sep="\n")


if __name__ == "__main__":
    main()
