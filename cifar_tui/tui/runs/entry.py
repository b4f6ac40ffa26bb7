"""A run as the dashboard knows it: ready to start, training in this process, or in a folder of earlier runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cifar_tui.config import TrainingConfig
from cifar_tui.tui.runs.run_options import RunOptions

if TYPE_CHECKING:
    from cifar_tui.events import RunStatus
    from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail
    from cifar_tui.records import Labels, Summary
    from cifar_tui.runs.messages import Loading
    from cifar_tui.runs.run import Run
    from cifar_tui.state.run_state import RunState
    from cifar_tui.store.event_reader import Tail
    from cifar_tui.store.run_folder import RunFolder

Status = Literal[
    "ready", "loading", "running", "pausing", "paused", "stopping",
    "finished", "stopped", "interrupted", "diverged", "failed",
]  # fmt: skip
Asked = Literal["", "pausing", "stopping"]
LIVE: tuple[Status, ...] = ("running", "paused")
"""What the summary of a run says while some process trains it."""
ENDED: tuple[Status, ...] = ("finished", "stopped", "interrupted", "diverged", "failed")


def run_status(
    recorded: RunStatus | None,
    state: RunState | None,
    *,
    active: bool = False,
    loading: bool = False,
    asked: Asked = "",
    failed: bool = False,
) -> Status:
    """What a run does now.

    Args:
        recorded: The state in its summary; None without a summary.
        state: The fold of its events; None until it has started, or until they are read.
        active: Whether a thread of this process trains it.
        loading: Whether that thread still prepares the training, or a process for it is being started.
        asked: What it was asked for and has not done yet.
        failed: Whether it failed before it had a summary.
    """
    external = not active and recorded in LIVE
    if asked and (active or external):
        return asked
    if (active and (loading or state is None)) or (loading and not external):
        return "loading"
    if state is not None and state.started is not None:
        if external and state.finished is not None:
            # It was resumed, which its events do not say yet.
            return "paused" if recorded == "paused" else "running"
        # Events cannot record that their process died: the summary was corrected.
        died = recorded == "interrupted" and not active and state.finished is None
        return "interrupted" if died else state.status
    return recorded or ("failed" if failed else "ready")


@dataclass(slots=True, eq=False)
class Entry:
    """One row of the runs table, and all that panels show of it. `RunList` alone changes it, on the screen's thread."""

    number: int
    """In order of appearance; its colour depends on it."""
    config: TrainingConfig | None = None
    """None where it is not read yet, or damaged."""
    folder: RunFolder | None = None
    """None until it has started."""
    log: ForeignRun | None = None
    """Of a training of another tool, its log in place of a folder: it is watched like the others, and no more."""
    run: Run | None = None
    """Its thread, while this process trains it."""
    state: RunState | None = None
    """The fold of its events; None until it has started, or until an earlier run's events are read."""
    tail: Tail | ForeignTail | None = None
    """Reads on in its events, where another process trains it and it is on the screen."""
    summary: Summary | None = None
    """An earlier run's `summary.json`."""
    options: RunOptions | None = None
    """Of a run in a folder, what the table knows of its options; None until someone has asked for any."""
    labels: Labels | None = None
    """What a person says of it; None where it is not known to have any."""
    device_name: str | None = None
    """Of what it computes on, where that is known: `NVIDIA H200`."""
    loading: Loading | None = None
    """What it does before it starts."""
    asked: Asked = ""
    """What it was asked for and has not done yet."""
    stop_requested: bool = False
    """Whether this dashboard has asked its process to stop, which may have happened."""
    error: str = ""
    """Why it failed, or never started."""
    exit_status: int = 0
    """What its last end makes of the program's exit status."""
    label: str = ""
    """What distinguishes it from others of its name: its start, or `(new)`; empty where no other has that name."""
    marked: bool = False
    notifies: bool = False
    """Whether its own process, which this one has started, sends what `--notify` and its like say."""

    @property
    def active(self) -> bool:
        """Whether a thread of this process trains it."""
        return self.run is not None

    @property
    def recorded(self) -> RunStatus | None:
        """The state in its summary: `failed` where that is damaged, None where it has none."""
        return None if self.summary is None else self.summary.state or "failed"

    @property
    def external(self) -> bool:
        """Whether another process trains it."""
        return self.run is None and self.recorded in LIVE

    @property
    def live(self) -> bool:
        """Whether any process trains it."""
        return self.active or self.external

    @property
    def unread(self) -> bool:
        """Whether its events are to be read before it is shown."""
        return self.state is None or ((self.external or self.log is not None) and self.tail is None)

    @property
    def is_recorded(self) -> bool:
        """Whether its events are recorded, in a folder or by another tool."""
        return self.folder is not None or self.log is not None

    @property
    def status(self) -> Status:
        """What it does now."""
        return run_status(
            self.recorded,
            self.state,
            active=self.active,
            loading=self.loading is not None,
            asked=self.asked,
            failed=bool(self.error),
        )

    @property
    def tags(self) -> tuple[str, ...]:
        """Words that its user has put on it."""
        return self.labels.tags if self.labels is not None else ()

    @property
    def note(self) -> str:
        """What its user has written about it."""
        return self.labels.note if self.labels is not None else ""

    @property
    def warnings(self) -> Collection[str]:
        """The topics of what its health check has found and is not over."""
        if self.state is not None and self.state.started is not None:
            return self.state.warnings
        return (self.summary.warnings or ()) if self.summary is not None else ()

    @property
    def id(self) -> str:
        """Its folder's name, or what its log is called; empty until it has started."""
        recorded = self.folder or self.log
        return recorded.id if recorded is not None else ""

    @property
    def name(self) -> str:
        """Its id without date and time; other runs may have it too."""
        if self.folder is not None:
            return self.folder.id.split("-", 2)[-1]
        if self.log is not None:
            return self.log.id
        return "" if self.config is None else self.config.run_name

    @property
    def full_name(self) -> str:
        """What it is called wherever it is named: by its name, and by its label where others have that name."""
        return f"{self.name} {self.label}".rstrip()
