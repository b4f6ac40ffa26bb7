"""What metrics and sampling the hardware cost a training: the loop with and without them, alternately, in a process.

Run it with `python -m benchmarks.costs.metrics`; by default on noise in the size of CIFAR-10's images. Times are the
training thread's processor time on one CPU thread, which other programs disturb the least; on a GPU, seconds. The share
of it that measuring itself takes is the sharper figure on a CPU, where what is called has been done when it returns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch

from cifar_tui.config import TrainingConfig
from cifar_tui.data.dataset import Source, Split
from cifar_tui.events import AnyEvent, Batch, DeviceUsage, Epoch, RunStarted, to_json
from cifar_tui.runs.device_usage import SAMPLE_SECONDS, DeviceReporter
from cifar_tui.training import loop, metrics
from cifar_tui.training.clock import Clock
from cifar_tui.training.control import Control
from cifar_tui.training.metrics import MeasuredStep, StepMeter
from cifar_tui.training.setup.image_cache import ImageCache
from cifar_tui.training.setup.prepare import prepare

NEVER = 10**9


class NoiseCache(ImageCache):
    """Noise in place of images."""

    def __init__(self, count: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (count + count // 5, 3, 32, 32), generator=generator, dtype=torch.uint8)
        labels = torch.arange(len(images)) % 10
        held = len(images) - count
        train, test = Split(images[held:], labels[held:]), Split(images[:held], labels[:held])
        self._source = Source(name="noise", train=train, test=test, classes=tuple("0123456789"))

    def load(self, *_: object, **__: object) -> Source:
        """The noise."""
        return self._source


class TimedMeter(StepMeter):
    """Adds up the processor time that measuring takes."""

    seconds = 0.0

    def before_step(self, number: int) -> None:
        """As `StepMeter` does."""
        began = time.thread_time()
        super().before_step(number)
        TimedMeter.seconds += time.thread_time() - began

    def after_step(self) -> MeasuredStep | None:
        """As `StepMeter` does."""
        began = time.thread_time()
        measured = super().after_step()
        TimedMeter.seconds += time.thread_time() - began
        return measured


def train(config: TrainingConfig, images: ImageCache, between: Callable[..., int]) -> tuple[float, float]:
    """The median time of training in an epoch, without the first one, validation and checkpoints.

    Returns:
        It, and the share of all epochs' training that measuring took.
    """
    TimedMeter.seconds = 0.0
    setup = prepare(config, images, lambda *_: None)
    clock: Callable[[], float] = time.perf_counter if setup.placement.device.type == "cuda" else time.thread_time
    began = 0.0
    times: list[float] = []

    def emit(event: AnyEvent) -> None:
        nonlocal began
        if isinstance(event, Batch) and event.batch == event.batches:
            times.append(clock() - began)
        elif isinstance(event, RunStarted | Epoch):
            began = clock()

    with mock.patch.object(loop, "batches_between", between), mock.patch.object(loop, "StepMeter", TimedMeter):
        loop.train(setup, "run", None, Control(), emit, Clock())
    return statistics.median(times[1:]), TimedMeter.seconds / sum(times)


def sample_cost(samples: int = 100) -> tuple[float, int]:
    """The processor time of a sample of the hardware in seconds, and the bytes of its event."""
    with tempfile.TemporaryDirectory() as folder:
        events: list[AnyEvent] = []
        reporter = DeviceReporter(events.append, Clock(), Path(folder))
        reporter.close()
        event: DeviceUsage = reporter.usage()
        began = time.thread_time()
        for _ in range(samples):
            event = reporter.usage()
        return (time.thread_time() - began) / samples, len(to_json(event))


def main() -> None:
    """Train alternately and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--models", nargs="+", default=["mlp"])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[256])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    images = NoiseCache(options.images)
    common = TrainingConfig(data="noise", epochs=options.epochs, threads=1, device=options.device)
    print(f"torch {torch.__version__}, {options.images:,} images, medians of {options.rounds} rounds\n")
    print("| model | batch size | a step is measured in | speed with metrics ÷ without (min–max) | share of the time |")
    print("|---|---:|---:|---:|---:|")
    for model in options.models:
        for size in options.batch_sizes:
            config = replace(common, model=model, batch_size=size)
            ratios, shares = [], []
            for number in range(options.rounds):
                # Each side goes first equally often.
                sides = [metrics.batches_between, lambda *_: NEVER]
                found = {side: train(config, images, side) for side in sides[:: 1 if number % 2 else -1]}
                ratios.append(found[sides[1]][0] / found[sides[0]][0])
                shares.append(found[sides[0]][1])
            every = metrics.batches_between(size, torch.device(options.device))
            ratio = f"{statistics.median(ratios):.3f} ({min(ratios):.3f}–{max(ratios):.3f})"
            print(f"| {model} | {size} | {every} batches | {ratio} | {statistics.median(shares):.2%} |", flush=True)
    cost, size = sample_cost()
    print(f"\nA sample of the hardware takes {cost * 1000:.2f} ms, every {SAMPLE_SECONDS:g} s", end=": ")
    print(f"{cost / SAMPLE_SECONDS:.3%} of a core; its event has {size} bytes.")


if __name__ == "__main__":
    main()
