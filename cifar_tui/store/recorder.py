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
    DeviceUsage,
    Epoch,
    Metric,
    Note,
    Paused,
    Resumed,
    RunFinished,
    RunStarted,
    to_json,
)
from cifar_tui.records import RunRecord, ScriptRecord, summarize
from cifar_tui.state.run_state import RunState
from cifar_tui.store.csv_files import metrics_csv
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.files import RECOVERABLE_ERRORS

MAX_BUFFERED = 10_000
"""Buffered lines of batches while the disk is full; the other events are few, and all are buffered."""


class Recorder:
    """The one writer of a run's `events.jsonl`, `metrics.csv` and `summary.json`."""

    def __init__(self, folder: RunFolder, record: RunRecord | ScriptRecord, state: RunState) -> None:
        """Open the folder for a run whose events so far make `state`.

        Raises:
            OSError: The events file cannot be written.
        """
        self.state = state
        self._folder = folder
        self._record = record
        self._throttle = BatchThrottle()
        self._abandoned = False
        self._descriptor = folder.files.open_to_append(folder.events_file.name)
        _drop_torn_line(self._descriptor)
        self._buffered: deque[bytes] = deque()
        """Lines that are not written yet, in order; of the first, the rest of it."""
        self._reported = ""
        self._trouble = ""
        """Why not everything is written."""
        self.write_summary()

    def record(self, event: AnyEvent) -> None:
        """Update the state, and write the event: batches ten times a second at most, the others always.

        What does not fit on a full disk is buffered and written later; only the run's end must be written.

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
        """A note when writing starts to fail, and one when it works again; each once."""
        before, self._reported = self._reported, self._trouble
        if self._trouble and not before:
            message = f"the run's events cannot be written: {self._trouble}; training continues, events are buffered"
            return [Note(t=t, level="warning", message=message)]
        if before and not self._trouble:
            return [Note(t=t, level="info", message="the run's events can be written again; none is missing")]
        return []

    def _write(self, event: AnyEvent) -> None:
        if isinstance(event, RunFinished):
            # A reader that waits for the last event finds the summary written.
            self.write_summary()
        self._append(event)
        if isinstance(event, Epoch | Resumed) or self._trouble:
            self._folder.files.write_text(self._folder.metrics_file.name, metrics_csv(self.state))
        is_topical = isinstance(event, Note) and bool(event.topic)
        if isinstance(event, RunStarted | Epoch | Paused | Resumed) or is_topical or self._trouble:
            self.write_summary()

    def close(self) -> None:
        """Close the events file, and save the state of a long run."""
        os.close(self._descriptor)
        if not self._abandoned:
            with contextlib.suppress(OSError):  # It only saves time.
                self._folder.save_state(self.state)

    def abandon(self) -> None:
        """Write nothing from now on: another process owns the run."""
        self._abandoned = True

    def write_summary(self) -> None:
        """Replace `summary.json`.

        Raises:
            OSError: It could not be written.
        """
        self._folder.write_summary(summarize(self._record, self.state))

    def _append(self, event: AnyEvent) -> None:
        if not (isinstance(event, Batch | Metric | DeviceUsage) and len(self._buffered) >= MAX_BUFFERED):
            self._buffered.append((to_json(event) + "\n").encode())
        while self._buffered:
            # A full disk may take part of a line; the next call raises.
            line = self._buffered[0]
            left = line[os.write(self._descriptor, line) :]
            if left:
                self._buffered[0] = left
            else:
                self._buffered.popleft()
        if isinstance(event, Epoch | Checkpoint | RunFinished):
            os.fsync(self._descriptor)


def _drop_torn_line(descriptor: int) -> None:
    """Remove a last line that a crash left incomplete, so that the next event starts a line of its own."""
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
