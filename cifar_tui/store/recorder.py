"""Writes a run's events to its folder, and keeps the files that follow from them up to date."""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from typing import Any

from cifar_tui.events import (
    AnyEvent,
    Batch,
    BatchThrottle,
    Checkpoint,
    Epoch,
    Note,
    Paused,
    Resumed,
    RunFinished,
    RunStarted,
    to_json,
)
from cifar_tui.state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.tables import metrics_csv
from cifar_tui.system.files import RECOVERABLE_ERRORS

MOST_HELD = 10_000
"""Lines of batches that are held back while the disk is full; the others are few, and all are kept."""


class Recorder:
    """The one writer of a run's `events.jsonl`, `metrics.csv` and `summary.json`."""

    def __init__(self, folder: RunFolder, config: dict[str, Any], state: RunState) -> None:
        """Open the folder for a run whose events so far made `state`.

        Raises:
            OSError: The events file cannot be written.
        """
        self.state = state
        self._folder = folder
        self.config = config
        self._throttle = BatchThrottle()
        self._abandoned = False
        self._descriptor = folder.files.open_to_append(folder.events_file.name)
        _drop_torn_line(self._descriptor)
        self._held: deque[bytes] = deque()
        """Lines that the disk has not taken yet, in order; of the first, what is left of it."""
        self._told = ""
        self._trouble = ""
        """Why not all is written that should be."""
        self.write_summary()

    def record(self, event: AnyEvent) -> None:
        """Take in the run's next event: batches reach the disk ten times a second at most, the others always.

        What a full disk does not take is held back and written later; only at the run's end must it be.

        Raises:
            OSError: The folder is gone, or it is the run's end and the disk is full.
        """
        self.state.apply(event)
        if self._abandoned or not self._throttle.admits(event):
            return
        try:
            self._write(event)
            self._trouble = ""
        except OSError as error:
            if isinstance(event, RunFinished) or error.errno not in RECOVERABLE_ERRORS:
                raise
            self._trouble = error.strerror or str(error)

    def trouble(self, t: float) -> list[Note]:
        """What there is to say of the writing: that it does not go on, or that it does again; each once."""
        before, self._told = self._told, self._trouble
        if self._trouble and not before:
            said = f"the run's events cannot be written: {self._trouble}; training goes on, they are held back"
            return [Note(t=t, level="warning", message=said)]
        if before and not self._trouble:
            return [Note(t=t, level="info", message="the run's events can be written again; none is missing")]
        return []

    def _write(self, event: AnyEvent) -> None:
        if isinstance(event, RunFinished):
            # Whoever waits for the last event finds the summary written.
            self.write_summary()
        self._append(event)
        if isinstance(event, Epoch | Resumed) or self._trouble:
            self._folder.files.write_text(self._folder.metrics_file.name, metrics_csv(self.state))
        if isinstance(event, RunStarted | Epoch | Paused | Resumed) or self._trouble:
            self.write_summary()

    def close(self) -> None:
        """Write no more."""
        os.close(self._descriptor)
        if not self._abandoned:
            with contextlib.suppress(OSError):  # It only saves time.
                self._folder.keep_state(self.state)

    def abandon(self) -> None:
        """Write nothing from now on: the run is another process's."""
        self._abandoned = True

    def write_summary(self) -> None:
        """Replace `summary.json`.

        Raises:
            OSError: It could not be written.
        """
        text = json.dumps(summary(self.config, self.state), indent=2)
        self._folder.files.write_text(self._folder.summary_file.name, text + "\n")

    def _append(self, event: AnyEvent) -> None:
        if not (isinstance(event, Batch) and len(self._held) >= MOST_HELD):
            self._held.append((to_json(event) + "\n").encode())
        while self._held:
            # A full disk may take part of a line; the next call raises then.
            line = self._held[0]
            left = line[os.write(self._descriptor, line) :]
            if left:
                self._held[0] = left
            else:
                self._held.popleft()
        if isinstance(event, Epoch | Checkpoint | RunFinished):
            os.fsync(self._descriptor)


def summary(config: dict[str, Any], state: RunState) -> dict[str, Any]:
    """The run in numbers: accuracies are fractions, `seconds` without pauses; what is not known yet is None."""
    best, test = state.best, state.test
    return {
        "id": config["id"],
        "created": config["created"],
        "model": config["options"]["model"],
        "data": config["dataset"]["name"],
        "state": state.status,
        "message": state.finished.message if state.finished else "",
        "epochs": len(state.epochs),
        "planned_epochs": config["options"]["epochs"],
        "samples": state.samples,
        "best_epoch": best.epoch if best else None,
        "best_val_accuracy": best.val_accuracy if best else None,
        "first_val_accuracy": state.epochs[0].val_accuracy if state.epochs else None,
        "train_accuracy": state.epochs[-1].train_accuracy if state.epochs else None,
        "test_loss": test.loss if test else None,
        "test_accuracy": test.accuracy if test else None,
        "seconds": round(state.seconds, 3),
        "images_per_second": round(state.training_speed, 1) if state.training_speed is not None else None,
        "parameters": config["parameters"],
        "device": state.started.device if state.started else config["device"],
        "device_name": next(
            (event.device_name for event in reversed(state.resumptions) if event.device_name), config["device_name"]
        ),
        "precision": state.started.precision if state.started else config["precision"],
        "seed": config["seed"],
    }


def _drop_torn_line(descriptor: int) -> None:
    """Cut a last line that a crash left without its end, so that the next event begins a line of its own."""
    end = position = os.fstat(descriptor).st_size
    while position:
        start = max(0, position - 65536)
        newline = os.pread(descriptor, position - start, start).rfind(b"\n")
        if newline >= 0:
            position = start + newline + 1
            break
        position = start
    if position < end:
        os.ftruncate(descriptor, position)
