"""The record of a new run, and its predictions for the test and the validation images."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from cifar_tui import __version__
from cifar_tui.analysis.predictions import Predictions, TopPredictions
from cifar_tui.data.seeds import DRAWS
from cifar_tui.records import DatasetRecord, ProcessRecord, RunRecord
from cifar_tui.runs.notifications.notifier import without_secrets
from cifar_tui.store.predictions import ValidationPredictions
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import relative_paths

if TYPE_CHECKING:
    from cifar_tui.data.dataset import Dataset
    from cifar_tui.training.checkpoints.writer import BestPredictions
    from cifar_tui.training.evaluation import Evaluation
    from cifar_tui.training.setup.prepare import Setup

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "pillow")
"""Packages whose versions may change the numbers of a run."""


def record_of(
    setup: Setup, folder: RunFolder, processes: tuple[ProcessRecord, ...] = (), launch: str = ""
) -> RunRecord:
    """The record of a run that is about to start; `processes` and `launch` as `RunRecord` has them."""
    config, dataset, placement = setup.config, setup.dataset, setup.placement
    return RunRecord(
        id=folder.id,
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=("cifar-tui", *without_secrets(sys.argv[1:])),
        runs_dir=str(folder.path.parent),
        options=config,
        relative=relative_paths(config, folder.path.parent),
        seed=config.seed,
        dataset=DatasetRecord(
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            train=len(dataset.train),
            validation=len(dataset.validation),
            test=len(dataset.test),
            classes=dataset.classes,
            rules=dataset.rules,
            splits=dataset.splits,
        ),
        device=str(placement.device),
        device_name=placement.name,
        precision=placement.precision,
        threads=placement.threads,
        parameters=setup.parameters,
        versions={
            "cifar-tui": __version__,
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in PACKAGES},
        },
        draws=DRAWS,
        processes=processes,
        launch=launch,
    )


def predictions_of(test: Evaluation, dataset: Dataset, epoch: int) -> Predictions:
    """The predictions of an evaluation of the test images by the weights of this epoch."""
    return Predictions(dataset.test.labels.cpu().numpy(), test.probabilities(), epoch, dataset.fingerprint)


def validation_predictions_of(best: BestPredictions, dataset: Dataset) -> ValidationPredictions:
    """What the best weights predict for the validation images of this data set."""
    top = TopPredictions(
        dataset.validation.labels.cpu().numpy(),
        best.classes.numpy(),
        best.probabilities.numpy(),
        len(dataset.classes),
        best.epoch,
        dataset.fingerprint,
    )
    return ValidationPredictions(top, None if dataset.held_out is None else dataset.held_out.numpy())
