"""The dashboard as a person has it: a real process on a real terminal, real training, real signals."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.command import eventually, only_run, summary
from tests.support.dashboard import recorded_folder
from tests.support.terminal import Terminal

TRAIN = ("--data", "digits", "--model", "mlp", "--batch-size", "64", "--threads", "1")
"""A training of real images that takes a second an epoch, or less."""


def dashboard(
    cwd: Path, *arguments: str, columns: int = 120, rows: int = 40, fresh: bool = False, **env: str
) -> Terminal:
    """It, in the folder `cwd`."""
    command = [sys.executable, "-m", "cifar_tui", *TRAIN, *arguments]
    return Terminal(command, columns=columns, rows=rows, cwd=cwd, env={"OMP_NUM_THREADS": "1", **env}, fresh=fresh)


def best_accuracy(terminal: Terminal) -> float:
    """The best validation accuracy that the screen shows, in percent; 0 before there is one."""
    found = re.search(r"best +(\d+\.\d+) %", terminal.text())
    return float(found[1]) if found else 0.0


def test_a_run_is_started_watched_paused_resumed_stopped_compared_and_left(tmp_path: Path) -> None:
    recorded_folder(tmp_path / "runs", "earlier", state="finished")
    with dashboard(tmp_path, "--epochs", "500", "--patience", "500", "--tensorboard") as terminal:
        terminal.wait_for("earlier")
        terminal.press("s")
        terminal.wait_for("► running", 60)
        terminal.wait_for(lambda _: best_accuracy(terminal) > 0, 60)
        first = best_accuracy(terminal)
        terminal.wait_for(lambda _: best_accuracy(terminal) > first, 60)
        terminal.press("p")
        terminal.wait_for("║ paused")
        terminal.press("p")
        terminal.wait_for("► running")
        terminal.press("space", "end", "space", "c")
        terminal.wait_for("1st epoch")
        terminal.press("tab", "home", "s")
        terminal.wait_for("Stop mlp?")
        terminal.press("s")
        terminal.wait_for("■ stopped", 60)
        terminal.press("1", "q")
        assert terminal.wait_exit() == 0
        assert terminal.restored, terminal.unrestored
        assert "stopped by hand" in terminal.text(), "below the prompt there is how it ended"
    folder = max((tmp_path / "runs").iterdir(), key=lambda path: path.stat().st_mtime)
    told = summary(folder)
    assert told["state"] == "stopped"
    assert told["best_val_accuracy"] >= first / 100
    assert len(list((folder / "tensorboard").iterdir())) == 1
    kinds = re.findall(r'"type":"(\w+)"', (folder / "events.jsonl").read_text())
    assert kinds.index("paused") < kinds.index("resumed") < kinds.index("run_finished")
    assert (folder / "report.md").exists()
    assert (folder / "checkpoints" / "last.pt").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_restores_the_terminal_and_saves_the_run(tmp_path: Path, number: int, status: int) -> None:
    with dashboard(tmp_path, "--epochs", "500", "--start", columns=80, rows=24) as terminal:
        terminal.wait_for("► running", 60)
        terminal.signal(number)
        assert terminal.wait_exit() == status
        assert terminal.restored, terminal.unrestored
        assert "cifar-tui resume" in terminal.text()
    folder = only_run(tmp_path)
    assert summary(folder)["state"] == "interrupted"
    assert (folder / "checkpoints" / "last.pt").exists()


def test_a_run_is_resumed_in_the_dashboard_on_a_terminal_and_without_it_where_that_is_asked_for(tmp_path: Path) -> None:
    recorded_folder(tmp_path / "runs", "mlp", state="finished")
    resume = [sys.executable, "-m", "cifar_tui", "resume", "mlp"]
    with Terminal(resume, cwd=tmp_path) as terminal:
        assert terminal.wait_exit() == 2
        assert "is finished; start a new run to train longer" in terminal.text()
        assert terminal.restored, "the dashboard was not begun"
    with dashboard(tmp_path, "--epochs", "500", "--patience", "500", "--name", "long", "--start") as terminal:
        terminal.wait_for("► running", 60)
        terminal.wait_for(lambda _: best_accuracy(terminal) > 0, 60)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143
    folder = max((tmp_path / "runs").iterdir(), key=lambda path: path.name)
    resume[-1:] = ["long", "--threads", "2"]
    with Terminal(resume, columns=80, rows=24, cwd=tmp_path, env={"OMP_NUM_THREADS": "1"}) as terminal:
        terminal.wait_for("► running", 60)
        terminal.press("s")
        terminal.wait_for("Stop long?")
        terminal.press("s")
        terminal.wait_for("■ stopped", 60)
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.restored, terminal.unrestored
    assert "CPU threads 2, not 1" in (folder / "events.jsonl").read_text()
    with Terminal([*resume[:-2], "--no-ui"], cwd=tmp_path, env={"OMP_NUM_THREADS": "1"}) as terminal:
        terminal.wait_for("epoch", 60)
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 130
        assert "alternate" not in " ".join(terminal.unrestored)
    assert summary(folder)["state"] == "interrupted"


def test_training_goes_on_in_plain_lines_when_the_dashboard_is_left(tmp_path: Path) -> None:
    with dashboard(tmp_path, "--epochs", "12", "--start") as terminal:
        terminal.wait_for("► running", 60)
        terminal.press("q")
        terminal.wait_for("Continue without the dashboard")
        terminal.press("h")
        terminal.wait_for("training continues here")
        assert terminal.restored, terminal.unrestored
        terminal.wait_for("mlp finished", 60)
        assert terminal.wait_exit() == 0
    assert summary(only_run(tmp_path))["state"] == "finished"


def test_without_colour_no_colour_is_written_and_in_ascii_nothing_else(tmp_path: Path) -> None:
    with dashboard(tmp_path, "--ascii", NO_COLOR="1") as terminal:
        terminal.wait_for("o ready")
        terminal.press("2", "5", "?")
        terminal.wait_for("Esc closes")
        terminal.press("q")
        # What is typed into a box that is just being closed is gone with it.
        terminal.wait_for(lambda _: "Esc closes" not in terminal.text())
        terminal.press("q")
        assert terminal.wait_exit() == 0
        written = b"".join(data for _, data in terminal.chunks).decode()
    assert re.search(r"\x1b\[[\d;]*m", written)
    colours = re.findall(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m", written)
    assert colours == []
    assert written.isascii()


def test_nothing_is_written_while_nothing_runs(tmp_path: Path) -> None:
    with dashboard(tmp_path, fresh=True) as terminal:
        terminal.wait_for("press s to start")

        def silent() -> bool:
            written = terminal.written()
            time.sleep(2)
            return terminal.written() == written

        eventually(silent)
