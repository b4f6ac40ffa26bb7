"""What goes wrong in a training that goes on, on a real terminal that somebody has left."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from pathlib import Path

from cifar_tui import Recording, record
from tests.support.terminal import Terminal


def learn(run: Recording, loss: float) -> None:
    """An epoch, at whose end all of it is written."""
    for _ in range(10):
        run.log(loss=loss)
    run.validated(loss=1.0)


def test_a_warning_marks_the_row_rings_out_of_focus_and_stands_in_the_log(tmp_path: Path) -> None:
    with record("net", runs_dir=tmp_path / "runs", quiet=True) as run:
        for _ in range(20):
            learn(run, 1.0)
        command = [sys.executable, "-m", "cifar_tui", "attach", "net"]
        notify = ["--notify-command", "sh -c 'echo $CIFAR_TUI_EVENT $1 > new && mv new given' sh"]
        with Terminal([*command, *notify], cwd=tmp_path) as terminal:
            terminal.wait_for("x axis: ")
            os.write(terminal._master, b"\x1b[O")  # It loses the focus.
            terminal.press("5")
            terminal.wait_for(lambda _: "x axis: " not in terminal.text())
            terminal.wait_for("may learn more")  # A plateau, found before it was read: the log has all of it.
            assert b"\x1b]777;" not in b"".join(data for _, data in terminal.chunks)
            for _ in range(6):
                learn(run, math.nan)
            terminal.wait_for("► running !")
            terminal.wait_for("! the loss is infinite or NaN")
            written = b"".join(data for _, data in terminal.chunks)
            (text,) = re.findall(rb"\x07\x1b\]777;notify;([^\x07]*)\x07", written)
            assert text.startswith(b"cifar-tui: net: not-finite;"), text
            terminal.wait_for(lambda _: (tmp_path / "given").exists())
            assert (tmp_path / "given").read_text() == "not-finite cifar-tui: net: not-finite\n"
            terminal.press("s")
            terminal.wait_for("Stop net?")
            terminal.press("s")
            deadline = time.monotonic() + 60
            while not run.stop_requested:
                assert time.monotonic() < deadline, terminal.text()
                run.log(loss=1.0)
                time.sleep(0.01)
            terminal.press("q")
            assert terminal.wait_exit() == 0
            assert terminal.restored, terminal.unrestored
