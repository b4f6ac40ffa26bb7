"""Small real runs of the training loop, for tests: a few images, the protocol's MLP, one thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cifar_tui.config import TrainingConfig
from cifar_tui.data.dataset import Dataset, Source, Split, split
from cifar_tui.events import AnyEvent, Batch, Epoch, Evaluated, Metric
from cifar_tui.models import user_class
from cifar_tui.records import DataLocation, StoredRun
from cifar_tui.runs.provenance import record_of, validation_predictions_of
from cifar_tui.state.run_state import RunState
from cifar_tui.store.predictions import save_validation
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.checkpoints.writer import BestPredictions
from cifar_tui.training.clock import Clock
from cifar_tui.training.control import Control
from cifar_tui.training.loop import Outcome, train
from cifar_tui.training.setup.prepare import Setup, prepare

SIZE_LIMITS = storage.SizeLimits(100_000_000, 1_000_000)
"""What a checkpoint may take."""
TINY = TrainingConfig(model="mlp", data="tiny", epochs=3, batch_size=16, threads=1, device="cpu", precision="fp32")


def tiny_source(count: int = 60, classes: int = 3) -> Source:
    """Noise around a colour for each class, so that there is something to learn."""
    generator = torch.Generator().manual_seed(5)
    labels = torch.arange(count) % classes
    colours = torch.randint(0, 256, (classes, 3, 1, 1), generator=generator)
    noise = torch.randint(-60, 60, (count, 3, 32, 32), generator=generator)
    images = (colours[labels] + noise).clamp(0, 255).to(torch.uint8)
    held = count // 4
    return Source(
        name="tiny",
        train=Split(images[held:], labels[held:]),
        test=Split(images[:held], labels[:held]),
        classes=tuple(f"class {k}" for k in range(classes)),
    )


class TinyImageCache:
    """Gives the same few images whatever is asked for."""

    def __init__(self, source: Source | None = None) -> None:
        self._source = source or tiny_source()

    def load(self, config: TrainingConfig, progress: object, *, stored: bool = False, rules: int = 0) -> Source:
        return self._source

    def load_stored(self, stored: StoredRun, progress: object) -> tuple[Source, DataLocation]:
        return self._source, DataLocation(data=stored.config.data, data_dir=None)


def tiny_setup(**options: Any) -> Setup:
    """A class of one's own counts as named by the user."""
    if ":" in options.get("model", ""):
        user_class.allow(options["model"], options["model_dir"], ())
    return prepare(replace(TINY, **options), TinyImageCache(), lambda *_: None)  # type: ignore[arg-type]


def tiny_dataset(seed: int = 0) -> Dataset:
    return split(tiny_source(), seed)


@dataclass
class TrainedRun:
    """What came of a run of the loop."""

    outcome: Outcome
    events: list[AnyEvent]
    setup: Setup
    folder: Path

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def learning(self) -> list[tuple[object, ...]]:
        """What every batch and epoch came to, without the times."""
        batches = [(e.epoch, e.batch, e.samples, e.loss, e.accuracy, e.lr) for e in self.of(Batch)]
        epochs = [
            (e.epoch, e.samples, e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy, e.lr, e.best)
            for e in self.of(Epoch)
        ]
        return [*batches, *epochs]

    def weights(self) -> dict[str, torch.Tensor]:
        return storage.load(self.folder / storage.LAST).weights


@dataclass
class ControlAction:
    """What is done to the run's control once, at the first event for which `when` is true."""

    when: Callable[[AnyEvent], bool]
    do: Callable[[Control], None]
    done: bool = field(default=False)


def run(
    folder: Path,
    *actions: ControlAction,
    resume: bool = False,
    setup: Setup | None = None,
    **options: Any,
) -> TrainedRun:
    """Train in `folder` to the end, with `actions` on the way."""
    folder = folder / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    control, events = Control(), []

    def emit(event: AnyEvent) -> None:
        events.append(event)
        for action in actions:
            if not action.done and action.when(event):
                action.done = True
                action.do(control)

    setup = setup or tiny_setup(**options)
    saved = storage.load_last(folder, setup.identity, SIZE_LIMITS)[0] if resume else None

    def save_predictions(best: BestPredictions) -> None:
        save_validation(RunFolder(folder.parent), validation_predictions_of(best, setup.dataset))

    outcome = train(setup, "tiny-run", folder, control, emit, Clock(), saved, save_predictions=save_predictions)
    return TrainedRun(outcome, events, setup, folder)


def at_batch(epoch: int, batch: int) -> Callable[[AnyEvent], bool]:
    """Whether an event tells of this batch or a later one."""
    return lambda event: isinstance(event, Batch) and (event.epoch, event.batch) >= (epoch, batch)


def finished_run(runs_dir: Path, setup: Setup | None = None) -> tuple[RunFolder, TrainedRun]:
    """Train in this process and record it as the run `20260314-150926-tiny`."""
    setup = setup or tiny_setup()
    folder = RunFolder(runs_dir / "20260314-150926-tiny")
    folder.path.mkdir(parents=True)
    trained = run(folder.path, setup=setup)
    record = record_of(setup, folder)
    folder.write_record(record)
    recorder = Recorder(folder, record, RunState())
    for event in trained.events:
        recorder.record(event)
    recorder.close()
    return folder, trained


def tensorboard_curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads in a folder: by tag, steps and values."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read: Any = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    return {tag: [(each.step, each.value) for each in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def as_float32(value: float) -> float:
    return float(np.float32(value))


def curves_of(events: list[AnyEvent]) -> dict[str, list[tuple[int, float]]]:
    """The curves of a run that was trained in one go."""
    found: dict[str, list[tuple[int, float]]] = {}
    last = 0

    def add(samples: int, **values: float) -> None:
        for name, value in values.items():
            found.setdefault(name.replace("__", "/"), []).append((samples, as_float32(value)))

    for event in events:
        if isinstance(event, Batch):
            add(event.samples, batch__loss=event.loss, batch__accuracy=event.accuracy, batch__lr=event.lr)
        elif isinstance(event, Epoch):
            last = event.samples
            add(last, loss__train=event.train_loss, loss__validation=event.val_loss, lr=event.lr)
            add(last, accuracy__train=event.train_accuracy, accuracy__validation=event.val_accuracy)
            add(last, images_per_second=event.images_per_second)
        elif isinstance(event, Evaluated) and event.split == "test":
            add(last, loss__test=event.loss, accuracy__test=event.accuracy)
        elif isinstance(event, Metric):
            add(event.samples, **event.values)
    return found


def stop(control: Control) -> None:
    """Ask a run to stop."""
    control.stop("stopped", "stopped by the test")
