"""The state that a long run's events make, kept beside them: a million events need not be read to show the run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, get_args

from cifar_tui.events import Event, EventError, RunStatus, from_json, to_json
from cifar_tui.state import Curve, Point, RunState, Speed
from cifar_tui.system import bounded_json
from cifar_tui.system.folders import Folder

LEAST_BYTES = 1_000_000
"""Shorter streams are read faster than one can see."""
MOST_BYTES = 32_000_000
MOST_MEMORY = 100_000_000
"""What the file may hold, and what its values may take: those of a larger one are read from the events."""
_TAIL = 4096
"""How much of the stream's end tells it from another."""
_LAYOUT = [[field.name for field in fields(kind)] for kind in (RunState, Curve, Point, Speed)]
"""What a file must have been written with: another version's state may be another one."""


def write(state: RunState, events_file: Path, file: Path) -> None:
    """Keep the state that all of `events_file` makes, if that is long.

    Raises:
        OSError: It could not be written.
    """
    status = Folder(events_file.parent).status(events_file.name)
    size = status.st_size if status else 0
    if size < LEAST_BYTES:
        return
    content = {
        "layout": _LAYOUT,
        "bytes": size,
        "tail": _tail(events_file, size),
        "state": {field.name: _plain(getattr(state, field.name)) for field in fields(state)},
    }
    text = json.dumps(content, separators=(",", ":")) + "\n"
    if len(text) <= MOST_BYTES:
        Folder(file.parent).write_text(file.name, text)


def read(events_file: Path, file: Path) -> tuple[RunState, int]:
    """The state that was kept, and how many bytes of `events_file` made it; an empty one and 0 where none fits."""
    try:
        text = Folder(file.parent).read_bytes(file.name, MOST_BYTES).decode()
        content = bounded_json.parse(text, MOST_MEMORY)
        del text
        size = content["bytes"]
        if content["layout"] == _LAYOUT and size >= LEAST_BYTES and content["tail"] == _tail(events_file, size):
            return _state(content["state"]), size
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, EventError):
        pass  # Missing, or damaged: the events tell it all.
    return RunState(), 0


def _tail(events_file: Path, size: int) -> str:
    with Folder(events_file.parent).open_to_read(events_file.name) as file:
        file.seek(max(0, size - _TAIL))
        return hashlib.sha256(file.read(min(size, _TAIL))).hexdigest()


def _plain(value: Any) -> Any:
    """What JSON can hold; an event is the line that it is in the stream."""
    if isinstance(value, Event):
        return to_json(value)  # type: ignore[arg-type]
    if isinstance(value, Curve):
        return {"points": [astuple(point) for point in value.points], "values_per_point": value.values_per_point}
    if isinstance(value, Speed):
        return astuple(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _state(content: dict[str, Any]) -> RunState:
    if content["status"] not in get_args(RunStatus):
        raise ValueError(content["status"])
    state = RunState()
    for field in fields(state):
        value = content[field.name]
        default = getattr(state, field.name)
        if isinstance(default, Curve):
            value = Curve([_point(*point) for point in value["points"]], max(1, int(value["values_per_point"])))
        elif isinstance(default, Speed):
            samples, seconds, measured, latest = value
            value = Speed(float(samples), float(seconds), _place(measured), _place(latest))
        elif isinstance(default, list):
            value = [from_json(line) for line in value]
        elif isinstance(default, int | float):
            value = type(default)(value)
        elif field.name == "paused_at":
            value = None if value is None else float(value)
        elif field.name != "status":
            value = None if value is None else from_json(value)
        setattr(state, field.name, value)
    return state


def _point(first: Any, last: Any, *values: Any) -> Point:
    *numbers, count = values
    t, mean, low, high = map(float, numbers)
    return Point(int(first), int(last), t, mean, low, high, int(count))


def _place(value: Any) -> tuple[int, float] | None:
    return None if value is None else (int(value[0]), float(value[1]))
