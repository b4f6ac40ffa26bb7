"""The runs whose curves are drawn together: by letters, with what distinguishes them, and which are comparable."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.style import Style

from cifar_tui.events import RunStarted
from cifar_tui.formatting import plural, printable
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look

LETTERS = string.ascii_letters
"""More than runs that can be marked."""
MOST_OPTIONS = 2
"""Options that are named to tell runs of one name apart."""
LONGEST_OPTION = 16
"""Characters of such an option's value."""
NO_OPTION = ("name", "data_dir", "model_dir", "device", "threads")
"""What tells runs apart least."""
STARTED_WITH = ("model", "data", "epochs", "batch_size", "max_lr", "precision", "seed")
"""The options that a run's first event says."""


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """A run among those that are drawn together.

    Attributes:
        entry: The run.
        letter: On its curves and before its name.
        name: Its name, by which no other run is called.
        options: Those in which it differs from others of the same name.
        other: How its data differ from that of the first one; empty where they do not.
    """

    entry: Entry
    letter: str
    name: str
    options: str = ""
    other: str = ""

    @property
    def number(self) -> int:
        """For its colour."""
        return self.entry.number

    @property
    def text(self) -> str:
        """Its letter and its name."""
        return f"{self.letter} {self.name}"

    @property
    def started(self) -> RunState | None:
        """Its state, once there is something to draw."""
        state = self.entry.state
        return state if state is not None and state.started is not None else None

    def style(self, look: Look) -> Style:
        """The colour of its curves and its name."""
        return look.run(self.number)


def drawn_runs(entries: Sequence[Entry]) -> tuple[DrawnRun, ...]:
    """These runs by letters, in this order."""
    others = other_data(entries)
    return tuple(
        DrawnRun(
            entry,
            letter,
            printable(entry.full_name),
            _differing_options(entry, [each for each in entries if each.name == entry.name]),
            other,
        )
        for entry, letter, other in zip(entries, LETTERS, others, strict=False)
    )


def _differing_options(entry: Entry, same: Sequence[Entry]) -> str:
    options = [known_options(each) for each in same]
    own = options[same.index(entry)]
    shared = [name for name in own if name not in NO_OPTION and all(name in each for each in options)]
    differing = [name for name in shared if len({str(each[name]) for each in options}) > 1]
    return " ".join(f"{name.replace('_', '-')}={_value(own[name])}" for name in differing[:MOST_OPTIONS])


def known_options(entry: Entry) -> dict[str, Any]:
    """The options of a run, as far as they are known: where its configuration is not read, by its first event."""
    if entry.config is not None:
        return entry.config.to_dict()
    started = entry.state.started if entry.state is not None else None
    return {} if started is None else {name: getattr(started, name) for name in STARTED_WITH}


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else printable(str(value))[:LONGEST_OPTION]


def other_data(entries: Sequence[Entry]) -> list[str]:
    """How the data of each run differ from those of the first that says what it is trained on; empty where not."""
    known = [_data(entry) for entry in entries]
    first = next((each for each in known if each is not None), None)
    return [_difference(each, first) if each is not None and first is not None else "" for each in known]


def _data(entry: Entry) -> tuple[str, tuple[str, ...]] | None:
    """The data and the classes of a run; None where nothing says which they are."""
    started: RunStarted | None = entry.state.started if entry.state is not None else None
    if started is not None:
        return (started.data, started.classes) if started.data or started.classes else None
    return None if entry.config is None else (entry.config.data, ())


def _difference(own: tuple[str, tuple[str, ...]], first: tuple[str, tuple[str, ...]]) -> str:
    data, classes = own
    if data and first[0] and data != first[0]:
        return f"other data: {printable(data)}"
    if classes and first[1] and classes != first[1]:
        number = plural(len(classes), "class") if len(classes) == 1 else f"{len(classes)} classes"
        return f"other classes: {number}"
    return ""
