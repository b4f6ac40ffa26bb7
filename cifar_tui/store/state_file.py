"""`state.json`: the state that a long run's events make, so that a million events need not be read to show the run.

The file is one JSON object in lines. The first line holds all but the validations, each of which has a line of its own,
as in the stream: their confusion matrices are most of a run of many classes, and are read one at a time. In a file of
one line, which earlier versions wrote, the validations are among the rest. Each other event is a string, its line in
the stream.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import astuple, fields
from typing import Any, BinaryIO

from cifar_tui.events import MAX_LINE, AnyEvent, Evaluated, Event, from_json, to_json
from cifar_tui.state.curve import Curve, Point
from cifar_tui.state.run_state import RunState
from cifar_tui.state.speed import Speed
from cifar_tui.store.event_reader import EVENTS
from cifar_tui.system.folders import Folder
from cifar_tui.system.untrusted import bounded_json, codec

STATE = "state.json"
MIN_BYTES = 1_000_000
"""Shorter streams are read faster than one can see."""
MAX_BYTES = 64_000_000
"""Of the file: the state of a longer one is read from the events."""
MAX_HEAD = 32_000_000
MAX_MEMORY = 100_000_000
"""Of the first line, and of its values."""
_ENDS = b'"validations":[\n', b"]}\n"
"""Of the first line, and of the file."""
_TAIL = 4096
"""How much of the stream's end is hashed to tell it from another."""
_VALIDATIONS = ("validations", "matrix_cells", "matrices_dropped")
"""Fields of a state that its validations make."""
_DERIVED = ("matrix_cells", "matrices_dropped")
_LAYOUT = [
    [field.name for field in fields(kind) if field.name not in _DERIVED] for kind in (RunState, Curve, Point, Speed)
]
"""What a file must have been written with: another version's state may have other fields."""


def write(state: RunState, folder: Folder) -> None:
    """Save the state that all events of a run's folder make, if they are long.

    Raises:
        OSError: It could not be written.
    """
    status = folder.status(EVENTS)
    size = status.st_size if status else 0
    if size < MIN_BYTES:
        return
    content = {
        "layout": _LAYOUT,
        "bytes": size,
        "tail": _hash_of_tail(folder, size),
        "state": {
            field.name: _encode(getattr(state, field.name)) for field in fields(state) if field.name not in _VALIDATIONS
        },
    }
    head = json.dumps(content, separators=(",", ":")).encode()[:-1] + b"," + _ENDS[0]
    lines, length = [head], len(head) + len(_ENDS[1])
    for number, event in enumerate(state.validations):
        lines.append(b"," * bool(number) + to_json(event).encode() + b"\n")
        length += len(lines[-1])
        if length > MAX_BYTES:
            return
    if len(head) <= MAX_HEAD:
        folder.write_bytes(STATE, b"".join([*lines, _ENDS[1]]))


def read(folder: Folder) -> tuple[RunState, int]:
    """The state that was saved, and how many bytes of events made it; an empty one and 0 where none fits."""
    try:
        with folder.open_to_read(STATE, MAX_BYTES) as stream:
            head = stream.readline(MAX_HEAD)
            in_lines = head.endswith(_ENDS[0])
            content = bounded_json.parse((head + _ENDS[1] if in_lines else head).decode(), MAX_MEMORY)
            size = content["bytes"]
            if content["layout"] == _LAYOUT and size >= MIN_BYTES and content["tail"] == _hash_of_tail(folder, size):
                state = _decode(content["state"])
                for event in _validations(stream) if in_lines else map(from_json, content["state"]["validations"]):
                    _keep(state, event, whole=not in_lines)
                return state, size
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        pass  # It is missing or damaged; the events have it all.
    return RunState(), 0


def _hash_of_tail(folder: Folder, size: int) -> str:
    with folder.open_to_read(EVENTS) as file:
        file.seek(max(0, size - _TAIL))
        return hashlib.sha256(file.read(min(size, _TAIL))).hexdigest()


def _encode(value: Any) -> Any:
    if isinstance(value, Event):
        return to_json(value)  # type: ignore[arg-type]
    if isinstance(value, Curve):
        points = [astuple(point) for point in value.points]
        return {
            "points": points,
            "latest": value.latest,
            "values_per_point": value.values_per_point,
            "most": value.most,
        }
    if isinstance(value, Speed):
        return astuple(value)
    if isinstance(value, dict):
        return {name: _encode(item) for name, item in value.items()}
    return [_encode(item) for item in value] if isinstance(value, list) else value


def _decode(content: dict[str, Any]) -> RunState:
    names = {field.name for field in fields(RunState)}.difference(_VALIDATIONS)
    # No field may be missing, though each has a default.
    state = {name: _parsed(content[name]) if name != "status" else content[name] for name in names}
    return codec.decode(RunState, state)


def _parsed(value: Any) -> Any:
    """A value with the strings in it, which are events, as objects."""
    if isinstance(value, str):
        return bounded_json.parse(value, MAX_MEMORY)
    if isinstance(value, dict):
        return {name: _parsed(item) if isinstance(item, str) else item for name, item in value.items()}
    return [_parsed(item) for item in value] if isinstance(value, list) else value


def _validations(stream: BinaryIO) -> Iterator[AnyEvent]:
    while (line := stream.readline(MAX_LINE)) != _ENDS[1]:
        yield from_json(line.removeprefix(b",").decode())


def _keep(state: RunState, event: AnyEvent, *, whole: bool) -> None:
    """Append a validation; `whole` where it must have its matrix: a file of one line may lack some that fit."""
    if not isinstance(event, Evaluated) or (whole and not len(event.confusion)):
        raise ValueError(event.type)
    state.add_validation(event)
