"""The state that a long run's events make, kept beside them: a million events need not be read to show the run.

The file is one JSON object in lines. The first line holds all but the validations, each of which has a line of its own,
as in the stream: their confusion matrices are most of a run of many classes, and are read one at a time. In a file of
one line, the validations are among the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, BinaryIO, get_args

from cifar_tui.events import AnyEvent, Evaluated, Event, EventError, RunStatus, from_json, to_json
from cifar_tui.state import Curve, Point, RunState, Speed
from cifar_tui.store.stream import MOST_LINE
from cifar_tui.system import bounded_json
from cifar_tui.system.folders import Folder

LEAST_BYTES = 1_000_000
"""Shorter streams are read faster than one can see."""
MOST_BYTES = 64_000_000
"""What the file may hold: the state of a longer one is read from the events."""
MOST_HEAD = 32_000_000
MOST_MEMORY = 100_000_000
"""What its first line may hold, and what the values of that may take."""
_ENDS = b'"validations":[\n', b"]}\n"
"""Of the first line, and of the file."""
_TAIL = 4096
"""How much of the stream's end tells it from another."""
_VALIDATIONS = ("validations", "cells", "bare")
"""What of a state the validations make."""
_DERIVED = ("cells", "bare")
_LAYOUT = [
    [field.name for field in fields(kind) if field.name not in _DERIVED] for kind in (RunState, Curve, Point, Speed)
]
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
        "state": {
            field.name: _plain(getattr(state, field.name)) for field in fields(state) if field.name not in _VALIDATIONS
        },
    }
    head = json.dumps(content, separators=(",", ":")).encode()[:-1] + b"," + _ENDS[0]
    lines, length = [head], len(head) + len(_ENDS[1])
    for number, event in enumerate(state.validations):
        lines.append(b"," * bool(number) + to_json(event).encode() + b"\n")
        length += len(lines[-1])
        if length > MOST_BYTES:
            return
    if len(head) <= MOST_HEAD:
        Folder(file.parent).write_bytes(file.name, b"".join([*lines, _ENDS[1]]))


def read(events_file: Path, file: Path) -> tuple[RunState, int]:
    """The state that was kept, and how many bytes of `events_file` made it; an empty one and 0 where none fits."""
    try:
        with Folder(file.parent).open_to_read(file.name, MOST_BYTES) as stream:
            head = stream.readline(MOST_HEAD)
            in_lines = head.endswith(_ENDS[0])
            content = bounded_json.parse((head + _ENDS[1] if in_lines else head).decode(), MOST_MEMORY)
            size = content["bytes"]
            if content["layout"] == _LAYOUT and size >= LEAST_BYTES and content["tail"] == _tail(events_file, size):
                state = _state(content["state"])
                for event in _validations(stream) if in_lines else map(from_json, content["state"]["validations"]):
                    _keep(state, event, whole=not in_lines)
                return state, size
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
        if field.name in _VALIDATIONS:
            continue
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


def _validations(stream: BinaryIO) -> Iterator[AnyEvent]:
    while (line := stream.readline(MOST_LINE)) != _ENDS[1]:
        yield from_json(line.removeprefix(b",").decode())


def _keep(state: RunState, event: AnyEvent, *, whole: bool) -> None:
    """Append a validation; `whole` where it must have its matrix: a file of one line may lack some that fit."""
    if not isinstance(event, Evaluated) or (whole and not len(event.confusion)):
        raise ValueError(event.type)
    state.keep_validation(event)


def _point(first: Any, last: Any, *values: Any) -> Point:
    *numbers, count = values
    t, mean, low, high = map(float, numbers)
    return Point(int(first), int(last), t, mean, low, high, int(count))


def _place(value: Any) -> tuple[int, float] | None:
    return None if value is None else (int(value[0]), float(value[1]))
