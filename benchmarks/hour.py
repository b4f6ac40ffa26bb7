"""Growth of the dashboard's memory over an hour's events, replayed as fast as possible."""

from __future__ import annotations

import asyncio
import gc
import math
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import AnyEvent, Batch, Checkpoint, Epoch, Evaluated, RunStarted
from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.runs import run_events
from tests.support.dashboard import FakeRun, FakeWorkspace, digits, workspace_of

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES, SIZE = 600, 256
"""An epoch a minute, ten batches a second: as many as reach the disk."""
BURST = 15
"""Events between two redraws: about as many as in real training."""
WARM_UP = 15
"""Minutes after which curves, the log and caches have reached their bounds."""


def growth(minutes: int) -> int:
    """Bytes by which this process's resident memory grows over this many minutes' events, after `WARM_UP`."""
    return asyncio.run(_growth(minutes))


async def _growth(minutes: int) -> int:
    run_events.BURST_SECONDS = 0.0
    with tempfile.TemporaryDirectory() as place:
        session = FakeWorkspace(Path(place))
        app = Dashboard(Path(place), digits("cnn", epochs=WARM_UP + minutes), workspace_of(session), start=True)
        async with app.run_test(size=(120, 40)):
            while not session.runs:  # It is started once the session is there.
                await asyncio.sleep(0.01)
            (run,) = session.runs
            await _show(app, run, events(1, WARM_UP))
            before = _resident()
            await _show(app, run, events(WARM_UP + 1, WARM_UP + minutes))
            return _resident() - before


async def _show(app: Dashboard, run: FakeRun, events: Iterator[AnyEvent]) -> None:
    """Deliver these events and redraw, a burst at a time."""
    while burst := list(islice(events, BURST)):
        run.tell(*burst)
        while not app.inbox.queue.empty():
            await asyncio.sleep(0)
        app.draw_now(*app.runs)
        # Textual writes to the terminal when it is idle.
        await asyncio.sleep(0.001)


def events(first: int, last: int) -> Iterator[AnyEvent]:
    """A run's events from its first epoch to its last."""
    total = BATCHES * SIZE
    if first == 1:
        yield RunStarted(
            t=0.0, id="20260314-150926-cnn", model="cnn", data="cifar10", classes=CLASSES, epochs=max(1000, last),
            batches=BATCHES, batch_size=SIZE, train_samples=total, validation_samples=5000, test_samples=10_000,
            parameters=5_859_210, device="cpu", precision="fp32", threads=2, seed=0, max_lr=0.01,
        )  # fmt: skip
    for epoch in range(first, last + 1):
        start, common = 60.0 * (epoch - 1), {"epoch": epoch}
        for batch in range(1, BATCHES + 1):
            samples = (epoch - 1) * total + batch * SIZE
            loss = 2.3 * math.exp(-samples / total / 30) + 0.2 * math.sin(samples)
            yield Batch(
                t=start + batch / 10, **common, batch=batch, batches=BATCHES, samples=samples, loss=loss,
                accuracy=1 / (1 + loss), lr=0.01, images_per_second=2560.0 + batch,
            )  # fmt: skip
        counts = [[500 + epoch if i == j else (i * j + epoch) % 40 for j in range(10)] for i in range(10)]
        matrix = ConfusionMatrix.of(counts)
        accuracy = 1 - 0.9 * math.exp(-epoch / 30)
        figures: dict[str, Any] = {"train_loss": loss, "train_accuracy": accuracy, "val_loss": loss}
        yield Evaluated(
            t=start + 60, split="validation", epoch=epoch, loss=loss, accuracy=accuracy, confusion=matrix, seconds=2.0
        )
        yield Epoch(
            t=start + 60, epoch=epoch, samples=epoch * total, **figures, val_accuracy=accuracy, lr=0.01, seconds=60.0,
            images_per_second=2560.0, best=True,
        )  # fmt: skip
        yield Checkpoint(t=start + 60, epoch=epoch, batch=BATCHES, path="checkpoints/last.pt", best=True)


def _resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss
