"""JSON lines: an object of named numbers in each."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cifar_tui.foreign_logs.formats.growing_file import MAX_LINE
from cifar_tui.foreign_logs.formats.line_log import LineLog
from cifar_tui.foreign_logs.formats.log_reader import MAX_NAME, MAX_NAMES, Piece
from cifar_tui.foreign_logs.formats.log_rows import rows_of_objects
from cifar_tui.foreign_logs.names import SPLIT_COLUMNS, of_split
from cifar_tui.system.untrusted import bounded_json

MAX_LINE_MEMORY = 60_000_000
MAX_DEPTH = 3
"""Objects in objects whose numbers are read: `{"train": {"loss": 1}}` has `train/loss`."""
MAX_NUMBER = 1e300
_NOT_FINITE = {text: float(text) for text in ("nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")}
"""As texts: JSON has no such numbers, and strict writers quote them."""


class JsonLinesLog(LineLog):
    """A file with a JSON object in each line; other lines are passed over."""

    source = "JSON lines"

    def read(self) -> Piece:
        """The next rows.

        Raises:
            InputError: It cannot be read.
        """
        found = self._file.lines()
        lines = [line for line in found.data.split(b"\n") if line and len(line) <= MAX_LINE]
        rows = [values for values in map(numbers_of_line, lines) if values]
        return Piece(rows_of_objects(rows, MAX_NAMES) if rows else None, found.restarted, found.share)


def numbers_of_line(line: bytes) -> dict[str, float]:
    """The named numbers of a line; none where it is no JSON object."""
    try:
        content = bounded_json.parse(line.decode(errors="replace"), MAX_LINE_MEMORY)
    except bounded_json.JsonError:
        return {}
    return numbers_of(content)


def numbers_of(content: object) -> dict[str, float]:
    """The named numbers of an object, and of those in it; none where it is no object."""
    found: dict[str, float] = {}
    for name, value in _numbers(content, "", MAX_DEPTH):
        if len(found) == MAX_NAMES:
            break
        found[name[:MAX_NAME]] = value
    split = next((text for name, text in _texts(content) if name.lower() in SPLIT_COLUMNS), "")
    return of_split(found, split) if split else found


def _texts(content: object) -> Iterator[tuple[str, str]]:
    for name, value in content.items() if isinstance(content, dict) else ():
        if isinstance(value, str):
            yield name, value


def _numbers(content: object, prefix: str, depth: int) -> Iterator[tuple[str, float]]:
    if not isinstance(content, dict):
        return
    for name, value in content.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            if abs(value) <= MAX_NUMBER or (isinstance(value, float) and not math.isfinite(value)):
                yield prefix + name, float(value)
        elif isinstance(value, str):
            if (number := _NOT_FINITE.get(value.lower())) is not None:
                yield prefix + name, number
        elif depth > 1:
            yield from _numbers(value, f"{prefix}{name}/", depth - 1)
