"""What the commands about runs share: where they ask, what they act on, and whom they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifar_tui.tui.log.status_log import StatusLog
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.run_list import RunList
from cifar_tui.tui.textual_compat import TerminalApp
from cifar_tui.tui.theme import Look

if TYPE_CHECKING:
    from cifar_tui.runs.workspace import Workspace


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a command about runs needs of the dashboard."""

    app: TerminalApp
    """Opens dialogs."""
    look: Callable[[], Look]
    """How to draw them."""
    log: StatusLog
    """What is done, and what cannot be."""
    runs: RunList
    """All runs."""
    workspace: Callable[[], Workspace]
    """Gives what the runs of this process share; from any thread."""
    changed: Callable[[Entry], None]
    """Called with a run to which something was done, or was to be done."""
    rows_changed: Callable[[], None]
    """Called when there are more runs or fewer."""
