"""A run as the dashboard knows it: ready to start, under way in this process, or in a folder of earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cifar_tui.config import TrainingConfig
from cifar_tui.records import Summary

if TYPE_CHECKING:
    from cifar_tui.runs.messages import Loading
    from cifar_tui.runs.run import Run
    from cifar_tui.state import RunState
    from cifar_tui.store.events_file import Tail
    from cifar_tui.store.run_folder import RunFolder

Status = Literal[
    "ready", "loading", "running", "pausing", "paused", "stopping",
    "finished", "stopped", "interrupted", "diverged", "failed",
]  # fmt: skip
ENDED: tuple[Status, ...] = ("finished", "stopped", "interrupted", "diverged", "failed")


@dataclass(slots=True, eq=False)
class Entry:
    """One row of the runs table, and all that panels show of it. Only the screen's thread touches it."""

    number: int
    """In order of appearance; what its colour goes by."""
    config: TrainingConfig | None = None
    """None where it is not read yet, or damaged."""
    folder: RunFolder | None = None
    """None until it has begun."""
    run: Run | None = None
    """Its thread, while it is under way in this process."""
    state: RunState | None = None
    """The fold of its events; None until it has begun, or until an earlier run's events are read."""
    tail: Tail | None = None
    """What its stream grows by, where another process trains it and it is shown."""
    summary: Summary | None = None
    """What `summary.json` says of an earlier run."""
    loading: Loading | None = None
    """What it does before it begins."""
    asked: Literal["", "pausing", "stopping"] = ""
    """What it was asked for and has not answered yet."""
    error: str = ""
    """Why it failed, or never began."""
    exit_status: int = 0
    """What its last end makes of the program's exit status."""
    marked: bool = False

    @property
    def under_way(self) -> bool:
        """Whether its thread is alive."""
        return self.run is not None

    @property
    def elsewhere(self) -> bool:
        """Whether another process trains it."""
        return self.run is None and self.summary is not None and self.summary.state in ("running", "paused")

    @property
    def to_be_read(self) -> bool:
        """Whether its events are to be read before it is shown."""
        return self.state is None or (self.elsewhere and self.tail is None)

    @property
    def status(self) -> Status:
        """What it does now."""
        if self.asked and (self.run is not None or self.elsewhere):
            return self.asked
        if self.run is not None and (self.state is None or self.loading is not None):
            return "loading"
        found = self.summary.state if self.summary is not None else None
        if self.elsewhere and self.state is not None and self.state.finished is not None:
            # It was gone on with, and has not told so yet.
            return "running" if found == "running" else "paused"
        if self.state is not None and self.state.started is not None:
            # Its events cannot know that its process died; its summary was told.
            died = found == "interrupted" and self.run is None and self.state.finished is None
            return "interrupted" if died else self.state.status
        if self.summary is None and not self.error:
            return "ready"
        return found or "failed"

    @property
    def id(self) -> str:
        """Its folder's name; empty until it has begun."""
        return self.folder.id if self.folder is not None else ""

    @property
    def name(self) -> str:
        """What a person calls it: what its id ends in."""
        if self.folder is not None:
            return self.folder.id.split("-", 2)[-1]
        return "" if self.config is None else self.config.run_name
