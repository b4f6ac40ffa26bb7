"""Runs that other processes train: what their folders tell, read on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.errors import InputError
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime import background

if TYPE_CHECKING:
    from cifar_tui.events import AnyEvent
    from cifar_tui.records import Summary
    from cifar_tui.store.events_file import Tail
    from cifar_tui.store.run_folder import RunFolder

TAIL_SECONDS = 0.4
"""How often the runs that are shown are looked at."""
LOOKS_PER_POLL = 5
"""How many such looks there are for each at all runs."""


@dataclass(frozen=True, slots=True)
class News:
    """What there was to see in one look."""

    changed: list[tuple[RunFolder, Summary]] = field(default_factory=list)
    """Runs that are new, or whose summaries have changed."""
    told: list[tuple[Entry, Tail, list[AnyEvent]]] = field(default_factory=list)
    """What the streams of those that are followed have grown by."""


class Elsewhere:
    """Looks at the runs of a folder from its making until `stop`; `news` is called within the event loop."""

    def __init__(self, runs_dir: Path, news: Callable[[News], None]) -> None:
        from cifar_tui.store.catalog import Watcher

        self._catalog = Watcher(runs_dir)
        self._looks = 0
        self._tails: Mapping[Entry, Tail] = {}
        self._watch = background.Watch(self._look, news, TAIL_SECONDS)

    def follow(self, tails: Mapping[Entry, Tail]) -> None:
        """Tell of these streams from now on, and of no others."""
        self._tails = tails

    def stop(self) -> None:
        """Tell nothing any more."""
        self._watch.stop()

    def _look(self) -> News:
        news = News(changed=self._catalog.poll() if self._looks % LOOKS_PER_POLL == 0 else [])
        self._looks += 1
        for entry, tail in self._tails.items():
            try:
                events = tail.read()
            except InputError:
                continue  # It may be there again at the next look.
            if events:
                news.told.append((entry, tail, events))
        return news
