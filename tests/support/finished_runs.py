"""Small real runs that are recorded in a folder, without pictures and report: what is read back later."""

from __future__ import annotations

from pathlib import Path

from cifar_tui.cli import main
from cifar_tui.runs.provenance import record_of
from cifar_tui.state import RunState
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.setup.prepare import Setup
from tests.support.training_runs import Recorded, run, tiny_setup


def finished_run(runs_dir: Path, setup: Setup | None = None) -> tuple[RunFolder, Recorded]:
    """Train in this process and record it as the run `20260314-150926-tiny`."""
    setup = setup or tiny_setup()
    folder = RunFolder(runs_dir / "20260314-150926-tiny")
    folder.path.mkdir(parents=True)
    trained = run(folder.path, setup=setup)
    record = record_of(setup, folder)
    folder.write_record(record)
    recorder = Recorder(folder, record, RunState())
    for event in trained.events:
        recorder.record(event)
    recorder.close()
    return folder, trained


def command(*arguments: str | Path) -> int:
    """The exit status of a command in this process.

    Raises:
        CifarTuiError: It was refused, or failed; the message is the line that it would have printed.
    """
    status: int | None = main.app([str(argument) for argument in arguments], standalone_mode=False)
    return status or 0
