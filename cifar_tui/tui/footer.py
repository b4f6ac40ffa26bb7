"""The last line: the keys that matter now, for the selected run as it is, and for what has the keyboard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual import events
from textual.strip import Strip

from cifar_tui.tui.keys import KEYS, Key
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.source import source
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, View
from cifar_tui.tui.views import VIEWS
from cifar_tui.tui.widgets.lines import Panel, Part, line, width_of

ALWAYS, AWAY = ("help", "quit"), "switch"
GAP = 2
"""Columns between two hints."""
_KEYS = {key.id: key for key in KEYS}
_LABELS = {kind.name: kind.label for kind in VIEWS}


@dataclass(frozen=True, slots=True)
class Hint:
    """Keys that are named together, and what they do."""

    keys: tuple[Key, ...]
    names: tuple[str, ...]
    label: str

    @classmethod
    def of(cls, text: str) -> Hint:
        """The hint of `id`, `id:label` or `id id:label`, as a view names its keys.

        What stands before `=` in a label are other keys that do the same there, which are named instead.
        """
        ids, _, rest = text.partition(":")
        names, _, label = rest.rpartition("=")
        keys = tuple(_KEYS[each] for each in ids.split())
        return cls(keys, tuple(names.split()) or tuple(key.name for key in keys), label or keys[0].label)

    def parts(self, look: Look) -> list[Part]:
        """As it is drawn."""
        return [(look.text(" ".join(self.names)), look.strong), (f" {look.text(self.label)}", look.dim)]


class Footer(Panel):
    """The line that names the keys; a click on one of them does what the key does."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._hints: list[str] = []
        self._places: list[tuple[range, str]] = []
        """The columns of each key that is drawn, and Textual's name of it."""

    def show(self, context: Context, view: View | None, *, in_view: bool) -> None:
        """Name the keys that act on the selected run and in the view.

        Args:
            context: What is drawn.
            view: The view that is shown; None before there is one.
            in_view: Whether it has the keyboard, and not the runs.
        """
        self.look = context.look
        self._hints = hints(context.selected, len(context.marked), view, in_view=in_view)
        self.draw()

    def lines(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002
        """The one line: as many keys as fit at the left; at the right, always, the way elsewhere, help and quitting."""
        away = [each for each in self._hints if each.startswith(AWAY)]
        last = [Hint.of(each) for each in (*away, *ALWAYS)]
        room = width - sum(width_of(hint.parts(self.look)) + GAP for hint in last) + GAP
        shown: list[Hint] = []
        taken = 0
        for hint in (Hint.of(each) for each in self._hints if each not in away):
            taken += width_of(hint.parts(self.look)) + GAP
            if taken > room:
                break
            shown.append(hint)
        row: list[Part] = []
        self._places = []
        for hint in shown:
            self._add(row, hint)
        at_right = sum(width_of(hint.parts(self.look)) + GAP for hint in last) - GAP
        row.append(" " * (width - at_right - width_of(row)))
        for hint in last:
            self._add(row, hint)
        return [line(row, width)]

    def _add(self, row: list[Part], hint: Hint) -> None:
        start = width_of(row)
        parts = hint.parts(self.look)
        row += [*parts, " " * GAP]
        end = start + width_of(parts)
        for key, name in zip(hint.keys[:-1], hint.names, strict=False):
            after = start + width_of([self.look.text(name)]) + 1
            self._places.append((range(start, after), key.keys.partition(",")[0]))
            start = after
        self._places.append((range(start, end), hint.keys[-1].keys.partition(",")[0]))

    def on_click(self, event: events.Click) -> None:
        """Press the key that is named there."""
        at = event.get_content_offset(self)
        if at is not None:
            for columns, key in self._places:
                if at.x in columns:
                    self.app.simulate_key(key)


def hints(entry: Entry | None, marked: int, view: View | None, *, in_view: bool) -> list[str]:
    """The keys that act now, as `Hint.of` reads them, the most useful first.

    Args:
        entry: The selected run.
        marked: How many runs are marked for comparing.
        view: The view that is shown.
        in_view: Whether it has the keyboard.
    """
    compare = ["compare"] if marked > 1 else []
    active = [] if view is None else list(view.active_keys)
    views = [] if view is None else [each for each in ("charts", "confusion", "images", "log") if each != view.id]
    if in_view:
        found = [*active, "switch:runs", *_for_run(entry), *compare, "new" if entry else "", *views]
    else:
        there = f"switch:{_LABELS[view.id]}" if view is not None and view.id in _LABELS else ""
        predict = "predict" if entry and not source(entry) else ""
        # What means one thing only acts from here too.
        also = [each for each in active if each.partition(":")[0] not in IN_VIEW]
        found = [*_for_run(entry), *(["mark"] if entry else []), *compare, there, "filter", "new" if entry else ""]
        found += [*views, *also, predict]
    return list(_once(found))


IN_VIEW = ("cell", "leave", "cursor-left cursor-right")
"""Keys of a view that act while it has the keyboard alone, or do something else in the runs."""


def _once(found: Sequence[str]) -> Iterator[str]:
    named: set[str] = set()
    for each in filter(None, found):
        key = each.partition(":")[0]
        if key not in named:
            named.add(key)
            yield each


def _for_run(entry: Entry | None) -> list[str]:
    """The ids of the keys for a run like this; what follows `:` is shown in place of the key's own label."""
    if entry is None:
        return ["new:new run"]
    if entry.log is not None:
        return []
    if entry.folder is None and not entry.active:
        return ["start:start", "start-all"]
    match entry.status:
        case "loading" | "running" | "pausing":
            return ["start:stop", "pause"] if entry.live else ["report"]
        case "paused":
            return ["pause:resume", "start:stop"] if entry.live else ["report"]
        case "stopping":
            return []
        case "finished":
            return ["report"]
        case _ if source(entry):
            return ["report"]
        case _:
            return ["resume", "report"]
