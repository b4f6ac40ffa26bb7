"""Made-up streams of events for the health check, and what it says of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.config import HealthOptions
from cifar_tui.events import AnyEvent, Batch, DeviceUsage, Epoch, GpuUsage, Metric, Note, RunStarted
from tests.support.recorded import started

GB = 10**9
PATIENCE = 10


def own(**given: object) -> RunStarted:
    """The first event of a run of this program: 50 epochs on 10 classes, on the CPU."""
    first = replace(
        started(),
        classes=tuple("abcdefghij"),
        epochs=50,
        batches=20,
        validation_samples=5000,
        max_lr=0.01,
        device="cpu",
    )
    return replace(first, **given)  # type: ignore[arg-type]


def a_batch(number: int, loss: float, *, t: float | None = None, speed: float = 1000.0, lr: float = 0.001) -> Batch:
    """The batch of this number in the run, from 1, of epochs of 20, ten a second."""
    return Batch(
        t=number / 10 if t is None else t,
        epoch=(number - 1) // 20 + 1,
        batch=(number - 1) % 20 + 1,
        batches=20,
        samples=number * 10,
        loss=loss,
        accuracy=0.5,
        lr=lr,
        images_per_second=speed,
    )


def noisy(losses: Iterable[float], share: float = 0.1, seed: int = 0) -> list[Batch]:
    """Batches with these losses, each off by about this share of it."""
    random = Random(seed)
    return [a_batch(n, loss * max(0.05, random.gauss(1, share))) for n, loss in enumerate(losses, 1)]


def falling(count: int, start: float = 2.3, end: float = 0.2) -> list[float]:
    """Losses of a training that learns."""
    return [end + (start - end) * math.exp(-n / 40) for n in range(count)]


def an_epoch(
    number: int,
    val_loss: float,
    train_loss: float = 1.0,
    *,
    accuracy: float = math.nan,
    lr: float = 0.001,
    speed: float = math.nan,
) -> Epoch:
    """A whole epoch of two seconds."""
    return Epoch(
        t=2.0 * number,
        epoch=number,
        samples=200 * number,
        train_loss=train_loss,
        train_accuracy=math.nan,
        val_loss=val_loss,
        val_accuracy=accuracy,
        lr=lr,
        seconds=2.0,
        images_per_second=speed,
        best=False,
    )


def accuracies(values: Sequence[float], lrs: Sequence[float] = ()) -> list[Epoch]:
    """Epochs with these validation accuracies."""
    rates = lrs or [0.001] * len(values)
    return [an_epoch(n, 1 - v, accuracy=v, lr=lr) for n, (v, lr) in enumerate(zip(values, rates, strict=True), 1)]


def norms(values: Iterable[float], name: str = "grad_norm") -> list[Metric]:
    """Measured norms of gradients, one a second."""
    return [Metric(t=float(n), samples=n, values={name: value}) for n, value in enumerate(values, 1)]


def usage(
    t: float, *, free: float = 100.0, used: float = 0.5, rank: int = 0, **gpu: float | bool | None
) -> DeviceUsage:
    """What the machine does: GB of its disk that are free, the share of its memory in use, and its GPU."""
    memory = gpu.pop("memory", None)
    gpus = (
        [GpuUsage(index=0, memory_total=80 * GB, memory_used=None if memory is None else int(memory * 80 * GB), **gpu)]  # type: ignore[arg-type]
        if gpu or memory is not None
        else []
    )
    return DeviceUsage(
        t=t, host="box", rank=rank, disk_free=int(free * GB), memory_used=int(used * 64 * GB), memory_total=64 * GB,
        gpus=tuple(gpus),
    )  # fmt: skip


def check(
    events: Iterable[AnyEvent],
    first: RunStarted | None = None,
    *,
    patience: int | None = PATIENCE,
    options: HealthOptions | None = None,
) -> list[Note]:
    """What the health check says of a run with these events."""
    found = HealthCheck(options or HealthOptions(), patience)
    return [note for event in (first or own(), *events) for note in found.apply(event)]


def topics(notes: Iterable[Note]) -> list[str]:
    """What began, and with a minus, what was over, in order."""
    return [f"{'' if note.level == 'warning' else '-'}{note.topic}" for note in notes]


def between(events: Iterable[AnyEvent], others: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
    """Both, in the order of their times."""
    yield from sorted([*events, *others], key=lambda each: each.t)
