"""A run's weights and curves in files that other programs read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.events import Epoch
from cifar_tui.formatting import suggestion
from cifar_tui.records import Overrides
from cifar_tui.runs import best_weights
from cifar_tui.runs.messages import ProgressCallback
from cifar_tui.runs.sinks import tensorboard
from cifar_tui.store.csv_files import metrics_csv, write_batches_csv, write_devices_csv, write_values_csv
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import stored_run
from cifar_tui.system.files import replacing
from cifar_tui.system.folders import Folder

MODELS = {"safetensors": "model.safetensors", "onnx": "model.onnx", "torch-export": "model.pt2"}
"""The formats of weights, and what a file of each is called."""
FORMATS = (*MODELS, "csv", "tensorboard")
FOLDER = "export"
"""In the run's folder, where files go that are to go nowhere else."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were written.

    Attributes:
        difference: Of weights, the largest difference between one of their logits and the run's.
        epochs: Of curves, the complete epochs that are in them.
    """

    files: tuple[Path, ...]
    difference: float | None = None
    epochs: int | None = None


def export(
    folder: RunFolder, form: str, output: Path | None, progress: ProgressCallback, model_dir: str | None = None
) -> Exported:
    """Write a run's best weights or its curves in one of `FORMATS`; files that are there are replaced.

    Args:
        folder: The run.
        form: The format.
        output: Where to write it: a file or a folder for weights, a folder for curves; None is the run's folder.
        progress: Called with the current step.
        model_dir: Where the module of a user-defined model class is now, if it has moved.

    Raises:
        InputError: There is no such format, the run has nothing to export, or the files cannot be written.
        CifarTuiError: A package is missing, or the exported model's logits differ from the run's.
    """
    if form not in FORMATS:
        raise InputError(f"--format: unknown format {form!r}{suggestion(form, FORMATS)}")
    if output is None:
        folder.check_own()
    try:
        if form in MODELS:
            return _weights(folder, form, output, progress, model_dir)
        below = (tensorboard.FOLDER,) if form == "tensorboard" else ()
        place = _Place(output, None) if output else _own_place(folder, *below)
        return _tensorboard(folder, place) if form == "tensorboard" else _csv(folder, place)
    except OSError as error:
        where = output or folder.path / FOLDER
        raise InputError(f"cannot write {str(where)!r}: {error.strerror or error}; choose another --output") from None


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder to write to: in the run's own, by names alone; any other as the system finds it, through links too."""

    path: Path
    own: tuple[Folder, ...] | None
    """In the run's own, this folder and those above it, the outermost first."""

    def make(self) -> None:
        """Make it where it is missing."""
        if self.own is None:
            self.path.mkdir(parents=True, exist_ok=True)
        for folder in self.own or ():
            folder.make()

    @contextmanager
    def replacing(self, name: str) -> Iterator[BinaryIO]:
        """A new file, which takes this name once it is complete."""
        if self.own is not None:
            with self.own[-1].replacing(name) as file:
                yield file
        else:
            with replacing(self.path / name) as temporary, temporary.open("w+b") as file:
                yield file


def _own_place(folder: RunFolder, *below: str) -> _Place:
    """The folder of exports in the run's own, or one below it."""
    folders = [folder.files.folder(FOLDER)]
    for name in below:
        folders.append(folders[-1].folder(name))
    return _Place(folders[-1].path, tuple(folders))


def _weights(
    folder: RunFolder, form: str, output: Path | None, progress: ProgressCallback, model_dir: str | None
) -> Exported:
    if output is None:
        place, name = _own_place(folder), MODELS[form]
    elif output.is_dir():
        place, name = _Place(output, None), MODELS[form]
    else:
        place, name = _Place(output.parent, None), output.name
    path = place.path / name
    # Files are compared in the precision of all formats, where every machine has it.
    overrides = Overrides(device="cpu", precision="fp32", model_dir=model_dir)
    trained, classes = best_weights.load(folder, stored_run(folder, overrides), progress)
    from cifar_tui.training import export

    metadata = {
        "run": folder.id,
        "model": folder.read_record().options.model,
        "classes": json.dumps(classes),
        "epoch": str(trained.epoch),
    }
    progress("exporting", 0, 0)
    try:
        content, difference = export.export(trained.model, form, metadata)
    except CifarTuiError as error:
        raise CifarTuiError(f"{path} is not written: {error}") from error
    place.make()
    with place.replacing(name) as file:
        file.write(content)
    return Exported((path,), difference)


def _csv(folder: RunFolder, place: _Place) -> Exported:
    state = folder.read_state()
    place.make()
    with place.replacing("metrics.csv") as file:
        file.write(metrics_csv(state).encode())
    written = {"batches.csv": write_batches_csv}
    if state.metrics:
        written["values.csv"] = write_values_csv
    if state.usage:
        written["devices.csv"] = write_devices_csv
    for name, write in written.items():
        with place.replacing(name) as file:
            write(file, folder.events())
    return Exported(tuple(place.path / name for name in ("metrics.csv", *written)), epochs=len(state.epochs))


def _tensorboard(folder: RunFolder, place: _Place) -> Exported:
    began = tensorboard.start_time(folder)
    # Always the same name, so that exporting again does not double the curves.
    name = f"{tensorboard.PREFIX}{int(began)}.{folder.id}"
    epochs = set[int]()
    place.make()
    # It closes what it writes to, which is to be flushed to the disk after that.
    with place.replacing(name) as file, tensorboard.EventFile(os.fdopen(os.dup(file.fileno()), "wb"), began) as curves:
        for event in folder.events():
            curves.write(event)
            if isinstance(event, Epoch):
                epochs.add(event.epoch)
    return Exported((place.path / name,), epochs=len(epochs))
