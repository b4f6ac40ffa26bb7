"""All figures of one device: complete training, headless and with the dashboard, with the protocol and the fast recipe.

Run it with `python -m benchmarks.cuda --data FOLDER` where a GPU is; with `--device cpu --epochs 1` it runs anywhere.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from cifar_tui import models
from cifar_tui.training.devices import all_devices
from tests.support import fork_server
from tests.support.terminal import Terminal

PROGRAM = (sys.executable, "-m", "cifar_tui")
MILESTONES = {"cnn": (0.9195, 0.94), "mlp": (0.5612, 0.64)}
"""Target validation accuracies; the CNN's are the study's and that of the speed contests."""
BACKWARD = 2
"""The backward pass computes two products for each one of the forward pass."""


@dataclass(frozen=True)
class Trained:
    """The figures of one complete training."""

    seconds: list[float]
    """Of each epoch, including validation."""
    accuracy: list[float]
    """On the validation set after each epoch, as a fraction."""
    images: int
    """Training images in an epoch."""
    test: float

    @property
    def speed(self) -> float:
        """Training images per second of whole epochs: the median of those after the first, which warms up."""
        return self.images / statistics.median(self.seconds[1:] or self.seconds)

    def until(self, accuracy: float) -> float | None:
        """Seconds until an epoch ended with this accuracy; None if none did."""
        ends = itertools.accumulate(self.seconds)
        return next((end for end, reached in zip(ends, self.accuracy, strict=True) if reached >= accuracy), None)


def ended(place: Path) -> bool:
    """Whether the run in this folder is finished."""
    return any(json.loads(file.read_text())["state"] != "running" for file in place.glob("runs/*/summary.json"))


def train(options: list[str], *, shown: bool) -> Trained:
    """Train once, to the end; with the dashboard in a terminal of 120×40 where `shown`.

    Raises:
        RuntimeError: It did not come to its end.
        AssertionError: The dashboard did not.
    """
    with tempfile.TemporaryDirectory() as place:
        command = [*PROGRAM, *options]
        if shown:
            with Terminal([*command, "--start"], cwd=Path(place)) as terminal:
                terminal.wait_for(lambda _: ended(Path(place)) and " active" not in terminal.text(), 4 * 3600)
                terminal.press("q")
                terminal.wait_exit(60)
        else:
            fork_server.start([*command, "--no-ui", "--quiet"], cwd=Path(place), env=os.environ).communicate()
        (folder,) = Path(place).glob("runs/*")
        summary = json.loads((folder / "summary.json").read_text())
        if summary["state"] != "finished":
            raise RuntimeError(f"{' '.join(command)}: {summary['state']}")
        with (folder / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    return Trained(
        [float(row["seconds"]) for row in rows],
        [float(row["val_accuracy"]) for row in rows],
        int(rows[0]["samples"]),
        float(summary["test_accuracy"]),
    )


def training_flop(model: str) -> float:
    """Floating-point operations of training on one image: of matrix products and convolutions, as torch counts them."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        models.build(model, 10).eval()(torch.zeros(1, 3, 32, 32))
    return float(counter.get_total_flops() * (1 + BACKWARD))


def peak_flops(device: str, precision: str) -> float:
    """The device's peak, FLOP per second: the best of several products of large square matrices."""
    on_cpu = device == "cpu"
    size = 2048 if on_cpu else 8192
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    best = float("inf")
    for _ in range(8):
        begin = time.perf_counter()
        a @ b
        if not on_cpu:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begin)
    return 2 * size**3 / best


def table(model: str, headless: list[Trained], shown: list[Trained], fast: Trained, peak: float) -> Iterator[str]:
    """The rows of one model."""
    total = statistics.median(sum(t.seconds) for t in headless)
    speed = statistics.median(t.speed for t in headless)
    ratios = [b.speed / a.speed for a, b in zip(headless, shown, strict=True)]
    yield f"| {model}, protocol, {len(headless[0].seconds)} epochs | {total:,.1f} s |"
    yield f"| its images/s | {speed:,.0f} |"
    yield f"| its share of the device's peak | {speed * training_flop(model) / peak:.1%} |"
    yield f"| its test accuracy | {headless[0].test:.2%} |"
    spread = f"{min(ratios):.3f}–{max(ratios):.3f}"
    yield f"| images/s with the dashboard ÷ headless | {statistics.median(ratios):.3f} ({spread}) |"
    yield f"| {model}, fast, {len(fast.seconds)} epochs | {sum(fast.seconds):,.1f} s |"
    yield f"| its test accuracy | {fast.test:.2%} |"
    for accuracy in MILESTONES[model]:
        seconds = fast.until(accuracy)
        yield f"| until {accuracy:.2%} validation accuracy | {f'{seconds:,.1f} s' if seconds else 'not reached'} |"


def main() -> None:
    """Train all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", help="a folder of images, such as CIFAR-10's")
    parser.add_argument("--models", nargs="+", choices=("mlp", "cnn"), default=["mlp", "cnn"])
    parser.add_argument("--epochs", type=int, help="of each training, instead of the recipe's")
    parser.add_argument("--rounds", type=int, default=3, help="of the protocol, headless and with the dashboard")
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    device, name, precision = next(found for found in all_devices() if found[0].startswith(given.device))
    data = given.data if given.data == "digits" else str(Path(given.data).absolute())
    peak = peak_flops(device, precision)
    versions = f"torch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}"
    print(f"{name}, {precision}, {peak / 1e12:,.1f} TFLOP/s in large products; {os.cpu_count()} cores; {versions}\n")
    print("| | |\n|---|---:|")
    for model in given.models:
        options = ["--model", model, "--data", data, "--device", device, "--patience", "1000000"]
        options += ["--epochs", str(given.epochs)] if given.epochs else []
        pairs = [(train(options, shown=False), train(options, shown=True)) for _ in range(given.rounds)]
        headless, shown = (list(side) for side in zip(*pairs, strict=True))
        fast = train([*options, "--recipe", "fast"], shown=False)
        print(*table(model, headless, shown, fast, peak), sep="\n", flush=True)


if __name__ == "__main__":
    main()
