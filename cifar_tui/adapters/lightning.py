"""Lightning: a logger that takes what a module logs, and a callback that adds progress, validation and stopping.

logger = RunLogger(name="my-net")
trainer = Trainer(max_epochs=30, logger=logger, callbacks=[RunCallback(logger)])
"""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
from lightning.pytorch.utilities import rank_zero_only

from cifar_tui.errors import one_line
from cifar_tui.recording.recording import Recording, record
from cifar_tui.recording.values import single_numbers

VALIDATION, TEST = ("val_", "val/", "valid_", "validation_"), ("test_", "test/")
"""What the names of values begin with that are not the training's."""


class RunLogger(Logger):
    """Records what `self.log` gives Lightning; its arguments are those of `cifar_tui.record`."""

    def __init__(self, name: str = "lightning", **options: Any) -> None:
        super().__init__()
        self._name = name
        self._options = options
        self._recording: Recording | None = None
        self._followed = False

    @property
    def name(self) -> str:
        """What the run's id ends in."""
        return self._name

    @property
    def version(self) -> str:
        """The run's id; empty before it has begun."""
        folder = self._recording.folder if self._recording is not None else None
        return folder.name if folder is not None else ""

    @property
    @rank_zero_experiment
    def experiment(self) -> Recording | None:
        """The recording; None before it begins, with the training."""
        return self._recording

    def begin(self, **plan: Any) -> Recording:
        """The recording; where it has not begun or has ended, another begins with these arguments of `record` too."""
        if self._recording is None or self._recording.ended:
            self._recording = record(self._name, **(plan | self._options)).start()
        return self._recording

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Keep the module's hyperparameters with the run, where it has not begun."""
        given = params if isinstance(params, Mapping) else vars(params)
        self._options["config"] = {**dict(given), **self._options.get("config", {})}

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Record numbers of the training; with the callback, those of validation and test come from there."""
        values = {name: value for name, value in metrics.items() if name != "epoch" and not name.startswith(TEST)}
        if self._followed:
            values = {name: value for name, value in values.items() if not name.startswith(VALIDATION)}
        if not values:
            return
        # Lightning counts steps of the optimizer from 0; the callback counts batches.
        recording = self.begin()
        recording.log(_renamed(values), step=None if self._followed else step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """End the run, unless the callback does."""
        if self._recording is not None and not self._followed:
            self._recording.finish(None if status == "success" else "failed", status)

    def follow(self) -> None:
        """Leave validation, and the end, to the callback."""
        self._followed = True


class RunCallback(Callback):
    """Records progress, validation and test, and stops or pauses the training where somebody asks for it."""

    def __init__(self, logger: RunLogger) -> None:
        self._logger = logger
        logger.follow()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the run."""
        epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
        batches = trainer.num_training_batches
        self._logger.begin(
            epochs=epochs,
            batches=int(batches) if 0 < batches < math.inf else None,
            model=type(pl_module).__name__,
        )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin an epoch."""
        self._recording.start_epoch(trainer.current_epoch + 1)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> int | None:
        """Wait while the run is paused; leave the epoch where it is to stop."""
        if self._recording.start_batch():
            return None
        trainer.should_stop = True
        return -1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record the loss and the learning rate of the batch."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        values = {} if loss is None else {"loss": loss}
        if trainer.optimizers:
            values["lr"] = trainer.optimizers[0].param_groups[0]["lr"]
        self._recording.log(values)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the validation of an epoch."""
        recording = self._logger.experiment
        if recording is not None and trainer.state.fn == "fit" and not trainer.sanity_checking:
            recording.validated(**_of(trainer, VALIDATION))

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the test, in a run that `fit` has begun."""
        recording = self._logger.experiment
        if recording is not None:
            recording.tested(**_of(trainer, TEST))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End an epoch; one that was stopped is stopped in all processes."""
        self._recording.end_epoch()
        if self._recording.agree_to_stop():
            trainer.should_stop = True

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the run."""
        self._recording.finish()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the run with the error."""
        interrupted = isinstance(exception, KeyboardInterrupt)
        self._recording.finish("interrupted" if interrupted else "failed", one_line(exception))

    @property
    def _recording(self) -> Recording:
        return self._logger.begin()


def _of(trainer: Trainer, prefixes: tuple[str, ...]) -> dict[str, Any]:
    """The values of this split, by their names without the prefix."""
    found = {}
    for name, value in trainer.callback_metrics.items():
        for prefix in prefixes:
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = value
    return _renamed(found)


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The names that all runs have, for those that Lightning's users give them."""
    names = {"train_loss": "loss", "train/loss": "loss", "acc": "accuracy", "train_acc": "accuracy"}
    return single_numbers({names.get(name, name): value for name, value in values.items()})
