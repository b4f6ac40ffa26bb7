"""Validation accuracy after a few epochs of the protocol: float32, bfloat16 and the reference study's loop.

Run it with `python -m benchmarks.learning --data FOLDER`. It measures no times, so other work may run
beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks.throughput import ours, part_of, reference

SIDES: dict[str, Callable[[str, str, int, str, int], float]] = {
    "float32": lambda model, data, epochs, device, seed: (
        ours(model, data, epochs, device, seed=seed, precision="fp32").accuracy
    ),
    "bf16": lambda model, data, epochs, device, seed: (
        ours(model, data, epochs, device, seed=seed, precision="bf16").accuracy
    ),
    "reference": lambda model, data, epochs, device, seed: reference(model, data, epochs, device, seed=seed).accuracy,
}
"""Validation accuracy after the last epoch, as a fraction."""


def table(seen: dict[tuple[str, str], list[float]]) -> Iterator[str]:
    """A row for each (model, side) with its accuracies by seed, and its difference to float32, seed by seed."""
    yield "| model | side | validation accuracy, by seed | mean | mean of the differences from float32, points |"
    yield "|---|---|---|---:|---:|"
    for (model, side), accuracies in seen.items():
        differences = [b - a for a, b in zip(seen[model, "float32"], accuracies, strict=True)]
        yield (
            f"| {model} | {side} | {', '.join(f'{accuracy:.2%}' for accuracy in accuracies)} |"
            f" {statistics.mean(accuracies):.2%} | {100 * statistics.mean(differences):+.2f} |"
        )


def main() -> None:
    """Train every side with every seed, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", help="a folder of images, such as CIFAR-10's")
    parser.add_argument("--images", type=int, default=0, help="use this many training images of the folder; 0: all")
    parser.add_argument("--models", nargs="+", choices=("mlp", "cnn"), default=["mlp", "cnn"])
    parser.add_argument("--sides", nargs="+", choices=tuple(SIDES), default=list(SIDES))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    sides = ["float32", *(side for side in options.sides if side != "float32")]
    seen: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data
        if options.images:
            data = part_of(data, options.images, Path(temporary) / "images")
        os.environ.setdefault("XDG_CACHE_HOME", str(Path(temporary) / "cache"))
        for model in options.models:
            for side in sides:
                for seed in range(options.seeds):
                    accuracy = SIDES[side](model, data, options.epochs, options.device, seed)
                    seen.setdefault((model, side), []).append(accuracy)
                    print(f"  {model}, {side}, seed {seed}: {accuracy:.2%}", file=sys.stderr, flush=True)
    print(*table(seen), sep="\n")


if __name__ == "__main__":
    main()
