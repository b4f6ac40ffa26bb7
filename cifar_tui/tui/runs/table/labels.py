"""What tells runs of one name apart: when they were started, as shortly as it does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table.fields import started_at

DATE, MINUTE = len("2026-03-14"), len("2026-03-14 15:09")
YEAR = len("2026-")


def run_labels(entries: Iterable[Entry]) -> dict[Entry, str]:
    """What tells runs of one name apart, of all that share theirs.

    It is `15:09` or `03-14 15:09`, or `#3` of one that has not started.
    """
    named: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        named[entry.name].append(entry)
    labels: dict[Entry, str] = {}
    for same in named.values():
        if len(same) > 1:
            times = {entry: started_at(entry.id) for entry in same}
            known = [time for time in times.values() if time]
            first, last = (0 if len({time[:DATE] for time in known}) > 1 else DATE + 1), None
            if len({time[:MINUTE] for time in known}) == len(known):
                last = MINUTE
            if not first and len({time[:YEAR] for time in known}) == 1:
                first = YEAR
            labels |= {entry: time[first:last] or f"#{entry.number + 1}" for entry, time in times.items()}
    return labels


def short_time(run_id: str) -> str:
    """When a run was started: `03-14 15:09`; empty where its id does not say it."""
    return started_at(run_id)[YEAR:MINUTE]
