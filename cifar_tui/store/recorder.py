"""Writes a run's events to its folder, and keeps the files that follow from them up to date."""

from __future__ import annotations

import contextlib
import os
from collections import deque

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
from cifar_tui.records import RunRecord, summarize
from cifar_tui.state import RunState
from cifar_tui.store.csv_files import metrics_csv
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.files import RECOVERABLE_ERRORS

MOST_HELD = 10_000
"""Lines of batches that are held back while the disk is full; the others are few, and all are kept."""


class Recorder:
    """The one writer of a run's `events.jsonl`, `metrics.csv` and `summary.json`."""

    def __init__(self, folder: RunFolder, record: RunRecord, state: RunState) -> None:
        """Open the folder for a run whose events so far made `state`.

        Raises:
            OSError: The events file cannot be written.
        """
        self.state = state
        self._folder = folder
        self.run_record = record
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
                self._folder.save_state(self.state)

    def abandon(self) -> None:
        """Write nothing from now on: the run is another process's."""
        self._abandoned = True

    def write_summary(self) -> None:
        """Replace `summary.json`.

        Raises:
            OSError: It could not be written.
        """
        self._folder.write_summary(summarize(self.run_record, self.state))

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
