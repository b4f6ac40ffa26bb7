"""The last line: the keys that matter now, for the selected run as it is."""

from __future__ import annotations

from collections.abc import Sequence

from cifar_tui.tui.keys import KEYS
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, width_of

ALWAYS = ("help", "quit")
_KEYS = {key.id: key for key in KEYS}


def footer(entry: Entry | None, marked: int, acting: Sequence[str], width: int, look: Look) -> list[Part]:
    """As many keys as fit, the most useful first; help and quitting always.

    Args:
        entry: The selected run.
        marked: How many runs are marked for comparing.
        acting: The ids of keys that act in the view that is on, and not in every other.
        width: Columns.
        look: How to draw.
    """
    shown = [_hint(key, look) for key in ALWAYS]
    others = ["mark", "new"] if entry else []
    for key in [
        *_for_run(entry),
        *acting,
        *(["compare"] if marked > 1 else []),
        *others,
        "filter",
        "charts",
        "confusion",
        "images",
        *(["predict"] if entry else []),
    ]:
        longer = [*shown[: -len(ALWAYS)], _hint(key, look), *shown[-len(ALWAYS) :]]
        if sum(width_of(hint) for hint in longer) > width:
            break
        shown = longer
    return [part for hint in shown for part in hint]


def _for_run(entry: Entry | None) -> list[str]:
    """The ids of the keys for a run like this; what follows `:` is said in place of the key's own label."""
    if entry is None:
        return ["new:new run"]
    if entry.folder is None and not entry.under_way:
        return ["start:start", "start-all"]
    match entry.status:
        case "loading" | "running" | "pausing":
            return ["start:stop", "pause"] if entry.under_way or entry.elsewhere else ["report"]
        case "paused":
            return ["pause:go on", "start:stop"] if entry.under_way or entry.elsewhere else ["report"]
        case "stopping":
            return []
        case "finished":
            return ["report"]
        case _:
            return ["resume", "report"]


def _hint(said: str, look: Look) -> list[Part]:
    name, _, label = said.partition(":")
    key = _KEYS[name]
    return [(look.text(key.name), look.strong), (f" {label or key.label}  ", look.dim)]
