"""A run's weights and curves in files that other programs read."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from cifar_tui import inference
from cifar_tui.config import suggestion
from cifar_tui.errors import InputError
from cifar_tui.files import replacing, write_text
from cifar_tui.inference import Progress
from cifar_tui.store import tensorboard
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.tables import batches_csv, metrics_csv

MODELS = {"safetensors": "model.safetensors", "onnx": "model.onnx", "torch-export": "model.pt2"}
"""The formats of weights, and what a file of each is called."""
FORMATS = (*MODELS, "csv", "tensorboard")
FOLDER = "export"
"""In the run's folder, where files go that are to go nowhere else."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were written, and by how much a logit of the weights' differs at most from the run's."""

    files: tuple[Path, ...]
    difference: float | None = None


def export(folder: RunFolder, form: str, output: Path | None, progress: Progress) -> Exported:
    """Write a run's best weights or its curves in one of `FORMATS`; files that are there are replaced.

    Args:
        folder: The run.
        form: The format.
        output: Where to write it: a file or a folder for weights, a folder for curves; None is the run's folder.
        progress: Told what is being done.

    Raises:
        InputError: There is no such format, the run has nothing to export, or the files cannot be written.
        CifarTuiError: A package is missing, or the weights' file does not answer as the run's model does.
    """
    if form not in FORMATS:
        raise InputError(f"--format: unknown format {form!r}{suggestion(form, FORMATS)}")
    try:
        if form in MODELS:
            return _weights(folder, form, output, progress)
        place = output or folder.path / FOLDER / (tensorboard.FOLDER if form == "tensorboard" else "")
        return _tensorboard(folder, place) if form == "tensorboard" else _csv(folder, place)
    except OSError as error:
        where = output or folder.path / FOLDER
        raise InputError(f"cannot write {str(where)!r}: {error.strerror or error}; choose another --output") from None


def _weights(folder: RunFolder, form: str, output: Path | None, progress: Progress) -> Exported:
    path = output or folder.path / FOLDER / MODELS[form]
    if path.is_dir():
        path /= MODELS[form]
    # Files are compared in the precision of all formats, where every machine has it.
    config = replace(folder.read_options(), device="cpu", precision="fp32")
    trained, classes = inference.load(folder, config, progress)
    from cifar_tui.training import export

    metadata = {
        "run": folder.id,
        "model": config.model,
        "classes": json.dumps(classes),
        "epoch": str(trained.epoch),
    }
    progress("exporting", 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    return Exported((path,), export.export(trained.model, form, metadata, path))


def _csv(folder: RunFolder, place: Path) -> Exported:
    place.mkdir(parents=True, exist_ok=True)
    files = (place / "metrics.csv", place / "batches.csv")
    write_text(files[0], metrics_csv(folder.read_state()))
    write_text(files[1], batches_csv(folder.events()))
    return Exported(files)


def _tensorboard(folder: RunFolder, place: Path) -> Exported:
    began = tensorboard.began(folder)
    place.mkdir(parents=True, exist_ok=True)
    # Always the same name, so that exporting again does not double the curves.
    path = place / f"{tensorboard.PREFIX}{int(began)}.{folder.id}"
    with replacing(path) as temporary, tensorboard.EventFile(temporary, began) as file:
        for event in folder.events():
            file.write(event)
    return Exported((path,))
