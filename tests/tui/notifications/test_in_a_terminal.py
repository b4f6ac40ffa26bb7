"""What goes wrong in a real run, on a real terminal that somebody has left."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tests.support.terminal import Terminal

TRAIN = ("--data", "digits", "--model", "mlp", "--batch-size", "64", "--threads", "1", "--epochs", "500", "--start")


def test_a_warning_marks_the_row_rings_out_of_focus_and_stands_in_the_log(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cifar_tui", *TRAIN, "--disk-reserve", "1e9"]
    with Terminal(command, cwd=tmp_path, env={"OMP_NUM_THREADS": "1"}) as terminal:
        terminal.wait_for("mlp")
        os.write(terminal._master, b"\x1b[O")  # It loses the focus.
        terminal.wait_for("► running !")
        terminal.wait_for("! disk nearly full: ")
        written = b"".join(data for _, data in terminal.chunks)
        (text,) = re.findall(rb"\x07\x1b\]777;notify;([^\x07]*)\x07", written)
        assert text.startswith(b"cifar-tui: mlp: disk;disk nearly full: ")
        terminal.press("5")
        terminal.wait_for("prune removes old")
        terminal.press("s")
        terminal.wait_for("Stop mlp?")
        terminal.press("s")
        terminal.wait_for("■ stopped")
        assert "stopped !" not in terminal.text(), "the disk says nothing of a run that has ended"
        assert b"".join(data for _, data in terminal.chunks).count(b"\x1b]777;") == 1, "who has stopped it knows it"
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.restored, terminal.unrestored
