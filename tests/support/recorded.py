"""Made-up runs, for what is made of them: events, states folded from these, `config.json` and predictions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from cifar_tui.analysis.predictions import Predictions
from cifar_tui.config import TrainingConfig
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import (
    AnyEvent,
    Batch,
    Checkpoint,
    DeviceUsage,
    Epoch,
    Evaluated,
    GpuUsage,
    Metric,
    Note,
    Resumed,
    RunFinished,
    RunStarted,
    RunStatus,
    Split,
)
from cifar_tui.records import DatasetRecord, ProcessRecord, RunRecord
from cifar_tui.report.plots.examples import Examples
from cifar_tui.state.run_state import RunState
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder

ID = "20260314-150926-cnn"
TRAIN, BATCHES, SPEED, EPOCH_SECONDS = 1000, 4, 250.0, 4.5
SIZE = 10
"""Images of a batch of `uninterrupted` and its parts."""
MATRIX = ConfusionMatrix.of(((90, 4, 6), (27, 950, 23), (0, 1, 0)))


def recorded_state(
    accuracies: Sequence[tuple[float, float]] = ((0.4, 0.5), (0.6, 0.7), (0.65, 0.68)),
    *,
    losses: Sequence[tuple[float, float]] | None = None,
    speeds: Sequence[float] | None = None,
    classes: Sequence[str] = ("plane", "bird", "fish"),
    planned: int = 3,
    test: ConfusionMatrix | None = MATRIX,
    ending: RunStatus | None = "finished",
    message: str = "",
    notes: Sequence[Note] = (),
    resumed_after: int | None = None,
    batches: bool = True,
    processes: int = 1,
    hosts: int = 1,
    device: str = "cpu",
) -> RunState:
    """The state of a run with these training and validation accuracies, by epochs; without `ending`, it goes on.

    Of several processes, the last one is the slowest.
    """
    state = RunState()
    state.apply(
        RunStarted(
            t=0.0,
            id=ID,
            model="cnn",
            data="cifar10",
            classes=tuple(classes),
            epochs=planned,
            batches=BATCHES,
            batch_size=250,
            train_samples=TRAIN,
            validation_samples=100,
            test_samples=1101,
            parameters=5_859_210,
            device=device,
            precision="fp32",
            threads=2,
            seed=7,
            max_lr=0.01,
            processes=processes,
            hosts=hosts,
        )
    )
    t = 0.0
    for number, (train, val) in enumerate(accuracies, 1):
        train_loss, val_loss = losses[number - 1] if losses else (2 - train, 2 - val)
        for batch in range(1, BATCHES + 1) if batches else ():
            state.apply(
                Batch(
                    t=t + batch,
                    epoch=number,
                    batch=batch,
                    batches=BATCHES,
                    samples=(number - 1) * TRAIN + batch * 250,
                    loss=train_loss,
                    accuracy=train,
                    lr=0.001,
                    images_per_second=SPEED,
                )
            )
        t += EPOCH_SECONDS
        state.apply(
            Epoch(
                t=t,
                epoch=number,
                samples=number * TRAIN,
                train_loss=train_loss,
                train_accuracy=train,
                val_loss=val_loss,
                val_accuracy=val,
                lr=0.001,
                seconds=EPOCH_SECONDS,
                images_per_second=speeds[number - 1] if speeds else SPEED,
                best=True,
                slowest_images_per_second=SPEED / processes - 5 if processes > 1 else None,
                slowest_rank=processes - 1 if processes > 1 else None,
            )
        )
        state.apply(Checkpoint(t=t, epoch=number + 1, batch=0, path="checkpoints/last.pt", best=True))
        if number == resumed_after:
            state.apply(Resumed(t=t, epoch=number + 1, batch=0, samples=number * TRAIN))
    for note in notes:
        state.apply(note)
    best = state.best
    if test is not None and best is not None:
        state.apply(
            Evaluated(
                t=t,
                split="test",
                epoch=best.epoch,
                loss=0.25,
                accuracy=sum(test.right) / max(1, test.images),
                confusion=test,
                seconds=1.0,
            )
        )
    if ending is not None:
        state.apply(
            RunFinished(
                t=t,
                state=ending,
                message=message,
                epochs=len(state.epochs),
                best_epoch=best.epoch if best else None,
                best_val_accuracy=best.val_accuracy if best else None,
                test_loss=state.test.loss if state.test else None,
                test_accuracy=state.test.accuracy if state.test else None,
                seconds=7384.0,
            )
        )
    return state


def state_json_text(content: dict[str, Any]) -> str:
    """What `state.json` holds, as it is written: the validations in lines of their own."""
    validations = content.get("validations")
    if not isinstance(validations, list):
        return json.dumps(content)
    head = json.dumps({name: value for name, value in content.items() if name != "validations"})
    lines = ",".join(json.dumps(each) + "\n" for each in validations)
    return f'{head[:-1]},"validations":[\n{lines}]}}\n'


def run_record(
    options: TrainingConfig | None = None,
    *,
    id: str = ID,  # noqa: A002
    name: str = "cifar10",
    classes: Sequence[str] = ("plane", "bird", "fish"),
    command: Sequence[str] = ("cifar-tui", "--no-ui"),
    processes: Sequence[ProcessRecord] = (),
) -> RunRecord:
    """The record of a recorded run."""
    options = options or TrainingConfig(epochs=3)
    return RunRecord(
        id=id,
        created="2026-03-14T15:09:26+00:00",
        command=tuple(command),
        runs_dir="runs",
        options=options,
        seed=options.seed,
        dataset=DatasetRecord(
            name=name, fingerprint="5f" * 32, train=TRAIN, validation=100, test=1101, classes=tuple(classes)
        ),
        device="cpu",
        device_name="AMD EPYC 9654",
        precision="fp32",
        threads=2,
        parameters=5_859_210,
        versions={"cifar-tui": "0.1.0", "python": "3.12.1", "torch": "2.15.0"},
        processes=tuple(processes),
    )


def on_hosts(hosts: int, each: int) -> list[ProcessRecord]:
    """The processes of a run on so many hosts with so many GPUs each."""
    return [
        ProcessRecord(host=f"gpu-{host}", device=f"cuda:{number}", device_name="NVIDIA H200")
        for host in range(1, hosts + 1)
        for number in range(each)
    ]


def started() -> RunStarted:
    return RunStarted(
        t=0.0,
        id="20260101-000000-cnn",
        model="cnn",
        data="digits",
        classes=("a", "b"),
        epochs=5,
        batches=BATCHES,
        batch_size=SIZE,
        train_samples=BATCHES * SIZE,
        validation_samples=9,
        test_samples=9,
        parameters=7,
        device="cpu",
        precision="fp32",
        threads=1,
        seed=0,
        max_lr=0.01,
    )


def batch(epoch: int, number: int, loss: float = 1.0) -> Batch:
    done = (epoch - 1) * BATCHES + number
    return Batch(
        t=float(done),
        epoch=epoch,
        batch=number,
        batches=BATCHES,
        samples=done * SIZE,
        loss=loss,
        accuracy=0.5,
        lr=0.1,
        images_per_second=10.0,
    )


def whole_epoch(epoch: int, val_accuracy: float = 0.5) -> list[AnyEvent]:
    t = float(epoch * BATCHES)
    confusion = ConfusionMatrix.of(((epoch, 0), (0, 1)))
    return [
        *(batch(epoch, number) for number in range(1, BATCHES + 1)),
        Evaluated(t=t, split="validation", epoch=epoch, loss=1.0, accuracy=0.5, confusion=confusion, seconds=0.1),
        Epoch(
            t=t,
            epoch=epoch,
            samples=epoch * BATCHES * SIZE,
            train_loss=1.0 / epoch,
            train_accuracy=0.4,
            val_loss=1.1 / epoch,
            val_accuracy=val_accuracy,
            lr=0.1,
            seconds=4.0,
            images_per_second=20.0,
            best=True,
        ),
    ]


def metric(samples: int, t: float | None = None, split: Split = "train", **values: float) -> Metric:
    return Metric(t=samples / SIZE if t is None else t, samples=samples, values=values, split=split)


def usage(t: float, process_cpu: float = 0.5) -> DeviceUsage:
    gpu = GpuUsage(index=0, name="NVIDIA H200", utilization=0.75, memory_used=1, memory_total=4)
    return DeviceUsage(t=t, host="gpu-1", process_cpu=process_cpu, cores=(0.5, 1.0), gpus=(gpu,))


def finished(status: Any = "finished") -> RunFinished:
    return RunFinished(
        t=99.0,
        state=status,
        message="done",
        epochs=2,
        best_epoch=1,
        best_val_accuracy=0.5,
        test_loss=None,
        test_accuracy=None,
        seconds=9.0,
    )


def fold(events: list[AnyEvent]) -> RunState:
    state = RunState()
    for event in events:
        state.apply(event)
    return state


def uninterrupted(epochs: int, processes: int = 1) -> list[AnyEvent]:
    events = [started(), *(event for epoch in range(1, epochs + 1) for event in whole_epoch(epoch))]
    return [_by_several(event, processes) for event in events] if processes > 1 else events


def _by_several(event: AnyEvent, processes: int) -> AnyEvent:
    """An event as it is where so many processes train the run, of which the last one is the slowest."""
    match event:
        case RunStarted():
            return replace(event, processes=processes)
        case Epoch():
            return replace(event, slowest_images_per_second=20.0 / processes - 1, slowest_rank=processes - 1)
        case _:
            return event


def some_examples() -> Examples:
    """Four test images, as a report shows them."""
    return Examples(np.zeros((4, 32, 32, 3), dtype=np.uint8), np.arange(4) % 3, np.arange(4) % 3)


def some_predictions() -> Predictions:
    """Predictions for the same four."""
    return Predictions(np.arange(4) % 3, np.full((4, 3), 1 / 3, dtype=np.float32), 2, "f" * 64)


CREATED = datetime(2026, 1, 2, 3, 4, 5)
RECORD = run_record(TrainingConfig(epochs=5), id="20260102-030405-cnn", name="digits")


def record_events(folder: RunFolder, events: Sequence[AnyEvent], state: RunState | None = None) -> None:
    """Write these events to a run's folder, after those that made `state`."""
    recorder = Recorder(folder, RECORD, state or RunState())
    for event in events:
        recorder.record(event)
    recorder.close()
