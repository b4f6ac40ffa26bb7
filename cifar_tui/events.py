"""The events that a training run emits: typed, frozen, and converted to and from one line of JSON.

Losses are mean cross-entropies in nats; accuracies are fractions from 0 to 1; `t` and `seconds` are in seconds;
`samples` counts training images seen since the run began, over all epochs. Epochs and batches count from 1: an event's
`batch` is the number of batches that are done in its epoch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from cifar_tui.confusion_matrix import MAX_CLASSES, ConfusionMatrix
from cifar_tui.system.untrusted import bounded_json, codec
from cifar_tui.system.untrusted.codec import AtMost, Between

RunStatus = Literal["running", "paused", "finished", "stopped", "interrupted", "diverged", "failed"]
SplitName = Literal["validation", "test"]
Split = Literal["train", "validation", "test"]
Unit = Literal["images", "steps"]
"""What `samples` counts: images, or batches where their size is not known."""
Level = Literal["debug", "info", "warning", "error"]

MAX_SECONDS = 1e12
Seconds = Annotated[float, Between(0, MAX_SECONDS)]
Planned = Annotated[int, Between(1)]
"""A count of the run's plan, which progress is divided by."""
Processes = Annotated[int, Between(1)]
MAX_VALUES = 100
"""Of one `metric` event."""
MAX_GPUS = 64
MAX_CORES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base of all events."""

    type: ClassVar[str]
    t: Seconds
    """Since the run began, on a monotonic clock that stands still while no process trains the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """The first event of a run: what is trained on what, and how."""

    type: ClassVar[str] = "run_started"
    id: str
    model: str
    data: str
    classes: Annotated[tuple[str, ...], AtMost(MAX_CLASSES)]
    epochs: Planned | None
    """Of a training that is not this program's own, None where nobody has said how many; so are the following."""
    batches: Planned | None
    """Batches per epoch."""
    batch_size: int | None
    train_samples: Planned | None
    """Images of an epoch; batches where `unit` is `steps`."""
    validation_samples: int
    test_samples: int
    parameters: int | None
    """Trainable parameters."""
    device: str
    precision: str
    threads: int
    seed: int | None
    max_lr: float | None
    schedule: str = "one-cycle"
    """The learning rate schedule, which has its peak at `max_lr`; a name of `recipes.Schedule`."""
    source: str = ""
    """What wrote the events of a training that is not this program's own: `script`, or a kind of log files."""
    unit: Unit = "images"
    processes: Processes = 1
    """That train it together, each on a device of its own; `device` and `threads` are those of rank 0."""
    hosts: Processes = 1
    """That the processes are on."""

    @classmethod
    def elsewhere(
        cls,
        *,
        t: float,
        id: str,  # noqa: A002
        model: str,
        source: str,
        unit: Unit,
        data: str = "",
        classes: tuple[str, ...] = (),
        epochs: int | None = None,
        batches: int | None = None,
        batch_size: int | None = None,
        train_samples: int | None = None,
    ) -> RunStarted:
        """That of a training that is not this program's own, of which nobody says more than this."""
        return cls(
            t=t,
            id=id,
            model=model,
            data=data,
            classes=classes,
            epochs=epochs,
            batches=batches,
            batch_size=batch_size,
            train_samples=train_samples,
            validation_samples=0,
            test_samples=0,
            parameters=None,
            device="",
            precision="",
            threads=0,
            seed=None,
            max_lr=None,
            source=source,
            unit=unit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Event):
    """One training batch, with its loss and accuracy before the optimizer's step."""

    type: ClassVar[str] = "batch"
    epoch: int
    batch: int
    batches: int
    samples: int
    loss: float
    accuracy: float
    lr: float
    images_per_second: float
    """Training speed since the previous report, without pauses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch(Event):
    """A whole epoch, validated; training metrics are means over its batches, while the model learned."""

    type: ClassVar[str] = "epoch"
    epoch: int
    samples: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    lr: float
    """The learning rate of the epoch's last batch."""
    seconds: float
    """Training and validation, without pauses."""
    images_per_second: float
    """Training images per second of training, without validation and pauses."""
    best: bool
    """Whether its validation accuracy is the highest so far."""
    slowest_images_per_second: float | None = None
    """Of several processes, the speed of the slowest on its own share of the images, without waiting for the others."""
    slowest_rank: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated(Event):
    """The evaluation of a split: validation after each epoch, test at the end with the best weights."""

    type: ClassVar[str] = "evaluated"
    split: SplitName
    epoch: int
    """The epoch whose weights were evaluated."""
    loss: float
    accuracy: float
    confusion: ConfusionMatrix
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(Event):
    """A checkpoint was written."""

    type: ClassVar[str] = "checkpoint"
    epoch: int
    batch: int
    path: str
    """Relative to the run's folder."""
    best: bool
    """Whether it holds the best weights so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Event):
    """Training was paused after this batch."""

    type: ClassVar[str] = "paused"
    epoch: int
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """Training resumes after this batch, from a pause or, in a new process, from a checkpoint.

    Events of later batches that precede this one are void: those batches are trained again.
    """

    type: ClassVar[str] = "resumed"
    epoch: int
    batch: int
    samples: int
    device: str = ""
    """The device from here on; empty where it is unchanged."""
    device_name: str = ""
    precision: str = ""
    threads: int = 0
    processes: int = 0
    """0 where their number is unchanged."""
    hosts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Event):
    """Named numbers at one place of the training, such as `grad_norm`, `loss/box`, `top5`.

    All are written: what emits those of the training limits them to about ten events a second.
    """

    type: ClassVar[str] = "metric"
    samples: int
    values: Annotated[dict[str, float], AtMost(MAX_VALUES)]
    split: Split = "train"
    """What they were measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUsage:
    """What one GPU does; what it does not report is None.

    Attributes:
        index: PyTorch's: `cuda:<index>`.
        name: Its product name.
        utilization: The fraction of the time in which it computed.
        memory_used: Bytes, of all processes.
        memory_total: Bytes.
        temperature: Degrees Celsius.
        power: Watts.
        power_limit: Watts.
        throttled: Whether it slows down because it is hot, or because its power supply says so.
    """

    index: int
    name: str = ""
    utilization: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    temperature: float | None = None
    power: float | None = None
    power_limit: float | None = None
    throttled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUsage(Event):
    """What the hardware of one process of the run does; what is not known is None, as a rate at first is."""

    type: ClassVar[str] = "device"
    host: str
    rank: int = 0
    process_cpu: float | None = None
    """Cores that the process keeps busy."""
    process_memory: int | None = None
    """Bytes."""
    cores: Annotated[tuple[float, ...], AtMost(MAX_CORES)] = ()
    """The fraction of the time in which each core of the machine was busy."""
    memory_used: int | None = None
    """Bytes of the machine's memory that could not be had at once."""
    memory_total: int | None = None
    disk_free: int | None = None
    """Bytes where the run's folder is."""
    disk_read: float | None = None
    """Bytes a second of the machine; so are the following."""
    disk_written: float | None = None
    network_received: float | None = None
    network_sent: float | None = None
    gpus: Annotated[tuple[GpuUsage, ...], AtMost(MAX_GPUS)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    """A message for people."""

    type: ClassVar[str] = "note"
    level: Level
    message: str
    topic: str = ""
    """Of the health check: what it has found, such as `loss-spike`. A `warning` begins it, an `info` ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The last event: how the run ended. Metrics that were not reached are None."""

    type: ClassVar[str] = "run_finished"
    state: RunStatus
    message: str
    """Why: "early stopping: …", "stopped by SIGTERM after batch 12", or one line of an error."""
    epochs: int
    """Whole epochs trained."""
    best_epoch: int | None
    best_val_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    seconds: float
    """Training time of all its processes, without pauses."""


AnyEvent = (
    RunStarted | Batch | Epoch | Evaluated | Metric | DeviceUsage | Checkpoint | Paused | Resumed | Note | RunFinished
)

_EVENT_CLASSES: dict[str, type[AnyEvent]] = {cls.type: cls for cls in get_args(AnyEvent)}


BATCH_SECONDS = 0.1
"""The shortest time between two batch events that are written."""
MAX_LINE = 16 << 20
"""Bytes of a line: a confusion matrix of 1,000 classes takes less."""
MAX_LINE_MEMORY = 60_000_000
"""Bytes of memory that the values of one line may take while they are read: all counts of 1,000 classes take less."""


class BatchThrottle:
    """Selects the events that are written: batches ten times a second at most, all others always."""

    def __init__(self) -> None:
        self._last = -BATCH_SECONDS
        self.skipped: Batch | None = None
        """The last batch where it was not selected, and nothing later is behind it."""

    def admits(self, event: AnyEvent) -> bool:
        """Whether to write this event, the next of the stream; by the events' own times."""
        if not isinstance(event, Batch):
            if isinstance(event, Epoch) or (self.skipped is not None and event.t > self.skipped.t):
                self.skipped = self.skipped if isinstance(event, RunFinished) else None
            return True
        if event.t - self._last < BATCH_SECONDS:
            self.skipped = event
            return False
        self._last, self.skipped = event.t, None
        return True


class EventError(ValueError):
    """A line is not a valid event."""


_TO_LINE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def to_json(event: AnyEvent) -> str:
    """One line of JSON without its newline. Values that JSON lacks (NaN, infinities) become null."""
    return _TO_LINE({"type": event.type} | codec.encode(event))


def from_json(line: str) -> AnyEvent:
    """The event of one line of JSON, read as `system.untrusted.codec` reads it.

    Raises:
        EventError: The line is no JSON object, of no known type, or lacks a field or has one of a wrong type or out of
            range; or its values would take more than `MAX_LINE_MEMORY`.
    """
    try:
        content = bounded_json.parse(line, MAX_LINE_MEMORY)
    except bounded_json.JsonError as error:
        raise EventError(str(error)) from None
    if not isinstance(content, dict):
        raise EventError("not a JSON object")
    name = content.get("type")
    if not isinstance(name, str) or name not in _EVENT_CLASSES:
        raise EventError("unknown event type")
    try:
        return codec.decode(_EVENT_CLASSES[name], content)
    except codec.CodecError as error:
        raise EventError(f"{name}: {error}") from None
