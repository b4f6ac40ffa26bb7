"""Runs as their folders record them, and what is needed to set a run up here again.

The records are `config.json`, `summary.json` and `labels.json`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from cifar_tui.config import NAMED_DATA, TrainingConfig
from cifar_tui.confusion_matrix import MAX_CLASSES
from cifar_tui.events import RunStatus, Unit
from cifar_tui.state.open_warnings import MAX_WARNINGS
from cifar_tui.state.run_state import RunState
from cifar_tui.system.untrusted import codec
from cifar_tui.system.untrusted.codec import AtMost

MAX_TEXT = 1000
"""Characters of a text in a summary that are kept: a thousand summaries are in memory at once."""

Text = Annotated[str, AtMost(MAX_TEXT)]

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
"""The checkpoints of a run: the last one, the one before it, and that of the best epoch."""
WEIGHTS = "model.safetensors"
"""The best weights alone."""

MAX_PROCESSES = 10_000
"""Of a run: a record of more is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord:
    """The images of a run.

    Attributes:
        name: `cifar10`, `digits`, or the path of a folder of images.
        fingerprint: SHA-256 of all images and labels.
        train: Training images; `validation` and `test` likewise.
        rules: The version of the rules by which folders of images were read.
        splits: Which images are used for what, in words.
    """

    name: str
    fingerprint: str
    train: int
    validation: int
    test: int
    classes: Annotated[tuple[str, ...], AtMost(MAX_CLASSES)]
    rules: int = 1
    splits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """One of several processes that train a run together.

    Attributes:
        host: The name of the machine that it is on.
        device: PyTorch's name of its device.
        device_name: The product's name.
    """

    host: Text
    device: Text
    device_name: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The content of `config.json`: all it takes to train the run again.

    Attributes:
        created: ISO 8601, with the time zone.
        command: The command line that started it.
        options: As they were given; `device`, `precision` and `threads` below are what `auto` and 0 were resolved to.
        relative: Paths among the options, relative to the parent of `runs_dir`.
        device: PyTorch's name of it.
        device_name: The product's name.
        parameters: Trainable parameters.
        versions: Of the packages, by name.
        draws: The version of the rules by which its batches are drawn.
        processes: Those that started it together, by rank, of which `device` and `threads` are rank 0's; none where it
            was a single one.
        launch: The launcher's id of the launch that made it, and the number of the run in it.
    """

    id: str
    created: str
    command: tuple[str, ...]
    runs_dir: str
    options: TrainingConfig
    relative: dict[str, str] = field(default_factory=dict)
    seed: int
    dataset: DatasetRecord
    device: str
    device_name: str
    precision: str
    threads: int
    parameters: int
    versions: dict[str, str]
    draws: int = 1
    processes: Annotated[tuple[ProcessRecord, ...], AtMost(MAX_PROCESSES)] = ()
    launch: Text = ""

    @property
    def hosts(self) -> int:
        """How many machines its processes are on."""
        return max(1, len({each.host for each in self.processes}))

    @property
    def resolved_options(self) -> TrainingConfig:
        """The options, with the precision and the number of threads that they were resolved to.

        Raises:
            InputError: One of these is none that a run can have.
        """
        return replace(self.options, precision=self.precision, threads=self.threads)


MAX_CONFIG = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRecord:
    """The content of `config.json` of a training that is not this program's own: it cannot train that again.

    Attributes:
        source: What recorded it, as in its first event.
        created: ISO 8601, with the time zone.
        command: The command line of the script.
        model: What its user calls what is trained.
        data: Likewise, what it is trained on.
        config: Options of the script, as texts, by name.
        versions: Of the packages, by name.
    """

    id: str
    source: Text
    created: Text
    command: tuple[str, ...]
    runs_dir: str
    model: Text
    data: Text = ""
    config: Annotated[dict[str, Text], AtMost(MAX_CONFIG)] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The content of `summary.json`: the run in numbers.

    Accuracies are fractions, `seconds` are without pauses. What is not reached yet is None, and so is what a damaged
    file does not say.
    """

    id: str
    created: Text | None = None
    model: Text | None = None
    data: Text | None = None
    state: RunStatus | None = None
    message: Text | None = None
    epochs: int | None = None
    planned_epochs: int | None = None
    samples: int | None = None
    best_epoch: int | None = None
    best_val_accuracy: float | None = None
    best_val_loss: float | None = None
    """The lowest one, of a run without validation accuracies; `best_epoch` is its epoch then."""
    first_val_accuracy: float | None = None
    train_accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    seconds: float | None = None
    images_per_second: float | None = None
    parameters: int | None = None
    device: Text | None = None
    device_name: Text | None = None
    precision: Text | None = None
    seed: int | None = None
    processes: int | None = None
    hosts: int | None = None
    source: Text | None = None
    """Of a training that is not this program's own, what recorded it."""
    unit: Unit | None = None
    """What `samples` counts, as in the run's first event."""
    warnings: Annotated[list[Text], AtMost(MAX_WARNINGS)] | None = None
    """Topics of what the health check has found and is not over."""

    def to_json(self) -> dict[str, Any]:
        """Its fields for `json.dumps`; of a run whose summary cannot be read, those that are known."""
        content = codec.encode(self)
        return content if self.created is not None else {k: v for k, v in content.items() if v is not None}


MAX_TAGS, MAX_TAG = 20, 40
"""Tags of a run, and characters of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The content of `labels.json`: what a person says of a run, of this program or of a script, at any time.

    Attributes:
        note: A line of text.
        tags: Words, in the order in which they were given.
        pinned: Whether it is listed before the others.
        archived: Whether lists leave it out.
    """

    note: Text = ""
    tags: Annotated[tuple[Annotated[str, AtMost(MAX_TAG)], ...], AtMost(MAX_TAGS)] = ()
    pinned: bool = False
    archived: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        """What it is beside its tags, in words: `(pinned)`, `(archived)`."""
        return tuple(f"({word})" for word, holds in (("pinned", self.pinned), ("archived", self.archived)) if holds)


def summarize(record: RunRecord | ScriptRecord, state: RunState) -> Summary:
    """The summary of a run whose events made `state`."""
    figures = _figures(record, state)
    if isinstance(record, ScriptRecord):
        return replace(figures, model=record.model, data=record.data, source=record.source)
    device_names = [event.device_name for event in state.resumptions if event.device_name]
    return replace(
        figures,
        model=record.options.model,
        data=record.dataset.name,
        planned_epochs=record.options.epochs,
        parameters=record.parameters,
        device=state.started.device if state.started else record.device,
        device_name=device_names[-1] if device_names else record.device_name,
        precision=state.started.precision if state.started else record.precision,
        seed=record.seed,
        processes=state.started.processes if state.started else max(1, len(record.processes)),
        hosts=state.started.hosts if state.started else record.hosts,
    )


def _figures(record: RunRecord | ScriptRecord, state: RunState) -> Summary:
    best, by_loss, test, speed = state.best, state.best_by_loss, state.test, state.training_speed
    if speed is None and state.images_per_second > 0:
        speed = state.images_per_second  # Before the first whole epoch.
    best_epoch = best or by_loss
    return Summary(
        id=record.id,
        created=record.created,
        state=state.status,
        message=state.finished.message if state.finished else "",
        epochs=len(state.epochs),
        planned_epochs=state.started.epochs if state.started else None,
        samples=state.samples,
        best_epoch=best_epoch.epoch if best_epoch else None,
        best_val_accuracy=best.val_accuracy if best else None,
        best_val_loss=by_loss.val_loss if by_loss else None,
        first_val_accuracy=state.epochs[0].val_accuracy if state.epochs else None,
        train_accuracy=state.epochs[-1].train_accuracy if state.epochs else None,
        test_loss=test.loss if test else None,
        test_accuracy=test.accuracy if test else None,
        seconds=round(state.seconds, 3),
        images_per_second=round(speed, 1) if speed is not None else None,
        unit=state.started.unit if state.started else "images",
        warnings=list(state.warnings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Options that replace those of a stored run; None keeps the run's own.

    Attributes:
        data: Where its images are: what `--data` takes, or a folder that holds CIFAR-10.
        model_dir: The folder of the module of its model's class.
    """

    data: str | None = None
    model_dir: str | None = None
    device: str | None = None
    devices: str | None = None
    precision: str | None = None
    threads: int | None = None


NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLocation:
    """A place where the images of a run may be, as the options of these names have it."""

    data: str
    data_dir: str | None

    @property
    def exists(self) -> bool:
        """Whether there is anything, as far as can be seen without reading it."""
        return self.data in NAMED_DATA or os.path.exists(self.data)  # noqa: PTH110  (it raises for no path)

    @property
    def label(self) -> str:
        """Its name in a message."""
        return repr(self.data if self.data_dir is None else self.data_dir)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run in a folder, as it is to be set up here: it may have been made on another machine, at other paths.

    Attributes:
        config: Its options, resolved when it was started, with `overrides` applied.
        locations: Where its images may be, in the order in which to look there.
        rules: The version of the rules by which folders of images were read when it was started.
        fingerprint: Of its images: only those with the same one are the run's.
        device: PyTorch's name of the device that it was started on; `device_name` is the product's.
        precision: That it was started in.
        threads: CPU threads that it was started with.
        versions: Of the packages when it was started.
        draws: The version of the rules by which its batches were drawn.
        threads_chosen: Whether their number was given, by the run's options or by `overrides`.
        processes: How many it was started with.
    """

    id: str
    config: TrainingConfig
    overrides: Overrides
    locations: tuple[DataLocation, ...]
    rules: int
    fingerprint: str
    device: str
    device_name: str
    precision: str
    threads: int
    versions: dict[str, str]
    draws: int
    threads_chosen: bool
    processes: int
