"""Logs of other tools in the dashboard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cifar_tui.tui.runs.reading import WatchedLogs
from tests.support.dashboard import dashboard, recorded_folder
from tests.support.foreign_logs.written_logs import KERAS, LIGHTNING


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two logs: one that has ended, and one that grows."""
    folder = tmp_path / "logs"
    (folder / "version_0").mkdir(parents=True)
    (folder / "keras.csv").write_text(KERAS)
    os.utime(folder / "keras.csv", (1e9, 1e9))
    (folder / "version_0" / "metrics.csv").write_text(LIGHTNING)
    return folder


def watched(logs: Path) -> WatchedLogs:
    return WatchedLogs((str(logs),), {})


async def test_logs_stand_in_the_table_before_earlier_runs_with_what_they_come_to(tmp_path: Path, logs: Path) -> None:
    recorded_folder(tmp_path / "runs", "mine")
    async with dashboard(tmp_path / "runs", logs=watched(logs)) as board:
        await board.shows("keras", "version_0", "52.00 %", "mine")
        assert [entry.name for entry in board.app.runs] == ["keras", "version_0", "mine"]
        await board.until(lambda: [entry.status for entry in board.app.runs][:2] == ["finished", "running"])
        keras, growing, _ = board.app.runs
        await board.until(lambda: keras.state is not None and len(keras.state.epochs) == 3)
        # The one that is not shown is read for its row alone.
        await board.until(lambda: growing.summary is not None and growing.summary.best_val_accuracy == 0.52)
        assert growing.state is None


async def test_a_log_is_followed_while_it_is_shown_and_when_it_is_written_anew(tmp_path: Path, logs: Path) -> None:
    async with dashboard(tmp_path / "runs", logs=watched(logs)) as board:
        await board.shows("version_0")
        await board.press("down")
        entry = board.app.selected
        assert entry is not None
        await board.until(lambda: entry.state is not None and len(entry.state.epochs) == 2)
        with (logs / "version_0" / "metrics.csv").open("a") as file:
            file.write("2,,29,,,0.75,1.2\n")
        await board.until(lambda: entry.state is not None and len(entry.state.epochs) == 3)
        await board.shows("75.00 %")
        (logs / "version_0" / "metrics.csv").write_text("step,epoch,val_acc\n3,0,0.25\n")
        await board.until(lambda: entry.state is not None and [e.val_accuracy for e in entry.state.epochs] == [0.25])


async def test_logs_are_marked_filtered_and_compared_like_other_runs(tmp_path: Path, logs: Path) -> None:
    async with dashboard(tmp_path / "runs", logs=watched(logs)) as board:
        await board.shows("keras", "version_0")
        await board.press("space", "down", "space", "c")
        await board.until(lambda: all(entry.state is not None for entry in board.app.runs.marked))
        await board.until(lambda: len(board.app.runs.marked) == 2)
        assert board.view == "compare"
        await board.shows("52.00")
        await board.press("slash", *"keras", "enter")
        await board.until(lambda: [entry.name for entry in board.app.main.table.entries] == ["keras"])


@pytest.mark.parametrize(("key", "done"), [("s", "stopped"), ("p", "paused"), ("r", "resumed"), ("e", "reported on")])
async def test_what_a_log_cannot_do_is_said_in_one_line(tmp_path: Path, logs: Path, key: str, done: str) -> None:
    async with dashboard(tmp_path / "runs", logs=watched(logs), size=(140, 40)) as board:
        await board.shows("keras", "version_0")
        await board.press("down")
        await board.shows("epoch 2")
        await board.press(key)
        await board.shows(f"version_0 is read from CSV logs and cannot be {done} from here")


async def test_views_of_what_a_log_does_not_hold_say_so(tmp_path: Path, logs: Path) -> None:
    async with dashboard(tmp_path / "runs", logs=watched(logs), size=(140, 40)) as board:
        await board.shows("keras", "52.00 %")
        await board.press("3")
        await board.shows("there are no images here: the run is recorded by CSV logs")
        await board.press("2")
        await board.shows("there is no confusion matrix in CSV logs")
        await board.press("n")
        await board.shows("New run")


async def test_a_log_that_is_gone_keeps_what_was_read_of_it(tmp_path: Path, logs: Path) -> None:
    (logs / "keras.csv").unlink()
    async with dashboard(tmp_path / "runs", logs=watched(logs)) as board:
        await board.shows("version_0", "52.00 %")
        (entry,) = board.app.runs
        await board.until(lambda: entry.tail is not None)
        (logs / "version_0" / "metrics.csv").unlink()
        (logs / "new.csv").write_text(KERAS)
        await board.shows("new")
        assert entry.state is not None
        assert len(entry.state.epochs) == 2
