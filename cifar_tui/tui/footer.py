"""The last line: the keys that matter now, for the selected run as it is."""

from __future__ import annotations

from collections.abc import Sequence

from cifar_tui.tui.keys import KEYS
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.source import source
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context
from cifar_tui.tui.widgets.lines import Part, width_of
from cifar_tui.tui.widgets.status_line import StatusLine

ALWAYS = ("help", "quit")
_KEYS = {key.id: key for key in KEYS}


class Footer(StatusLine):
    """The line that names the keys."""

    def show(self, context: Context, active: Sequence[str]) -> None:
        """Name those that act on the selected run, and these of the view."""
        keys = footer(context.selected, len(context.marked), active, self.size.width, context.look)
        self.say(keys, look=context.look)


def footer(entry: Entry | None, marked: int, active: Sequence[str], width: int, look: Look) -> list[Part]:
    """As many keys as fit, the most useful first; help and quitting always.

    Args:
        entry: The selected run.
        marked: How many runs are marked for comparing.
        active: The ids of keys that act in the view that is shown, and not in every other.
        width: Columns.
        look: How to draw.
    """
    shown = [_hint(key, look) for key in ALWAYS]
    others = ["mark", "new"] if entry else []
    for key in [
        *_for_run(entry),
        *active,
        *(["compare"] if marked > 1 else []),
        *others,
        "filter",
        "charts",
        "confusion",
        "images",
        *(["predict"] if entry and not source(entry) else []),
    ]:
        longer = [*shown[: -len(ALWAYS)], _hint(key, look), *shown[-len(ALWAYS) :]]
        if sum(width_of(hint) for hint in longer) > width:
            break
        shown = longer
    return [part for hint in shown for part in hint]


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


def _hint(key_and_label: str, look: Look) -> list[Part]:
    name, _, label = key_and_label.partition(":")
    key = _KEYS[name]
    return [(look.text(key.name), look.strong), (f" {label or key.label}  ", look.dim)]
