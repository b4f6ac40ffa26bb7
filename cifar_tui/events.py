"""The stream that a training run emits: typed, frozen events, and their one-line JSON form.

Losses are mean cross-entropies in nats; accuracies are fractions from 0 to 1; `t` and `seconds` are in seconds;
`samples` counts training images seen since the run began, over all epochs. Epochs and batches count from 1: an event's
`batch` is the number of batches that are done in its epoch.
"""

from __future__ import annotations

import json
import math
import types
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from cifar_tui.confusion_matrix import MOST_CLASSES, ConfusionMatrix
from cifar_tui.system import bounded_json

RunStatus = Literal["running", "paused", "finished", "stopped", "interrupted", "diverged", "failed"]
SplitName = Literal["validation", "test"]
Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event has.

    Attributes:
        t: Seconds since the run began, on a clock that never goes back; time in which no process ran it is left out.
    """

    type: ClassVar[str]
    t: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """The first event of a run: what is trained on what, and how."""

    type: ClassVar[str] = "run_started"
    id: str
    model: str
    data: str
    classes: tuple[str, ...]
    epochs: int
    batches: int
    """Batches per epoch."""
    batch_size: int
    train_samples: int
    validation_samples: int
    test_samples: int
    parameters: int
    """Trainable parameters."""
    device: str
    precision: str
    threads: int
    seed: int
    max_lr: float
    schedule: str = "one-cycle"
    """How the learning rate goes to `max_lr` and down again; a name of `recipes.Schedule`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Event):
    """One training batch: its own loss and accuracy, before the step that it caused."""

    type: ClassVar[str] = "batch"
    epoch: int
    batch: int
    batches: int
    samples: int
    loss: float
    accuracy: float
    lr: float
    images_per_second: float
    """Training speed since the batches before this were reported; pauses do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch(Event):
    """A whole epoch, validated; training figures are means over the epoch, as it was learning."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated(Event):
    """A whole split was evaluated: validation after each epoch, test at the end with the best weights."""

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
    """A checkpoint is whole on the disk."""

    type: ClassVar[str] = "checkpoint"
    epoch: int
    batch: int
    path: str
    """Relative to the run's folder."""
    best: bool
    """Whether it is also the best so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Event):
    """Training waits, after this batch."""

    type: ClassVar[str] = "paused"
    epoch: int
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """Training goes on after this batch, from a pause or, in a new process, from a checkpoint.

    What came after that batch in the stream is void: it is trained again.
    """

    type: ClassVar[str] = "resumed"
    epoch: int
    batch: int
    samples: int
    device: str = ""
    """What it computes on from here on; empty where it is what it was."""
    device_name: str = ""
    precision: str = ""
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    """Something a person may want to know, in words."""

    type: ClassVar[str] = "note"
    level: Level
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The last event: how the run ended. What was not reached is None."""

    type: ClassVar[str] = "run_finished"
    state: RunStatus
    message: str
    """Why, in words: "early stopping: …", "stopped by SIGTERM after batch 12", an error's line."""
    epochs: int
    """Whole epochs done."""
    best_epoch: int | None
    best_val_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    seconds: float
    """Time spent on the run by all its processes, without pauses."""


AnyEvent = RunStarted | Batch | Epoch | Evaluated | Checkpoint | Paused | Resumed | Note | RunFinished

_EVENT_CLASSES: dict[str, type[AnyEvent]] = {cls.type: cls for cls in get_args(AnyEvent)}


BATCH_SECONDS = 0.1
"""The least time between two batch events that are written down."""


MOST_SECONDS = 1e12
MOST_WHOLE = 2**63 - 1
MOST_NUMBER = 1e300
"""What a stream's times, whole numbers and other numbers cannot exceed: arithmetic on them is safe."""
MOST_TEXT = 10_000
"""Characters of a text in a stream that are kept; of a longer one, the rest is left out."""
MOST_MEMORY = 60_000_000
"""Bytes of memory that the values of one line may take while they are read: all counts of 1,000 classes take less."""
_AT_LEAST_ONE = ("epochs", "batches", "train_samples")
"""Of a run's beginning: the plan is divided by them."""


class BatchThrottle:
    """Which events of a stream are written down: batches ten times a second at most, all others always."""

    def __init__(self) -> None:
        self._last = -BATCH_SECONDS

    def admits(self, event: AnyEvent) -> bool:
        """Whether to write this event, the next of the stream; it goes by the events' own times."""
        if not isinstance(event, Batch):
            return True
        if event.t - self._last < BATCH_SECONDS:
            return False
        self._last = event.t
        return True


class EventError(ValueError):
    """A line that is not one of our events."""


def to_json(event: AnyEvent) -> str:
    """One line of JSON without its newline. Values that JSON lacks (NaN, infinities) become null."""
    record: dict[str, Any] = {"type": event.type}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        elif isinstance(value, ConfusionMatrix):
            value = value.to_json()
        record[field.name] = value
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


def from_json(line: str) -> AnyEvent:
    """The event of one line of JSON; a null in the place of a number is NaN, and unknown fields are ignored.

    So is a number that is larger than any of ours. A text is cut after `MOST_TEXT` characters.

    Raises:
        EventError: The line is no JSON object, of no known type, or lacks a field or has one of a wrong type, a time
            or a count that cannot be; or its values would take more than `MOST_MEMORY`.
    """
    try:
        record = bounded_json.parse(line, MOST_MEMORY)
    except bounded_json.JsonError as error:
        raise EventError(str(error)) from None
    if not isinstance(record, dict):
        raise EventError("not a JSON object")
    name = record.get("type")
    if not isinstance(name, str) or name not in _EVENT_CLASSES:
        raise EventError("unknown event type")
    values: dict[str, Any] = {}
    for field, hint in _field_types(name).items():
        if field not in record:
            if field in _optional(name):  # Streams of before do not have it.
                continue
            raise EventError(f"{name}: no {field!r}")
        try:
            values[field] = _convert(record[field], hint)
        except (TypeError, ValueError, OverflowError):
            raise EventError(f"{name}: {field!r} is of another type, or cannot be") from None
    if not 0 <= values["t"] <= MOST_SECONDS:
        raise EventError(f"{name}: 't' is {values['t']}")
    if name == RunStarted.type and not all(values[field] for field in _AT_LEAST_ONE):
        raise EventError(f"{name}: it plans nothing")
    if len(values.get("classes", ())) > MOST_CLASSES:
        raise EventError(f"{name}: more than {MOST_CLASSES} classes")
    return _EVENT_CLASSES[name](**values)


@cache
def _field_types(name: str) -> dict[str, Any]:
    hints = get_type_hints(_EVENT_CLASSES[name])
    return {field.name: hints[field.name] for field in fields(_EVENT_CLASSES[name])}


@cache
def _optional(name: str) -> frozenset[str]:
    return frozenset(field.name for field in fields(_EVENT_CLASSES[name]) if field.default is not MISSING)


def _convert(value: Any, hint: Any) -> Any:
    """`value`, as JSON gives it, in the field type `hint`; TypeError or ValueError where it does not fit."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (hint,) = (arg for arg in get_args(hint) if arg is not type(None))
        return _convert(value, hint)
    if origin is Literal:
        if value not in get_args(hint):
            raise ValueError
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError
        return tuple(_convert(item, get_args(hint)[0]) for item in value)
    if hint is ConfusionMatrix:
        return ConfusionMatrix.from_json(value)
    if hint is float:
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        number = float(value)
        return number if abs(number) <= MOST_NUMBER else math.nan
    if type(value) is not hint:
        raise TypeError
    if hint is int and not 0 <= value <= MOST_WHOLE:
        raise ValueError
    return value[:MOST_TEXT] if hint is str else value
