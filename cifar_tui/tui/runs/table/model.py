"""The rows of the table and its cursor, without a screen: filtered, sorted, grouped, and each on its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cifar_tui.formatting import count, plural
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table.arrangement import GroupRow, Row, RunRow, TableSettings, arrange, groups_of
from cifar_tui.tui.runs.table.fields import FIELDS, Field, best_loss, field_of, option_field, option_names
from cifar_tui.tui.runs.table.query import NO_FILTER, Filter, TimeLimitError, parse

_OPTIONAL = ("tags", "note")
"""Fields that most people's runs have not."""


class TableModel:
    """What the table shows, from top to bottom, and which row the cursor is on.

    The cursor stays on its run, wherever that goes. Where a filter hides the run, the cursor returns to it once it is
    shown again, unless the person has moved it meanwhile.
    """

    def __init__(self) -> None:
        self.settings = TableSettings()
        self.filter: Filter = NO_FILTER
        self.all: list[Entry] = []
        self.rows: list[Row] = []
        self.entries: list[Entry] = []
        """The runs that match the filter, in order, also those of folded groups."""
        self.cursor = 0
        self.misses_options = False
        """Whether an option was asked for: those of all runs are to be read."""
        self._folded: set[str] = set()
        self._places: dict[Entry, object] = {}
        """What decides where each run stands."""
        self._wanted: Row | None = None
        """The row that the person has chosen."""

    @property
    def row(self) -> Row | None:
        """The one under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    @property
    def group(self) -> GroupRow | None:
        """The group whose row is under the cursor."""
        return self.row if isinstance(self.row, GroupRow) else None

    @property
    def all_fields(self) -> list[Field]:
        """What the runs can be shown, sorted and grouped by, as far as it is known of any of them."""
        fields = [each for each in FIELDS.values() if each.name not in _OPTIONAL or any(map(each.value, self.all))]
        return fields + [option_field(name) for name in option_names(self.all)]

    @property
    def filter_note(self) -> str:
        """How many runs match the filter, or what is wrong with it; empty without one."""
        return self.filter.problem or (self._counted if self.filter.terms else "")

    @property
    def arrangement_note(self) -> str:
        """How the runs are arranged, in words."""
        kept, parts = self.settings, []
        if self.filter.terms:
            parts.append(self._counted)
        if kept.group:
            parts.append(f"by {field_of(kept.group).heading}")
        if kept.sort or kept.descending:
            name = field_of(kept.sort).heading if kept.sort else "oldest first"
            parts.append(f"{name} {'↓' if kept.descending else '↑'}" if kept.sort else name)
        if marked := sum(entry.marked for entry in self.all):
            parts.append(f"{count(marked)} marked")
        return " · ".join(parts)

    @property
    def _counted(self) -> str:
        return f"{count(len(self.entries))} of {plural(len(self.all), 'run')}"

    # What changes the rows

    def fill(self, entries: Iterable[Entry]) -> None:
        """Have these runs."""
        self.all = list(entries)
        is_gone = self._wanted is not None and set(self._wanted.members).isdisjoint(self.all)
        # Names that no run had may be options that have been read.
        self.set_filter(self.filter.typed)
        if is_gone:
            self.keep_selection()

    def update(self, entries: Iterable[Entry]) -> bool:
        """Move what changed of these runs to its place; whether rows of others may have changed by that."""
        changed = list(entries)
        try:
            moved = any(self._place(e) != self._places[e] for e in changed if e in self._places)
        except TimeLimitError:
            moved = True
        if moved:
            self._arrange()
        return moved

    def set_filter(self, typed: str) -> None:
        """Show the runs that match what is typed."""
        self.filter = parse(typed, self._find) if typed.strip() else NO_FILTER
        self._arrange()

    def apply(self, settings: TableSettings) -> None:
        """Sort and group the runs so."""
        if settings.group != self.settings.group:
            self._folded.clear()
        self.settings = settings
        self._arrange()

    def sort_by(self, name: str) -> None:
        """Sort by this field, in the direction that suits it; where the runs are sorted by it, in the other one."""
        if name == self.settings.sort:
            self.reverse()
        else:
            self.apply(replace(self.settings, sort=name, descending=bool(name) and not field_of(name).rising))

    def reverse(self) -> None:
        """Turn the order round."""
        self.apply(replace(self.settings, descending=not self.settings.descending))

    def group_by(self, name: str) -> None:
        """Group by this field; empty for no groups. The cursor goes to the first group."""
        self.apply(replace(self.settings, group=name))
        if name:
            self.go_to(0)

    def show_columns(self, names: tuple[str, ...]) -> None:
        """Show these columns; none for those that suit the width."""
        self.apply(replace(self.settings, columns=names))

    def toggle_fold(self) -> None:
        """Hide the runs of the group under the cursor, or show them."""
        if (group := self.group) is not None:
            self._folded ^= {group.group}
            self._arrange()

    def toggle_all_folds(self) -> None:
        """Hide the runs of all groups; where none is shown, show them all."""
        groups = {row.group for row in self.rows if isinstance(row, GroupRow)}
        if isinstance(self.row, RunRow):
            self._wanted = next((r for r in self.rows if r.group == self.row.group and r is not self.row), None)
        self._folded = set() if groups <= self._folded else groups
        self._arrange()

    # Where the cursor is

    def go_to(self, place: int) -> None:
        """Put the cursor on this row, or on the one that is nearest to it."""
        self.cursor = max(0, min(place, len(self.rows) - 1))
        self.keep_selection()

    def keep_selection(self) -> None:
        """Have the cursor stay on its run, also when the filter is cleared."""
        self._wanted = self.row

    def select(self, entry: Entry) -> None:
        """Put the cursor on this run, where it matches the filter."""
        if entry not in self.entries:
            return
        if self._run_row(entry) is None:
            self._folded.difference_update(groups_of(field_of(self.settings.group), entry))
            self._arrange()
        if (place := self._run_row(entry)) is not None:
            self.go_to(place)

    def _find_row(self, wanted: Row | None) -> int:
        """Where the cursor is to be: on this row, or on what stands for it now, or near where it was."""
        if wanted is not None:
            for n, row in enumerate(self.rows):
                same = type(row) is type(wanted) and row.group == wanted.group
                if same and (isinstance(row, GroupRow) or row.shown is wanted.shown):
                    return n
            if (place := self._run_row(wanted.shown)) is not None:
                return place
            for n, row in enumerate(self.rows):
                if isinstance(row, GroupRow) and wanted.shown in row.members:
                    return n
        return max(0, min(self.cursor, len(self.rows) - 1))

    def _run_row(self, entry: Entry) -> int | None:
        return next((n for n, row in enumerate(self.rows) if isinstance(row, RunRow) and row.entry is entry), None)

    # Where rows are

    def _find(self, name: str) -> Field | None:
        """The field that is typed so; None where no run has it, as far as that is known."""
        plain = name.replace("-", "_")
        for each in (name, name.lower(), plain.lower()):
            if each in FIELDS:
                return FIELDS[each]
        self.misses_options = True
        options = set(option_names(self.all))
        found = next((each for each in (name, plain, plain.lower()) if each in options), None)
        return option_field(found) if found is not None else None

    def _arrange(self) -> None:
        """Put all rows in their places, and the cursor on its run."""
        self.misses_options = self.misses_options or self.filter.uses_options or self.settings.uses_options
        # At first, that is the first run of the list, wherever it stands.
        wanted = self._wanted or self.row or (RunRow(self.all[0]) if self.all else None)
        try:
            found = self.filter.matching(self.all)
        except TimeLimitError:
            self.filter = self.filter.without_patterns()
            found = self.filter.matching(self.all)
        self.rows = arrange(found, self.settings, self._folded)
        self.entries = found
        if self.settings.sort or self.settings.group or self.settings.descending:
            rows = [row for row in self.rows if isinstance(row, RunRow) or row.folded]
            self.entries = list(dict.fromkeys(entry for row in rows for entry in row.members))
        self._remember_places()
        self.cursor = self._find_row(wanted)

    def _remember_places(self) -> None:
        kept = self.settings
        self._places = {}
        if self.filter.terms or kept.sort or kept.group:
            shown = set(self.entries)
            self._places = {entry: self._place(entry, entry in shown) for entry in self.all}

    def _place(self, entry: Entry, matches: bool | None = None) -> object:
        """What decides where a run stands, and whether it does.

        Raises:
            TimeLimitError: An expression takes too long.
        """
        kept = self.settings
        return (
            self.filter.matches(entry) if matches is None else matches,
            field_of(kept.sort).order(entry) if kept.sort else None,
            groups_of(field_of(kept.group), entry) if kept.group else None,
            # Which run is the best of its group.
            (FIELDS["best"].value(entry), best_loss(entry)) if kept.group else None,
        )
