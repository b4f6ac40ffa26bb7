"""Hugging Face's Trainer: `Trainer(…, callbacks=[RunCallback(name="my-net")])`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cifar_tui.recording.recording import Recording, record
from cifar_tui.recording.values import single_numbers

NAMES = {"learning_rate": "lr"}
EVALUATION = "eval_"
OTHERS, NOT_METRICS = (EVALUATION, "train_"), ("epoch", "step", "total_flos")
"""What is logged besides: evaluations, and at the end the times of the whole training."""
ROUNDING = 1e-6
"""Of the fraction of epochs that the Trainer counts."""


class RunCallback(TrainerCallback):
    """Records what the Trainer logs and evaluates, and stops it where somebody asks for it.

    Its arguments are those of `cifar_tui.record`. The Trainer does not report an exception: a run that one ends is
    interrupted, at the latest when `train` is called again.
    """

    def __init__(self, name: str = "transformers", **options: Any) -> None:
        self._name = name
        self._options = options
        self._recording: Recording | None = None
        self._in_epoch = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin the run."""
        if self._recording is not None:
            self._recording.finish("interrupted", "train ended with an exception")
        model = kwargs.get("model")
        epochs = math.ceil(args.num_train_epochs) if args.max_steps <= 0 else None
        plan = {
            "epochs": epochs,
            "batches": max(1, state.max_steps // epochs) if epochs and state.max_steps else None,
            "model": type(model).__name__ if model is not None else None,
            "config": args.to_dict(),
        }
        self._recording = record(self._name, **(plan | self._options)).start()

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin an epoch."""
        if self._recording is not None:
            self._end_epoch()
            self._recording.start_epoch(int((state.epoch or 0) + ROUNDING) + 1)
            self._in_epoch = True

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Wait while the run is paused; after this step, stop where that was asked for."""
        if self._recording is not None and not self._recording.start_batch():
            control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Of several processes, stop or pause all."""
        if self._recording is not None and self._recording.agree_to_stop():
            control.should_training_stop = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Record numbers of the training."""
        values = {
            NAMES.get(name, name): value
            for name, value in single_numbers(logs or {}).items()
            if not name.startswith(OTHERS) and name not in NOT_METRICS
        }
        if self._recording is not None and values:
            self._recording.log(values, step=state.global_step)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Record a validation."""
        values = {
            name.removeprefix(EVALUATION): value
            for name, value in (metrics or {}).items()
            if name.startswith(EVALUATION)
        }
        if self._recording is not None and state.is_world_process_zero:
            self._recording.validated(**single_numbers(values))

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the run."""
        if self._recording is not None:
            self._end_epoch()
            self._recording.finish()

    def _end_epoch(self) -> None:
        # The Trainer evaluates behind the end of an epoch.
        if self._in_epoch and self._recording is not None:
            self._recording.end_epoch()
        self._in_epoch = False
