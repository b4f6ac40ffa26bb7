"""Writes a run's events to its folder, and keeps the files that follow from them up to date."""

from __future__ import annotations

import contextlib
import math
import os
import time
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

    def __init__(
        self,
        folder: RunFolder,
        record: RunRecord | ScriptRecord,
        state: RunState,
        *,
        lazy: bool = False,
    ) -> None:
        """Open the folder for a run whose events so far make `state`.

        Args:
            folder: The run's.
            record: Its configuration.
            state: Of its earlier events.
            lazy: Whether the files that follow from the events are written by `write_due`, and at the end, in place of
                with each epoch.

        Raises:
            OSError: The events file cannot be written.
        """
        self.state = state
        self._folder = folder
        self._record = record
        self._throttle = BatchThrottle()
        self._lazy = lazy
        self._due = False
        """Whether the files that follow from the events are to be written."""
        self._written_at = -math.inf
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
            if (skipped := self._throttle.skipped) is not None:
                self._append(skipped)
            # A reader that waits for the last event finds the files written.
            self.write_due()
            self.write_summary()
        self._append(event)
        if isinstance(event, Epoch | Resumed) or self._trouble:
            self._due = True
        elif isinstance(event, RunStarted | Paused) or (isinstance(event, Note) and event.topic):
            self.write_summary()
        if not self._lazy or self._trouble:
            self.write_due()

    def write_due(self, seconds: float = 0.0) -> None:
        """Write `metrics.csv` and `summary.json` where they are due, and were last written so many seconds ago.

        Raises:
            OSError: One could not be written.
        """
        if not self._due or self._abandoned or time.monotonic() - self._written_at < seconds:
            return
        if self._lazy:
            os.fsync(self._descriptor)
        self._folder.files.write_text(self._folder.metrics_file.name, metrics_csv(self.state))
        self.write_summary()
        self._due, self._written_at = False, time.monotonic()

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
        if isinstance(event, Checkpoint | RunFinished) or (isinstance(event, Epoch) and not self._lazy):
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
