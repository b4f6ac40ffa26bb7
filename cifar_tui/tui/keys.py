"""The one table of the dashboard's keys: bindings, footer, help and command palette are made from it.

Keys that open a view stand with it in `views.py` and are taken from there. Those that move a cursor, and those of a
dialog, are in no table: they are bound where these are. A view's key gives it the keyboard, `Tab` gives it to the next
part of the screen, `Esc` goes back one step and at last to the runs. Arrows act where the keyboard is, and so does a
key that means different things in different parts; one that means one thing works everywhere.

An action names the method that does it: `commands.pause` is `action_pause` in `run_commands.py`, `views.zoom` is
`action_zoom` in `view_switcher.py`; those of `screen` are in `main_screen.py`, those of `sizes` in `panel_layout.py`,
those of `app` in `app.py`, those of `table` in `dialogs/table_commands.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

from cifar_tui.tui.views import VIEWS


@dataclass(frozen=True, slots=True)
class Key:
    """A key, the action behind it, and what a person reads of it."""

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

    @property
    def action_name(self) -> str:
        """The action without its namespace and its arguments."""
        return self.action.partition("(")[0].rpartition(".")[2]


KEYS = (
    Key("s", "start", "commands.start_stop", "start/stop", "Start or stop the selected run"),
    Key("S", "start-all", "commands.start_all", "start all", "Start all runs that are ready"),
    Key("p", "pause", "commands.pause", "pause", "Pause or resume the selected run"),
    Key("r", "resume", "commands.resume", "resume", "Resume a run from its last checkpoint"),
    Key("n", "new", "commands.new_run", "new", "Create a run with the same options"),
    Key("space", "mark", "screen.mark", "mark", "Mark the selected run for comparison"),
    Key("c", "compare", "screen.compare", "compare", "Compare marked runs, two also image by image"),
    Key("slash", "filter", "screen.filter", "filter", "Filter: words, best>0.9, lr=0.01, /regex/", shown="/"),
    Key("o", "sort", "table.sort", "sort", "Sort the runs by a column or an option"),
    Key("O", "reverse", "table.reverse", "reverse", "Sort in the other direction"),
    Key("g", "group", "table.group", "group", "Group the runs by a column or an option"),
    Key("G", "fold-all", "table.fold_all", "fold all", "Fold or unfold all groups; Enter folds one"),
    Key("C", "columns", "table.columns", "columns", "Choose the columns of the runs and their order"),
    Key("e", "report", "commands.report", "report", "Write the run's report and plots now"),
    Key("i", "predict", "commands.predict", "image files", "Classify image files with the best weights"),
    *(Key(v.key, v.key_id, f"views.show('{v.name}')", v.label, v.help, "Views") for v in VIEWS),
    Key("enter", "cell", "views.open_cell", "open", "Open a chart, a cell's images, a run's view", "Views", "Enter"),
    Key("f", "find-class", "views.find_class", "find class", "Matrix: find a class by its name; so does /", "Views"),
    Key("m", "confused", "views.confused(1)", "most confused", "Matrix: most confused pair, then the next", "Views"),
    Key("M", "more-confused", "views.confused(-1)", "more confused", "Matrix: back to a more confused pair", "Views"),
    Key("v", "percent", "views.percent", "counts/%", "Matrix: percent, counts; images: wrong, all", "Views"),
    Key("u", "split", "views.other_images", "test/validation", "Images: test or validation images", "Views"),
    Key("tab", "switch", "screen.next_part(1)", "runs/view", "Give the keyboard to the next part", "Screen", "Tab"),
    Key("shift+tab", "switch-back", "screen.next_part(-1)", "back", "Give it to the one before", "Screen", "Shift+Tab"),
    Key("ctrl+down", "higher", "sizes.grow_runs(1)", "higher", "Runs: more lines", "Screen", "Ctrl+↓"),
    Key("ctrl+up", "lower", "sizes.grow_runs(-1)", "lower", "Runs: fewer lines", "Screen", "Ctrl+↑"),
    Key("ctrl+left", "wider", "sizes.grow_side(2)", "wider", "Panels beside the view: wider", "Screen", "Ctrl+←"),
    Key("ctrl+right", "narrower", "sizes.grow_side(-2)", "narrower", "Narrower, then none", "Screen", "Ctrl+→"),
    Key("t", "theme", "app.choose_theme", "theme", "Choose a theme, with a preview", "Screen"),
    Key("y", "series", "commands.series", "series", "Find a metric, the learning rate or a device", "Charts"),
    Key("left_square_bracket", "page-back", "views.turn_page(-1)", "back", "Previous page of charts", "Charts", "["),
    Key("right_square_bracket", "page", "views.turn_page(1)", "next page", "Next page of charts", "Charts", "]"),
    Key("b", "overlay", "views.overlay", "overlay", "Draw marked and selected run, marked, selected", "Charts"),
    Key("x", "x-axis", "views.x_axis", "x axis", "X axis: epochs, samples, time", "Charts"),
    Key("l", "log-scale", "views.log_scale", "log scale", "Y axes on a logarithmic scale", "Charts"),
    Key("plus,equals_sign", "smoother", "views.smooth(1)", "smoother", "Smooth the curves more", "Charts", "+"),
    Key("minus", "rougher", "views.smooth(-1)", "rougher", "Smooth the curves less", "Charts", "-"),
    Key("X", "log-x", "views.log_x", "log x", "X axis on a logarithmic scale", "Charts"),
    Key("z", "zoom", "views.zoom(1)", "zoom in", "Zoom in on the x axis, at the cursor or the end", "Charts"),
    Key("Z", "zoom-out", "views.zoom(-1)", "zoom out", "Zoom out on the x axis", "Charts"),
    Key("w", "zoom-y", "views.zoom_y(1)", "zoom in y", "Zoom in on the y axis of the chosen chart", "Charts"),
    Key("W", "zoom-y-out", "views.zoom_y(-1)", "zoom out y", "Zoom out on the y axis of the chosen chart", "Charts"),
    Key("a", "outliers", "views.outliers", "outliers", "Y axes for all values, or for the usual ones", "Charts"),
    Key("colon", "limits", "commands.limits", "limits", "Type limits of the axes: x=10:50 y=0.2:0.5", "Charts", ":"),
    Key("0", "reset-axes", "views.reset_axes", "reset axes", "Undo zoom, limits, log scales, outliers", "Charts"),
    Key("comma", "cursor-left", "views.step(-1)", "back", "Cursor or epoch, back; in charts also Left", "Charts", ","),
    Key("full_stop", "cursor-right", "views.step(1)", "forward", "Likewise, forward; also Right", "Charts", "."),
    Key("escape", "leave", "screen.leave", "back", "Back one step, at last to the runs", "Everywhere", "Esc"),
    Key("ctrl+p", "palette", "app.command_palette", "commands", "Find a command or a theme", "Everywhere", "Ctrl+P"),
    Key("ctrl+l", "redraw", "app.redraw", "redraw", "Draw the screen again, over stray output", "Everywhere", "Ctrl+L"),
    Key("question_mark,f1", "help", "app.help", "help", "This help; the bell and notifications", "Everywhere", "?"),
    Key("q,ctrl+c", "quit", "app.ask_to_quit", "quit", "Quit; asks what to do with active runs", "Everywhere"),
)  # fmt: skip
YIELDING = ("leave", "switch", "switch-back", "palette")
"""The ids of keys for which a view or an input that has the focus may have another use: it goes first."""
TYPEABLE = {key.action_name for key in KEYS if key.id not in YIELDING}
"""The actions of the other keys, which are text where text is typed."""


def bindings() -> list[Binding]:
    """Textual's bindings of all keys, for the main screen: no key acts while a dialog is open.

    They have priority, for Textual acts on others only after it has sent on what was typed behind them.
    """
    return [
        Binding(k.keys, k.action, k.label, show=False, id=k.id, tooltip=k.help, priority=k.id not in YIELDING)
        for k in KEYS
    ]
