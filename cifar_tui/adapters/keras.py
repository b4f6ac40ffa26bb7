"""Keras 3: `model.fit(…, callbacks=[RunCallback(name="my-net")])`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras.callbacks import Callback

from cifar_tui.recording.recording import Recording, record
from cifar_tui.recording.values import single_numbers

VALIDATION = "val_"
ACCURACIES = ("sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy", "acc")
"""What Keras calls the metric that `metrics=["accuracy"]` stands for, where it is asked for by its own name."""


class RunCallback(Callback):  # type: ignore[misc]  # Keras has no types.
    """Records what `fit` reports, and stops it where somebody asks for it.

    Its arguments are those of `cifar_tui.record`. The values of batches are Keras's means over the epoch so far; what
    is no single number is left out. `fit` does not report an exception: a run that one ends is interrupted, at the
    latest when `fit` is called again.
    """

    def __init__(self, name: str = "keras", **options: Any) -> None:
        super().__init__()
        self._name = name
        self._options = options
        self._recording: Recording | None = None

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begin the run."""
        if self._recording is not None:
            self._recording.finish("interrupted", "fit ended with an exception")
        plan = {
            "epochs": self.params.get("epochs"),
            "batches": self.params.get("steps"),
            "model": getattr(self.model, "name", None),
        }
        self._recording = record(self._name, **(plan | self._options)).start()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Begin an epoch."""
        self._running.start_epoch(epoch + 1)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Wait while the run is paused; after this batch, stop where that was asked for."""
        if not self._running.start_batch():
            self.model.stop_training = True

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the batch."""
        optimizer = getattr(self.model, "optimizer", None)
        rate = {} if optimizer is None else {"lr": float(optimizer.learning_rate)}
        self._running.log({**_renamed(logs or {}), **rate})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the validation, and end the epoch."""
        validation = {
            name.removeprefix(VALIDATION): value for name, value in (logs or {}).items() if name.startswith(VALIDATION)
        }
        if validation:
            self._running.validated(**_renamed(validation))
        trained = _renamed(logs or {})
        self._running.end_epoch({name: trained[name] for name in ("loss", "accuracy") if name in trained})

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """End the run."""
        self._running.finish()

    @property
    def _running(self) -> Recording:
        assert self._recording is not None
        return self._recording


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"accuracy" if name in ACCURACIES else name: value for name, value in values.items()}
    return single_numbers(renamed)
