"""Made-up trainings that are not this program's own: their events, the states of these, and their folders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import (
    AnyEvent,
    Batch,
    DeviceUsage,
    Epoch,
    Evaluated,
    GpuUsage,
    Metric,
    RunFinished,
    RunStarted,
    RunStatus,
    SplitName,
    Unit,
    to_json,
)
from cifar_tui.records import ScriptRecord, summarize
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import fold

ID = "20260314-150926-net"
STEPS = 10
"""Of an epoch."""
NO_MATRIX = ConfusionMatrix.of(())
USAGE = DeviceUsage(
    t=3.0,
    host="gpu-box",
    process_cpu=1.5,
    process_memory=2**31,
    cores=(0.5, 0.25),
    memory_used=2**33,
    memory_total=2**36,
    disk_read=3.0 * 2**20,
    gpus=(GpuUsage(index=0, name="NVIDIA H200", utilization=0.75, memory_used=2**36, memory_total=2**37),),
)


def script_started(**given: object) -> RunStarted:
    """The first event of a script that has said nothing of its plan, nor the size of its batches."""
    event = RunStarted.elsewhere(t=0.0, id=ID, model="net", source="script", unit="steps")
    return replace(event, **given)  # type: ignore[arg-type]


def metric(step: int, **named: float) -> Metric:
    """Named numbers of the training at a step, each of which takes a tenth of a second."""
    return Metric(t=step / 10, samples=step, values=named)


def script_events(
    losses: Sequence[float] = (0.5, 0.25, 0.375),
    *,
    accuracies: Sequence[float] = (),
    first: RunStarted | None = None,
    unit: Unit = "steps",
) -> list[AnyEvent]:
    """A script that validates after every epoch with these losses, and these accuracies where it measures any."""
    events: list[AnyEvent] = [first or script_started(unit=unit)]
    for epoch, loss in enumerate(losses, 1):
        for step in range((epoch - 1) * STEPS + 1, epoch * STEPS + 1):
            events.append(
                Batch(
                    t=step / 10,
                    epoch=epoch,
                    batch=step - (epoch - 1) * STEPS,
                    batches=0,
                    samples=step,
                    loss=2 / step,
                    accuracy=math.nan,
                    lr=0.1 / step,
                    images_per_second=10.0,
                )
            )
            events.append(metric(step, grad_norm=1 + 1 / step, broken=math.nan))
        events.append(
            Epoch(
                t=epoch * STEPS / 10,
                epoch=epoch,
                samples=epoch * STEPS,
                train_loss=loss,
                train_accuracy=math.nan,
                val_loss=loss,
                val_accuracy=accuracies[epoch - 1] if accuracies else math.nan,
                lr=math.nan,
                seconds=1.0,
                images_per_second=10.0,
                best=False,
            )
        )
    return events


def evaluated(confusion: ConfusionMatrix = NO_MATRIX, split: SplitName = "validation") -> Evaluated:
    """An evaluation by a script, which need have neither a matrix nor an accuracy."""
    return Evaluated(t=1.0, split=split, epoch=1, loss=0.5, accuracy=math.nan, confusion=confusion, seconds=math.nan)


def script_ended(state: RunState, status: RunStatus = "finished") -> RunFinished:
    """The last event of a script."""
    return state.ending(status, "the script has ended", state.t)


def script_state(*events: AnyEvent, ending: RunStatus | None = "finished") -> RunState:
    """The state that these events make, or those of a script that validates its loss."""
    state = fold(list(events or script_events()))
    if ending is not None:
        state.apply(script_ended(state, ending))
    return state


def script_folder(runs_dir: Path, name: str, *events: AnyEvent, source: str = "script") -> RunFolder:
    """A folder as a script leaves it."""
    folder = RunFolder(runs_dir / f"20250101-000000-{name}")
    folder.path.mkdir(parents=True)
    record = ScriptRecord(
        id=folder.id,
        source=source,
        created="2026-03-14T15:09:26+00:00",
        command=("train.py",),
        runs_dir=str(runs_dir),
        model="net",
    )
    folder.write_record(record)
    every = list(events or script_events())
    state = fold(every)
    every.append(script_ended(state))
    state.apply(every[-1])
    folder.events_file.write_text("".join(f"{to_json(event)}\n" for event in every))
    folder.write_summary(summarize(record, state))
    return folder
