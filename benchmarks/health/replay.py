"""Fold recorded runs through the health check, and print what it says of each: `python -m benchmarks.health.replay`.

    python -m benchmarks.health.replay runs/*/events.jsonl

Ordinary runs are to be silent. The time of an event is printed too: it is what the check costs a training.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.events import AnyEvent, EventError, from_json
from cifar_tui.formatting import duration


def events_of(path: Path) -> list[AnyEvent]:
    """The events of a stream; lines that cannot be read are left out."""
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(from_json(line))
        except EventError:
            continue
    return found


def patience_of(folder: Path) -> int | None:
    """How long a run's early stopping waits; None where it has none."""
    try:
        return int(json.loads((folder / "config.json").read_text())["options"]["patience"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def main() -> None:
    """Replay the streams that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("streams", nargs="+", type=Path, help="events.jsonl of runs")
    parser.add_argument("--quiet", action="store_true", help="print only the runs with findings")
    arguments = parser.parse_args()
    count, seconds, silent = 0, 0.0, 0
    for path in arguments.streams:
        events, check = events_of(path), HealthCheck(patience=patience_of(path.parent))
        began = time.perf_counter()
        notes = [note for event in events for note in check.apply(event)]
        seconds, count = seconds + time.perf_counter() - began, count + len(events)
        silent += not notes
        if notes or not arguments.quiet:
            print(f"{path.parent.name}: {len(events)} events, {len(notes)} notes")
        for note in notes:
            print(f"  {duration(note.t)} {note.topic}: {note.message}")
    print(f"{silent} of {len(arguments.streams)} runs are silent; {1e6 * seconds / max(count, 1):.1f} µs an event")


if __name__ == "__main__":
    main()
