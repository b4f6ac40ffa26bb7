"""Labels that distinguish runs of one name, wherever they are named: the day and the time of their start."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table.fields import started_at

MINUTE = len("2026-03-14 15:09")
YEAR = len("2026-")


def run_labels(entries: Iterable[Entry]) -> dict[Entry, str]:
    """The labels of the runs that share their name with others.

    It is `03-14 15:09`, with the second where two were started in one minute; `(new)` of one that has not started, and
    `(new 2)` of the second one; `#3` where its id does not say when that was.
    """
    named: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        named[entry.name].append(entry)
    labels: dict[Entry, str] = {}
    for same in named.values():
        if len(same) > 1:
            minutes = Counter(short_time(entry.id) for entry in same)
            new = 0
            for entry in same:
                if not entry.id:
                    new += 1
                    labels[entry] = f"(new {new})" if new > 1 else "(new)"
                    continue
                short = short_time(entry.id)
                labels[entry] = started_at(entry.id)[YEAR:] if minutes[short] > 1 and short else short
                labels[entry] = labels[entry] or f"#{entry.number + 1}"
    return labels


def short_time(run_id: str) -> str:
    """When a run was started: `03-14 15:09`; empty where its id does not say it."""
    return started_at(run_id)[YEAR:MINUTE]
