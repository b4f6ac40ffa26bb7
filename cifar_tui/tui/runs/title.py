"""The dashboard's title line: what trains, and how many runs there are."""

from __future__ import annotations

from cifar_tui.formatting import plural, printable
from cifar_tui.tui.runs.run_events import RunEvents
from cifar_tui.tui.runs.run_list import RunList
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part
from cifar_tui.tui.widgets.status_line import StatusLine


class TitleLine(StatusLine):
    """The first line of the main screen."""

    def __init__(self, runs: RunList, run_events: RunEvents) -> None:
        super().__init__(id="title")
        self._runs, self._run_events = runs, run_events
        self._runs_dir = printable(str(run_events.runs_dir))

    def show(self, look: Look) -> None:
        """Count the runs again."""
        active, external = len(self._runs.active), sum(entry.external for entry in self._runs)
        doing = [f"{plural(active, 'run')} active"] if active else []
        if external:
            doing.append(f"{plural(external, 'run')} in other processes")
        saved = plural(sum(entry.folder is not None for entry in self._runs), "run")
        right = f"{saved} in {self._runs_dir}" if self._run_events.has_read else f"reading {self._runs_dir} …"
        left: list[Part] = [("cifar-tui", look.strong), f" · {', '.join(doing) or 'idle'}"]
        self.set_text(left, [(right, look.dim)], look=look)
