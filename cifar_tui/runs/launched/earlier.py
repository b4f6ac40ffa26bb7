"""The run that processes of the same launch have made before they were started again."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.state.run_state import RunState
from cifar_tui.store import catalog
from cifar_tui.store.run_folder import RunFolder


class AlreadyEndedError(CifarTuiError):
    """A run of this launch has ended before its processes were started again: there is nothing to do for them."""

    def __init__(self, folder: RunFolder, state: RunState) -> None:
        message = state.finished.message if state.finished else ""
        super().__init__(f"{folder.id} has ended: {message}")
        self.exit_status = {"failed": 1, "diverged": 3}.get(state.status, 0)


def find(runs_dir: Path, launch: str, config: TrainingConfig, launched_at: float) -> RunFolder | None:
    """The run that a launch has made.

    Args:
        runs_dir: The folder of all runs.
        launch: The launcher's id and the number of the run in it, which another launch may have as well.
        config: The run's options.
        launched_at: When the launch began, in seconds since the epoch.
    """
    for folder in catalog.run_folders(runs_dir):
        with contextlib.suppress(InputError, ValueError):
            record = folder.read_record()
            # It is created in whole seconds.
            if datetime.fromisoformat(record.created).timestamp() <= launched_at - 1:
                return None  # They are listed newest first.
            if record.launch == launch and record.options == config:
                return folder
    return None


def check_not_ended(folder: RunFolder, launched_at: float) -> None:
    """Check that a run has not ended since the launch began; one that was interrupted is resumed.

    Raises:
        AlreadyEndedError: It has.
        InputError: It is damaged.
    """
    state = folder.read_state()
    if state.finished is None or state.status == "interrupted":
        return
    if folder.events_file.stat().st_mtime > launched_at:
        raise AlreadyEndedError(folder, state)
