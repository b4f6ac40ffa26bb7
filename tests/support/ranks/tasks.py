"""Functions that each process of a group calls, by name; what they return goes as JSON to who has started them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn

from cifar_tui import models
from cifar_tui.data.loader import Share
from cifar_tui.errors import CifarTuiError
from cifar_tui.events import (
    AnyEvent,
    Batch,
    Checkpoint,
    DeviceUsage,
    Epoch,
    Evaluated,
    Metric,
    Note,
    Paused,
    Resumed,
)
from cifar_tui.runs import device_usage
from cifar_tui.runs.launched.worker import WorkerRuns
from cifar_tui.runs.messages import Message
from cifar_tui.runs.workspace import Workspace
from cifar_tui.training import emitter, loop
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.clock import Clock
from cifar_tui.training.control import Control, LoopControl
from cifar_tui.training.distributed import environment
from cifar_tui.training.distributed.group import ALONE, Group
from cifar_tui.training.distributed.joined import BATCH_TIMEOUT, join
from cifar_tui.training.distributed.process_errors import LostProcessError
from cifar_tui.training.evaluation import evaluate
from cifar_tui.training.loop import train
from cifar_tui.training.setup.prepare import prepare
from tests.support.training_runs import SIZE_LIMITS, TINY, TinyImageCache, tiny_source

NO_ACTION: Callable[[AnyEvent, Control], None] = lambda _event, _control: None  # noqa: E731


def main(arguments: list[str]) -> None:
    """Join, call a task, and print what came of it."""
    task, values = arguments
    emitter.REPORT_SECONDS = 0.0
    torch.set_num_threads(1)
    worker = environment.current()
    timeout = timedelta(seconds=3) if task == "hang" else BATCH_TIMEOUT
    try:
        group = join(worker, lambda: None, timeout) if worker and worker.processes > 1 else ALONE
        result = globals()[task](group, *json.loads(values))
    except CifarTuiError as error:
        result = f"{type(error).__name__}: {error}"
    print(json.dumps(result))  # noqa: T201


class Plain(nn.Module):
    """A model without batch normalisation."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(392, num_classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layers(images)
        return logits


class Counting(Plain):
    """One whose forward pass depends on a buffer, which each process counts by its own images."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.register_buffer("seen", torch.zeros(()))
        self.seen: torch.Tensor

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen += images.mean().detach().abs()
        return super().forward(images) * (1 + self.seen)


def _train(
    group: Group,
    folder: str,
    act: Callable[[AnyEvent, Control], None] = NO_ACTION,
    make: type[nn.Module] | None = None,
    own_events: Callable[[], list[AnyEvent]] = list,
    **options: Any,
) -> tuple[list[AnyEvent], str, nn.Module]:
    """Train the tiny images in a folder, from its last checkpoint where there is one."""
    if make is not None:
        models.load = lambda *_: make
    setup = prepare(replace(TINY, **options), TinyImageCache(), lambda *_: None, group)  # type: ignore[arg-type]
    checkpoints = Path(folder)
    control, events = Control(), list[AnyEvent]()

    def emit(event: AnyEvent) -> None:
        events.append(event)
        act(event, control)

    saved = storage.load_last(checkpoints, setup.identity, SIZE_LIMITS)[0] if group.rank == 0 else None
    own = checkpoints if group.rank == 0 else None
    outcome = train(setup, "tiny-run", own, control, emit, Clock(), group.broadcast(saved), own_events)
    return events, f"{outcome.state}: {outcome.message}", setup.model


def _learned(events: list[AnyEvent]) -> list[list[float]]:
    batches = [[e.epoch, e.batch, e.loss, e.accuracy, e.lr] for e in events if isinstance(e, Batch)]
    return batches + [[e.epoch, e.loss, e.accuracy] for e in events if isinstance(e, Evaluated)]


def _digest(model: nn.Module) -> str:
    parts = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


# Tasks


def learn(group: Group, folder: str, model: str, options: dict[str, Any]) -> Any:
    """What every batch and every evaluation came to, and the digest of the weights."""
    make = {"plain": Plain, "counting": Counting}.get(model)
    events, _, trained = _train(group, folder, make=make, **options)
    return {"learned": _learned(events), "weights": _digest(trained)}


def measure(group: Group, folder: str) -> Any:
    """What was measured of every step."""
    mock.patch.object(loop, "batches_between", return_value=1).start()
    events, _, _ = _train(group, folder, make=Plain, epochs=1)
    return [[event.samples, *event.values.values()] for event in events if isinstance(event, Metric)]


def report_devices(group: Group, folder: str) -> Any:
    """The devices of another host and the epochs, in order, where every process has one event of each epoch."""

    def own_events() -> list[AnyEvent]:
        return [DeviceUsage(t=0.0, host=f"host {group.rank}", rank=group.rank)] if group.rank else []

    events, _, _ = _train(group, folder, make=Plain, own_events=own_events, epochs=2)
    return [e.host if isinstance(e, DeviceUsage) else e.epoch for e in events if isinstance(e, DeviceUsage | Epoch)]


def report_hosts(group: Group, runs_dir: str) -> Any:
    """The ranks of the processes whose devices are in a run's stream, where each process is on a host of its own."""
    device_usage.FIRST_SECONDS, device_usage.SAMPLE_SECONDS = 0.0, 0.01
    group.local_rank = 0
    worker = environment.current()
    assert worker is not None
    if group.rank:
        WorkerRuns(worker, lambda: None)._train(group.broadcast(), group, TinyImageCache())  # type: ignore[arg-type]
        return "trained"
    mock.patch("cifar_tui.runs.run.write_run_files", return_value=[]).start()
    workspace = Workspace(Path(runs_dir), worker=worker)
    workspace._group, workspace._image_cache = group, TinyImageCache()  # type: ignore[assignment]
    found = set[int]()

    def listen(message: Message) -> None:
        if isinstance(message, DeviceUsage):
            found.add(message.rank)
            if len(found) == group.processes:
                run.stop("stopped", "seen")

    run = workspace.new_run(replace(TINY, epochs=100_000, patience=100_000), listen)
    run.start()
    run.join()
    return sorted(found)


def stop_early(group: Group, folder: str, model: str) -> Any:
    """How a run ends that is asked to stop in the middle of its first epoch."""

    def act(event: AnyEvent, control: Control) -> None:
        if isinstance(event, Batch) and event.batch == 3 and group.rank == 1:
            control.stop("stopped", "enough")

    make = {"counting": Counting}.get(model)
    return _train(group, folder, act, make=make, batch_size=7, epochs=2)[1]


def requested(group: Group, folder: str, request: str, of_rank: int) -> Any:
    """Where each process saved, paused and ended, when the first batch of one of them asks for something."""

    def act(event: AnyEvent, control: Control) -> None:
        if isinstance(event, Batch) and (event.epoch, event.batch) == (1, 1) and group.rank == of_rank:
            if request == "stop":
                control.stop("stopped", f"asked of rank {of_rank}")
            else:
                getattr(control, request)()
        elif isinstance(event, Paused):
            control.resume()

    events, outcome, _ = _train(group, folder, act, make=Plain, epochs=2)
    told = [[type(e).__name__, e.epoch, e.batch] for e in events if isinstance(e, Paused | Resumed | Checkpoint)]
    return {"outcome": outcome, "told": told, "batches": sum(isinstance(e, Batch) for e in events)}


def fail(group: Group, folder: str, how: str) -> Any:
    """What each process raises when something happens to rank 1 in the middle of training."""
    noticed = Path(folder) / "noticed"

    def act(event: AnyEvent, _: Control) -> None:
        if not (isinstance(event, Batch) and event.batch == 2 and group.rank == 1):
            return
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while how == "hang" and not noticed.exists():
            time.sleep(0.01)
        raise ValueError("out of ideas")

    try:
        _train(group, folder, act, make=Plain)
    except ValueError as error:
        group.report_failure(f"{group.describe(group.rank)}: {error}", "failed", 1)
        raise CifarTuiError(str(error)) from None
    except LostProcessError:
        noticed.touch()
        raise
    return "trained"


hang = fail


def diverge(group: Group, folder: str) -> Any:
    """What each process raises when the images of rank 1 make its loss infinite."""

    class Overflowing(Plain):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits = super().forward(images)
            return logits * float("nan") if self.training and group.rank == 1 else logits

    return _train(group, folder, make=Overflowing)[1]


def differ(group: Group) -> Any:
    """What is raised where rank 1 has other images."""
    cache = TinyImageCache(tiny_source(90 if group.rank == 1 else 60))
    prepare(TINY, cache, lambda *_: None, group)  # type: ignore[arg-type]
    return "prepared"


def differ_in_class(group: Group, how: str) -> Any:
    """What is raised where the class of rank 1 has other layers, or the same ones and another forward pass."""

    class Negative(Plain):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return -super().forward(images)

    other: Callable[[int], nn.Module] = Negative if how == "source" else lambda classes: Plain(classes + 1)
    models.load = lambda *_: other if group.rank == 1 else Plain
    prepare(TINY, TinyImageCache(), lambda *_: None, group)  # type: ignore[arg-type]
    return "prepared"


def evaluated(group: Group) -> Any:
    """What the evaluation of more images than a batch has comes to."""
    cache = TinyImageCache(tiny_source(5000))
    setup = prepare(TINY, cache, lambda *_: None, group)  # type: ignore[arg-type]
    control: LoopControl = group.share_control(Control())
    found = evaluate(setup.model, setup.dataset.test, 3, setup.placement, control, group)
    digest = hashlib.sha256(found.logits.numpy().tobytes()).hexdigest()
    return [found.loss, found.accuracy, found.predicted.tolist(), digest, [list(row) for row in found.confusion]]


def averaged(group: Group) -> Any:
    """The gradients of weights of several types and orders in memory, of which each process has used some."""
    first = nn.Parameter(torch.zeros(2, 3, 2, 2).to(memory_format=torch.channels_last))
    weights = [first, *(nn.Parameter(torch.zeros(2, dtype=kind)) for kind in (torch.float64, torch.complex64))]
    only_one, unused = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    model = nn.ParameterList([*weights, only_one, unused])
    replica = group.share_model(model, prepare_placement())
    replica.begin_batch()
    share = Share(0, 1, 0.25) if group.rank == 0 else Share(1, 4, 0.75)
    for weight in weights:
        values = torch.arange(weight.numel()).reshape(weight.shape) + group.rank
        weight.grad = values.to(weight.dtype) * (1j if weight.is_complex() else 1) * share.weight
    if group.rank == 1:
        only_one.grad = torch.ones(1) * share.weight
    losses, correct = replica.end_batch(torch.tensor(float(group.rank + 1)), torch.tensor(group.rank), share, 4)
    gradients = [None if weight.grad is None else weight.grad.cpu() for weight in model]
    return {
        "gradients": [
            None if g is None else torch.view_as_real(g).tolist() if g.is_complex() else g.tolist() for g in gradients
        ],
        "losses": losses.tolist(),
        "correct": correct.item(),
    }


def prepare_placement() -> Any:
    """The CPU."""
    from cifar_tui.training.devices import resolve_device

    return resolve_device(TINY)


def note(group: Group, folder: str) -> Any:
    """The notes of a run of the protocol's MLP, and whether its epochs tell the slowest process."""
    events, _, _ = _train(group, folder, epochs=1)
    (epoch,) = (e for e in events if isinstance(e, Epoch))
    notes = [e.message for e in events if isinstance(e, Note)]
    return {"notes": notes, "slowest": [epoch.slowest_rank, epoch.slowest_images_per_second]}
