"""The one table of the dashboard's keys: bindings, footer, help and command palette are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """A key, the action behind it, and what a person is told of it."""

    keys: str
    """Textual's names, comma-separated."""
    id: str
    """For keymaps; stable."""
    action: str
    label: str
    """In the footer and the palette: a word or two."""
    help: str
    """In the help and the palette: a sentence's worth."""
    group: str = "Runs"
    shown: str = ""
    """The key as a person reads it, where Textual's name is not it."""

    @property
    def name(self) -> str:
        """The first of the keys, as a person reads it."""
        return self.shown or self.keys.partition(",")[0]


KEYS = (
    Key("s", "start", "start_stop", "start/stop", "Start the selected run, or stop it"),
    Key("S", "start-all", "start_all", "start all", "Start all runs that are ready"),
    Key("p", "pause", "pause", "pause", "Pause the selected run, or let it go on"),
    Key("r", "resume", "resume", "resume", "Go on with a stopped run from its checkpoint"),
    Key("n", "new", "new_run", "new", "A new run, with the selected run's options"),
    Key("space", "mark", "mark", "mark", "Mark the selected run, for comparing"),
    Key("c", "compare", "compare", "compare", "Compare the marked runs"),
    Key("slash", "filter", "filter", "filter", "Filter the runs by any part of their row", shown="/"),
    Key("e", "report", "report", "report", "Write the run's report and pictures now"),
    Key("i", "predict", "predict", "image files", "What the best weights take image files for"),
    Key("1", "charts", "show('charts')", "charts", "Loss and accuracy as they develop", "Views"),
    Key("2", "confusion", "show('confusion')", "confusion", "The confusion matrix, epoch by epoch", "Views"),
    Key("enter", "cell", "open_cell", "its images", "The images of the cell under the cursor", "Views", shown="Enter"),
    Key("f", "find-class", "find_class", "find class", "Matrix: find a class by its name; / on it, too", "Views"),
    Key("m", "confused", "confused(1)", "most confused", "Matrix: the most confused pair, then the next", "Views"),
    Key("M", "more-confused", "confused(-1)", "more confused", "Matrix: back to a pair that is more confused", "Views"),
    Key("3", "images", "show('images')", "images", "Test images, as the best weights take them", "Views"),
    Key("v", "percent", "percent", "counts/%", "Matrix in percent of a row; images: wrong, right, all", "Views"),
    Key("k", "confidence", "show('confidence')", "confidence", "How sure the best weights are, how right", "Views"),
    Key("4", "comparison", "show('compare')", "compare", "The marked runs side by side", "Views"),
    Key("5", "log", "show('log')", "log", "What happened, and what libraries printed", "Views"),
    Key("6", "device", "show('device')", "device", "The learning rate and the devices, in full", "Views"),
    Key("tab", "switch", "switch", "runs/view", "The cursor keys: for the runs, or the view", "Views", shown="Tab"),
    Key("x", "x-axis", "x_axis", "x axis", "The x axis: epochs, samples, time", "Charts"),
    Key("l", "log-scale", "log_scale", "log scale", "The loss on a logarithmic scale", "Charts"),
    Key("plus,equals_sign", "smoother", "smooth(1)", "smoother", "Smooth the curves more", "Charts", shown="+"),
    Key("minus", "rougher", "smooth(-1)", "rougher", "Smooth the curves less", "Charts", shown="-"),
    Key("z", "zoom", "zoom", "zoom", "All of it, the last half, the last tenth", "Charts"),
    Key("left,comma", "cursor-left", "step(-1)", "back", "The charts' cursor or the epoch, back", "Charts", shown="←"),
    Key("right,full_stop", "cursor-right", "step(1)", "on", "The charts' cursor or the epoch, on", "Charts", shown="→"),
    Key("escape", "leave", "leave", "back", "Take away cursor, filter or images", "Everywhere", shown="Esc"),
    Key("t", "theme", "theme", "light/dark", "Light or dark", "Everywhere"),
    Key("question_mark,f1", "help", "help", "help", "This help", "Everywhere", shown="?"),
    Key("q,ctrl+c", "quit", "leave_app", "quit", "Quit; runs under way are asked about", "Everywhere"),
)  # fmt: skip


PANEL_GROUPS = ("Views", "Charts")
"""The groups of keys whose actions belong to the panels' screen; those of the others belong to the app."""


CURSOR = ("cursor-left", "cursor-right", "leave", "switch")
"""The ids of keys that a panel or a box may have another use for."""
ACTIONS = {key.action.partition("(")[0] for key in KEYS if key.id not in CURSOR}
"""What the other keys do."""


def bindings(owner: Literal["app", "screen"]) -> list[Binding]:
    """Textual's bindings of the keys whose actions belong to the app, or to the panels' screen.

    They have priority, for Textual acts on others only after it has sent on what was typed behind them. Their owners'
    `check_action` sees to it that they are still typed where something is typed.
    """
    return [
        Binding(k.keys, k.action, k.label, show=False, id=k.id, tooltip=k.help, priority=k.id not in CURSOR)
        for k in KEYS
        if (k.group in PANEL_GROUPS) == (owner == "screen")
    ]
