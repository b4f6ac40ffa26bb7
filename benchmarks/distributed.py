"""One run trained by several processes: images per second by their number, and the time that is not computing.

Run it with `python -m benchmarks.distributed --data FOLDER` on idle processors or GPUs; without a folder it takes the
digits. Strong scaling shares the batch out among the processes, weak scaling gives each of them one as large. On the
CPU, all processes together have as many threads as there are cores, but one each at least.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch

from benchmarks.throughput import part_of
from cifar_tui import models
from cifar_tui.training.devices import all_devices

BATCH = 256
EPOCHS = {"mlp": 6, "cnn": 2}
"""The first one warms up, and is not counted."""
SWEEPS = 30
"""Sums over all processes to take the median of."""


@dataclass(frozen=True)
class Side:
    """One way to train.

    Attributes:
        processes: How many train together.
        batch_size: Images of a batch, of all of them.
        threads: CPU threads of each.
    """

    processes: int
    batch_size: int
    threads: int


@dataclass(frozen=True)
class Seen:
    """The figures of one training.

    Attributes:
        speed: Images per second of all processes.
        computing: The share of its time in which the slowest process computes forward and backward; None where there
            is only one process.
    """

    speed: float
    computing: float | None


def sides(most: int, cores: int) -> list[Side]:
    """Strong and weak scaling up to `most` processes, each number twice the one before."""
    counts = [2**power for power in range(most.bit_length()) if 2**power <= most]
    batches = [(count, size) for count in counts for size in dict.fromkeys((BATCH, BATCH * count))]
    return [Side(count, size, max(1, cores // count)) for count, size in batches]


def train(model: str, data: str, device: str, side: Side) -> Seen:
    """Train once by the program itself.

    Raises:
        CalledProcessError: It failed.
    """
    with tempfile.TemporaryDirectory() as runs:
        options = {
            "model": model,
            "data": data,
            "device": device,
            "devices": side.processes,
            "batch-size": side.batch_size,
            "threads": side.threads,
            "epochs": EPOCHS[model],
            "checkpoint-seconds": 3600,
            "runs-dir": runs,
        }
        command = [sys.executable, "-m", "cifar_tui", "--no-ui", "--quiet"]
        command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        (folder,) = Path(runs).iterdir()
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return seen([event for event in events if event["type"] == "epoch"][1:], side.processes)


def seen(epochs: Sequence[dict[str, float]], processes: int) -> Seen:
    """What the `epoch` events of a run amount to: their medians."""
    speed = statistics.median(epoch["images_per_second"] for epoch in epochs)
    if processes == 1:
        return Seen(speed, None)
    # The slowest process has its own share of the images.
    return Seen(
        speed,
        statistics.median(
            epoch["images_per_second"] / processes / epoch["slowest_images_per_second"] for epoch in epochs
        ),
    )


def time_sums(sizes: Sequence[int], device: str) -> list[float]:
    """Seconds of adding up so many float32 over all processes; to be called in each of them."""
    import torch.distributed as dist

    local_rank = int(os.environ["LOCAL_RANK"])
    on_gpu = device != "cpu"
    if on_gpu:
        torch.cuda.set_device(local_rank)
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=timedelta(minutes=2))
    medians = []
    for size in sizes:
        values = torch.zeros(size, device="cuda" if on_gpu else "cpu")
        times = []
        for _ in range(SWEEPS):
            dist.barrier()
            began = time.perf_counter()
            dist.all_reduce(values)
            if on_gpu:
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
        medians.append(statistics.median(times))
    dist.destroy_process_group()
    return medians


def sums(sizes: Sequence[int], device: str, processes: int) -> list[float]:
    """The same, in processes of torchrun.

    Raises:
        CalledProcessError: They failed.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += ["-m", "benchmarks.distributed", "--device", device, "--sums", *map(str, sizes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return [float(seconds) for seconds in json.loads(done.stdout)]


def table(measured: dict[Side, list[Seen]], seconds_of_sum: dict[int, float]) -> Iterator[str]:
    """A row for each way to train a model; all ratios are of the same round.

    Args:
        measured: The rounds of each, the first one with one process.
        seconds_of_sum: How long so many processes take to add up the gradients.
    """
    yield "| processes × threads | batch | images/s | ÷ 1 process (min–max) | computing | summing the gradients |"
    yield "|---|---:|---:|---:|---:|---:|"
    alone = next(iter(measured.values()))
    for side, rounds in measured.items():
        speed = statistics.median(one.speed for one in rounds)
        ratios = [one.speed / base.speed for one, base in zip(rounds, alone, strict=True)]
        cells = [f"{side.processes} × {side.threads}", str(side.batch_size), f"{speed:,.0f}"]
        if side.processes == 1:
            cells += ["1", "", ""]
        else:
            computing = statistics.median(one.computing for one in rounds if one.computing is not None)
            share = seconds_of_sum[side.processes] * speed / side.batch_size
            cells.append(f"{statistics.median(ratios):.3f} ({min(ratios):.3f}–{max(ratios):.3f})")
            cells += [f"{computing:.1%}", f"{seconds_of_sum[side.processes] * 1000:.1f} ms, {share:.1%}"]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Train all sides in turn, and print the tables."""
    on_gpu = torch.cuda.is_available()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", help="a folder of images, such as CIFAR-10's")
    parser.add_argument("--images", type=int, default=0, help="use this many training images of the folder; 0: all")
    parser.add_argument("--models", nargs="+", choices=sorted(EPOCHS), default=["cnn", "mlp"])
    parser.add_argument("--processes", type=int, default=torch.cuda.device_count() if on_gpu else min(4, 2 * cores))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="cuda" if on_gpu else "cpu")
    parser.add_argument("--sums", type=int, nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.sums:
        medians = time_sums(given.sums, given.device)
        if os.environ["RANK"] == "0":
            print(json.dumps(medians))
        return
    _, name, precision = next(found for found in all_devices() if found[0].startswith(given.device))
    print(f"{name}, {cores} cores, {precision}; PyTorch {torch.__version__}, Python {platform.python_version()}")
    ways = sides(given.processes, cores)
    parameters = {model: sum(p.numel() for p in models.build(model, 10).parameters()) for model in given.models}
    counts = sorted({side.processes for side in ways} - {1})
    seconds = {count: sums(list(parameters.values()), given.device, count) for count in counts}
    with tempfile.TemporaryDirectory() as temporary:
        data = part_of(given.data, given.images, Path(temporary) / "images") if given.images else given.data
        os.environ.setdefault("XDG_CACHE_HOME", str(Path(temporary) / "cache"))
        for index, model in enumerate(given.models):
            measured: dict[Side, list[Seen]] = {side: [] for side in ways}
            for number in range(given.rounds):
                # A machine's speed drifts: each way is first as often as last.
                for side in ways[:: -1 if number % 2 else 1]:
                    measured[side].append(train(model, data, given.device, side))
                    print(f"  {model}: {side}: {measured[side][-1]}", file=sys.stderr, flush=True)
            print(f"\n{model}, {4 * parameters[model] / 1e6:.1f} MB of gradients, {given.rounds} rounds\n")
            print(*table(measured, {count: times[index] for count, times in seconds.items()}), sep="\n", flush=True)


if __name__ == "__main__":
    main()
