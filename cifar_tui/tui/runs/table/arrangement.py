"""Which rows the table has, in which order: runs that match the filter, sorted, in groups where that is wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cifar_tui.formatting import UNKNOWN
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table.fields import FIELDS, Field, best_loss, field_of, order


@dataclass(frozen=True, slots=True)
class TableSettings:
    """What a person has set of the table; plain values, to be kept.

    Attributes:
        columns: Names of fields, in order; empty for those that suit the width.
        sort: The field that runs are sorted by; empty for the order of the list.
        descending: Whether the largest is first.
        group: The field that runs are grouped by; empty for no groups.
    """

    columns: tuple[str, ...] = ()
    sort: str = ""
    descending: bool = False
    group: str = ""

    @property
    def uses_options(self) -> bool:
        """Whether options of the runs are needed for it."""
        return any(name and name not in FIELDS for name in (*self.columns, self.sort, self.group))


@dataclass(frozen=True, slots=True)
class RunRow:
    """The row of a run, in the group of this name."""

    entry: Entry
    group: str = ""

    @property
    def shown(self) -> Entry:
        """The run that is shown while the cursor is here."""
        return self.entry

    @property
    def members(self) -> tuple[Entry, ...]:
        """The runs that the row stands for."""
        return (self.entry,)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The heading of a group: it stands for its best run.

    Attributes:
        group: The value that its runs share.
        best: The run of the best validation accuracy, or else of the lowest loss.
        members: All of its runs.
        folded: Whether they have no rows.
    """

    group: str
    best: Entry
    members: tuple[Entry, ...]
    folded: bool

    @property
    def shown(self) -> Entry:
        """The run that is shown while the cursor is here."""
        return self.best


Row = RunRow | GroupRow


def arrange(entries: Iterable[Entry], settings: TableSettings, folded: Collection[str] = ()) -> list[Row]:
    """The rows of these runs.

    Args:
        entries: In the order of the list, which runs keep that are equal otherwise.
        settings: How to sort and group them.
        folded: The groups whose runs are hidden.
    """
    ordered = _sorted(entries, settings)
    if not settings.group:
        return [RunRow(entry) for entry in ordered]
    field, groups = field_of(settings.group), dict[str, list[Entry]]()
    for entry in ordered:
        for name in groups_of(field, entry):
            groups.setdefault(name, []).append(entry)
    if not settings.sort:
        # By what they share; where runs are sorted, by their first run.
        by_tag = field.name == "tags"
        ordered_groups = sorted(groups, key=lambda name: order(name) if by_tag else field.order(groups[name][0]))
        groups = {name: groups[name] for name in ordered_groups}
    rows: list[Row] = []
    for name, members in groups.items():
        rows.append(GroupRow(name, best_of(members), tuple(members), name in folded))
        if name not in folded:
            rows += [RunRow(entry, name) for entry in members]
    return rows


def groups_of(field: Field, entry: Entry) -> Sequence[str]:
    """The groups that a run is in: one, but each of its tags is one."""
    if field.name == "tags":
        return entry.tags or (UNKNOWN,)
    return (field.text_of(field.value(entry)),)


def best_of(entries: Sequence[Entry]) -> Entry:
    """The run of the best validation accuracy; where none has any, of the lowest loss; else the first one."""
    accuracy = FIELDS["best"]
    # `min` takes the first of equals, and those without a value are last.
    best = min(entries, key=lambda entry: _descending(accuracy.value(entry)))
    return best if accuracy.value(best) is not None else min(entries, key=lambda entry: _ascending(best_loss(entry)))


def _sorted(entries: Iterable[Entry], settings: TableSettings) -> list[Entry]:
    if not settings.sort:
        ordered = list(entries)
        return ordered[::-1] if settings.descending else ordered
    field = field_of(settings.sort)
    keyed = [(field.order(entry), entry) for entry in entries]
    known = [pair for pair in keyed if pair[0][0] < 2]
    # Unknown values are last in both directions; equal ones keep their order.
    known.sort(key=lambda pair: pair[0], reverse=settings.descending)
    return [entry for _, entry in known] + [entry for order, entry in keyed if order[0] == 2]


def _ascending(value: object) -> tuple[bool, float]:
    known = isinstance(value, int | float) and value == value
    return (not known, float(value) if known else 0.0)  # type: ignore[arg-type]


def _descending(value: object) -> tuple[bool, float]:
    unknown, number = _ascending(value)
    return unknown, -number
