"""The options of runs in the table: a light record of each, read once someone asks for one, off the screen's thread."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cifar_tui.config import OPTIONS
from cifar_tui.errors import CifarTuiError

if TYPE_CHECKING:
    from cifar_tui.store.run_folder import RunFolder
    from cifar_tui.tui.runs.entry import Entry

Value = str | int | float | None
MOST_OPTIONS = 200
"""Of a run: thousands of runs are in memory at once, and a script's options are anybody's."""
LONGEST = 80
"""Characters of a name, and of a value, that are kept."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run by name."""

    values: Mapping[str, Value] = field(default_factory=dict)


def option(entry: Entry, name: str) -> Value:
    """An option of a run; None where it has none, or it is not read yet."""
    if entry.config is not None and name in OPTIONS:
        value: Value = getattr(entry.config, name)
        return value
    return entry.options.values.get(name) if entry.options is not None else None


def read_options(folder: RunFolder) -> RunOptions:
    """The light record of a run, for a background thread; empty where its configuration is damaged."""
    from cifar_tui.records import ScriptRecord

    try:
        record = folder.read_any_record()
    except CifarTuiError:
        return RunOptions()
    if isinstance(record, ScriptRecord):
        first = list(record.config.items())[:MOST_OPTIONS]
        return RunOptions({sys.intern(name[:LONGEST]): _plain(text[:LONGEST]) for name, text in first})
    values = {name: getattr(record.options, name) for name in OPTIONS}
    return RunOptions({name: sys.intern(v[:LONGEST]) if isinstance(v, str) else v for name, v in values.items()})


def _plain(text: str) -> Value:
    """A script's option, which is recorded as text, as a number where it is one."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return sys.intern(text)
