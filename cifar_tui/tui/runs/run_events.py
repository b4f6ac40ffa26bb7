"""Where the events of all runs come from: own threads, folders that other processes write, and folders of the past."""

from __future__ import annotations

import asyncio
import functools
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions
from cifar_tui.errors import error_text
from cifar_tui.events import Note
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.folder_watcher import FolderUpdates, FolderWatcher
from cifar_tui.tui.runs.reading import WatchedLogs, read_log, read_run
from cifar_tui.tui.runs.run_list import RunList
from cifar_tui.tui.runs.run_options import RunOptions, read_options
from cifar_tui.tui.runtime import background
from cifar_tui.tui.runtime.inbox import Inbox

if TYPE_CHECKING:
    from cifar_tui.events import Level
    from cifar_tui.foreign_logs.foreign_run import ForeignTail
    from cifar_tui.records import Summary
    from cifar_tui.runs.messages import Message
    from cifar_tui.state.run_state import RunState
    from cifar_tui.store.event_reader import Tail

OPTIONS_AT_ONCE = 500
"""Runs whose options are shown together, while the others' are read."""
BURST_SECONDS = 0.05
"""How long messages of the runs' threads are gathered before they are applied."""


@dataclass(frozen=True, slots=True)
class Update:
    """What has just changed in the list of runs; it is all applied there already."""

    changed: set[Entry] = field(default_factory=set)
    """Runs that are to be drawn again."""
    messages: list[tuple[Entry, Message]] = field(default_factory=list)
    """What happened to them, in order."""
    problems: list[tuple[Entry, Level, str]] = field(default_factory=list)
    """What could not be read of them, what their health checks had found before they were read, and what has become of
    their folders."""
    added: list[Entry] = field(default_factory=list)
    """Runs that were found in the folder of runs."""
    rows: bool = False
    """Whether the list has other entries than before."""
    urgent: bool = False
    """Whether someone may be waiting for it: a status has changed."""


class RunEvents:
    """Applies what is reported of runs to the list of them, and hands on what that changed, within the event loop."""

    def __init__(
        self,
        runs: RunList,
        inbox: Inbox,
        runs_dir: Path,
        handle: Callable[[Update], None],
        logs: WatchedLogs | None = None,
        health: HealthOptions = DEFAULT_HEALTH,
    ) -> None:
        self._runs = runs
        self._inbox = inbox
        self.runs_dir = runs_dir
        self._handle = handle
        self._logs = logs
        self._health = health
        self._shown: set[Entry] = set()
        self._warned: defaultdict[Entry, set[Note]] = defaultdict(set)
        """What the health checks of other processes have noted and was handed on."""
        self._reads_options = self._reading_options = False
        self._options_awaited: list[Callable[[], None]] = []
        self._watcher: FolderWatcher | None = None
        self.stopped = False
        """Whether the dashboard is being left."""
        self.has_read = False
        """Whether the folder of runs has been read, for the first time."""

    def start(self) -> None:
        """Hand on what is there, and what comes."""
        on_loop = background.caller()
        self._inbox.open(lambda: on_loop(self._receive_soon))
        catalog = None if self._logs is None else self._logs.catalog()
        self._watcher = FolderWatcher(self.runs_dir, catalog, self._update_from_folders, self._health)

    def stop(self) -> None:
        """Hand on nothing more; messages of threads stay in the inbox from now on."""
        self.stopped = True
        self._inbox.close()
        if self._watcher is not None:
            self._watcher.stop()

    def show(self, entries: Collection[Entry]) -> None:
        """Have the events of these runs read, and read on while other processes write them."""
        self._shown = set(entries)
        for entry in self._shown:
            if entry.is_recorded and not entry.active and entry.unread:
                self._read(entry)
        self._follow()

    def read_options(self, done: Callable[[], None] | None = None) -> None:
        """Have the options of all runs read, from now on also those of runs that are found.

        Args:
            done: Called once all are read, where any is missing now.
        """
        self._reads_options = True
        missing = [(entry, entry.folder) for entry in self._runs if entry.folder is not None and entry.options is None]
        if self.stopped or not missing:
            return
        if done is not None:
            self._options_awaited.append(done)
        if self._reading_options:
            return
        self._reading_options = True
        on_loop = background.caller()

        def read_all() -> None:
            for start in range(0, len(missing), OPTIONS_AT_ONCE):
                part = [(entry, read_options(folder)) for entry, folder in missing[start : start + OPTIONS_AT_ONCE]]
                on_loop(functools.partial(self._add_options, part))

        background.run(read_all, self._options_read, self._fail)

    def _options_read(self, _: None) -> None:
        self._reading_options = False
        awaited, self._options_awaited = self._options_awaited, []
        for done in awaited:
            done()
        self.read_options()  # Some may have been found meanwhile.

    def _add_options(self, found: list[tuple[Entry, RunOptions]]) -> None:
        if not self.stopped:
            self._runs.set_options(found)
            self._handle(Update(rows=True))

    def _fail(self, error: Exception) -> None:
        raise error

    def _receive_soon(self) -> None:
        asyncio.get_running_loop().call_later(BURST_SECONDS, self._receive)

    def _receive(self) -> None:
        if self.stopped:
            return
        before, rows = {entry: (entry.status, entry.id) for entry in self._runs.active}, len(self._runs)
        received = [(self._runs.receive(run, message), message) for run, message in self._inbox.take()]
        messages = [(entry, message) for entry, message in received if entry is not None]
        self._handle(
            Update(
                changed={entry for entry, _ in messages},
                messages=messages,
                # A run that gets its folder may be named otherwise from then on, and others with it.
                rows=len(self._runs) != rows or any(entry.id != run_id for entry, (_, run_id) in before.items()),
                urgent=any(entry.status != status for entry, (status, _) in before.items()),
            )
        )

    def _update_from_folders(self, found: FolderUpdates) -> None:
        if self.stopped:
            return
        first, self.has_read = not self.has_read, True
        names = {entry: entry.full_name for entry in self._runs} if found.renamed else {}
        renamed = self._runs.rename(found.renamed) if found.renamed else []
        removed = self._runs.remove(found.gone) if found.gone else []
        self._shown.difference_update(removed)
        added, changed = self._runs.update_summaries(found.summaries)
        labelled = self._runs.set_labels(found.labels)
        if added and self._reads_options:
            self.read_options()
        for entry in changed:
            self._renew(entry)
        messages: list[tuple[Entry, Message]] = []
        for entry, tail, events in found.events:
            if self._runs.read_on(entry, tail, events):
                messages += [(entry, event) for event in events]
                self._warned[entry].update(event for event in events if isinstance(event, Note) and event.topic)
        self._handle(
            Update(
                changed={*changed, *(entry for entry, _ in messages)},
                messages=messages,
                problems=[
                    *((entry, "info", f"was called {names[entry]} until now") for entry in renamed),
                    *((entry, "info", "was deleted or moved elsewhere") for entry in removed),
                ],
                added=added,
                rows=bool(added or renamed or removed or labelled) or first,
                urgent=bool(changed),
            )
        )

    def _renew(self, entry: Entry) -> None:
        """A summary has changed since the run's events were read: read them again where it is shown."""
        if entry.tail is not None and (entry.external or entry.log is not None):
            return  # Its events say more.
        if entry.external or entry not in self._runs.started:
            if entry.state is not None and entry in self._shown:
                self._read(entry)
            else:
                self._runs.unload(entry)

    def _read(self, entry: Entry) -> None:
        """Read an earlier run's events on a thread."""
        folder, log, logs = entry.folder, entry.log, self._logs

        def read_it() -> tuple[Summary, RunState, Tail | ForeignTail]:
            if log is not None and logs is not None:
                return read_log(log, logs)
            assert folder is not None
            return read_run(folder)

        def done(read: tuple[Summary, RunState, Tail | ForeignTail]) -> None:
            if self.stopped or entry.active or entry not in self._runs:
                return
            self._runs.load(entry, *read)
            self._follow()
            damaged = entry.state is not None and entry.state.started is None
            problems: list[tuple[Entry, Level, str]] = (
                [(entry, "warning", "its events are damaged or missing")] if damaged and entry.log is None else []
            )
            if entry.external and entry.state is not None:
                new = [note for note in entry.state.warnings.values() if note not in self._warned[entry]]
                self._warned[entry].update(new)
                problems += [(entry, note.level, note.message) for note in new]
            self._handle(Update(changed={entry}, problems=problems, urgent=True))

        def failed(error: Exception) -> None:
            if not self.stopped and entry in self._runs:
                self._handle(Update(problems=[(entry, "error", error_text(error))]))

        background.run(read_it, done, failed)

    def _follow(self) -> None:
        tails = self._runs.follow(self._shown)
        if self._watcher is not None:
            self._watcher.follow(tails)
