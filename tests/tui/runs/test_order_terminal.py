"""A dashboard on a terminal follows what commands of other processes do to the runs that it shows."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.dashboard import recorded_folder
from tests.support.program import printed
from tests.support.terminal import Terminal


def test_runs_that_are_renamed_deleted_and_restored_leave_no_dangling_row(tmp_path: Path) -> None:
    for name in ("deep", "wide", "late"):
        recorded_folder(tmp_path / "runs", name)
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    with Terminal([sys.executable, "-m", "cifar_tui", "attach", "deep"], cwd=tmp_path, env=env) as terminal:
        terminal.wait_for(lambda _: "3 runs in runs" in terminal.text() and "1 charts" in terminal.text())
        printed(tmp_path, "rename", "deep", "deeper")
        printed(tmp_path, "rm", "wide")
        terminal.wait_for(lambda _: "2 runs in runs" in terminal.text() and "deeper" in terminal.text())
        terminal.wait_for("was deleted or moved elsewhere")
        table = terminal.text().partition("1 charts")[0]
        assert ("deeper" in table, "wide" in table) == (True, False)
        printed(tmp_path, "rm", "--undo")
        terminal.wait_for("3 runs in runs")
        # What was selected still is, by its new name: its events are read from the new folder.
        terminal.press("d")
        terminal.wait_for("20250101-000000-deeper")
        terminal.press("q")
        assert terminal.wait_exit() == 0
