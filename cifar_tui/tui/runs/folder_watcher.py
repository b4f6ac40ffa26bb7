"""Runs that other processes train: what is new in their folders, read on a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions
from cifar_tui.errors import InputError
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime import background

if TYPE_CHECKING:
    from cifar_tui.analysis.health.silence import Silence
    from cifar_tui.events import AnyEvent
    from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail
    from cifar_tui.foreign_logs.log_catalog import LogCatalog
    from cifar_tui.records import Labels, Summary
    from cifar_tui.store.event_reader import Tail
    from cifar_tui.store.run_folder import RunFolder

TAIL_SECONDS = 0.4
"""How often the events of the runs that are shown are read."""
TAILS_PER_POLL = 5
"""How often that is for each time that the summaries of all runs are looked at."""


@dataclass(frozen=True, slots=True)
class FolderUpdates:
    """What was new in the folders at one look."""

    summaries: list[tuple[RunFolder | ForeignRun, Summary]] = field(default_factory=list)
    """Runs that are new, or whose summaries have changed."""
    events: list[tuple[Entry, Tail | ForeignTail, list[AnyEvent]]] = field(default_factory=list)
    """New events of those that are followed."""
    labels: list[tuple[RunFolder, Labels]] = field(default_factory=list)
    """Of runs that have any, or whose labels have changed."""
    renamed: list[tuple[RunFolder, RunFolder]] = field(default_factory=list)
    """Runs whose folders have another name now: as they were, and as they are."""
    gone: list[RunFolder] = field(default_factory=list)
    """Runs whose folders are there no more."""


class FolderWatcher:
    """Looks at the runs of a folder, and at logs, until `stop`; `handle` is called within the event loop."""

    def __init__(
        self,
        runs_dir: Path,
        logs: LogCatalog | None,
        handle: Callable[[FolderUpdates], None],
        health: HealthOptions = DEFAULT_HEALTH,
    ) -> None:
        from cifar_tui.store.catalog import Watcher

        self._catalog, self._logs = Watcher(runs_dir), logs
        self._looks = 0
        self._tails: Mapping[Entry, Tail | ForeignTail] = {}
        self._health = health
        self._silences: dict[Entry, Silence] = {}
        self._watch = background.Watch(self._look, handle, TAIL_SECONDS)

    def follow(self, tails: Mapping[Entry, Tail | ForeignTail]) -> None:
        """Read the events of these runs from now on, and of no others."""
        self._tails = tails

    def stop(self) -> None:
        """Hand on nothing more."""
        self._watch.stop()

    def _look(self) -> FolderUpdates:
        updates = FolderUpdates()
        if self._looks % TAILS_PER_POLL == 0:
            updates.summaries.extend(self._logs.poll() if self._logs is not None else [])
            found = self._catalog.poll()
            updates.summaries.extend(found.summaries)
            updates.labels.extend(found.labels)
            updates.renamed.extend(found.renamed)
            updates.gone.extend(found.gone)
        self._looks += 1
        for entry, tail in self._tails.items():
            try:
                events = tail.read()
            except InputError:
                continue  # It may be readable again at the next look.
            if entry.log is None:
                events = [*events, *self._silence(entry, events)]
            if events:
                updates.events.append((entry, tail, events))
        self._silences = {entry: each for entry, each in self._silences.items() if entry in self._tails}
        return updates

    def _silence(self, entry: Entry, events: Sequence[AnyEvent]) -> Sequence[AnyEvent]:
        """What it says that a run's process writes nothing, or writes again."""
        from cifar_tui.analysis.health.silence import Silence

        now = time.monotonic()
        if entry not in self._silences:
            self._silences[entry] = Silence(self._health)
            if entry.state is not None and (usage := entry.state.usage.get("0")) is not None:
                self._silences[entry].look(now, [usage], alive=True)
        return self._silences[entry].look(now, events, alive=entry.external)
