"""The runs whose curves are drawn together: by letters, by names that tell them apart, and which are comparable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style

from cifar_tui.events import RunStarted
from cifar_tui.formatting import plural, printable
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MOST_OPTIONS = 2
"""Options that are named to tell runs of one name apart."""
LONGEST_OPTION = 16
"""Characters of such an option's value."""
NO_OPTION = ("name", "data_dir", "model_dir", "device", "threads")
"""What tells runs apart least."""


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """A run among those that are drawn together.

    Attributes:
        entry: The run.
        letter: On its curves and before its name.
        name: Its name, with what tells it from others of the same name.
        other: How its data differ from that of the first one; empty where they do not.
    """

    entry: Entry
    letter: str
    name: str
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
    names = names_apart(entries)
    others = other_data(entries)
    return tuple(
        DrawnRun(entry, LETTERS[i % len(LETTERS)], name, other)
        for i, (entry, name, other) in enumerate(zip(entries, names, others, strict=True))
    )


def names_apart(entries: Sequence[Entry]) -> list[str]:
    """The names of runs; those of one name with the options in which they differ, or else when they were started."""
    names = [printable(entry.name) for entry in entries]
    times = Counter(names)
    shown = []
    for entry, name in zip(entries, names, strict=True):
        same = [each for each, its in zip(entries, names, strict=True) if its == name]
        more = "" if times[name] == 1 else _differing_options(entry, same)
        shown.append(f"{name} {more}".strip())
    repeated = Counter(shown)
    return [
        f"{name} {_time(entry, entries)}".strip() if repeated[name] > 1 else name
        for entry, name in zip(entries, shown, strict=True)
    ]


def _differing_options(entry: Entry, same: Sequence[Entry]) -> str:
    if any(each.config is None for each in same):
        return ""
    options = [each.config.to_dict() for each in same if each.config is not None]
    own = options[same.index(entry)]
    differing = [name for name in own if name not in NO_OPTION and len({str(each.get(name)) for each in options}) > 1]
    return " ".join(f"{name}={_value(own[name])}" for name in differing[:MOST_OPTIONS])


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else printable(str(value))[:LONGEST_OPTION]


def _time(entry: Entry, entries: Sequence[Entry]) -> str:
    """When a run was started, by its id: `15:09:26`, with the day where that differs."""
    day, _, rest = entry.id.partition("-")
    clock = rest.partition("-")[0]
    if not (day.isdigit() and len(day) == 8 and clock.isdigit() and len(clock) == 6):
        return ""
    shown = f"{clock[:2]}:{clock[2:4]}:{clock[4:]}"
    days = {each.id.partition("-")[0] for each in entries if each.id and each.name == entry.name}
    return shown if len(days) == 1 else f"{day[4:6]}-{day[6:]} {shown}"


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
