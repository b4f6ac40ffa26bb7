"""Reading, zooming and overlaying charts in a terminal, by keyboard and by mouse."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.support.dashboard import recorded_folder
from tests.support.screens import mouse
from tests.support.terminal import Terminal


def test_charts_are_read_zoomed_paged_and_overlaid_by_keys_and_mouse(tmp_path: Path) -> None:
    for name in ("one", "two"):
        recorded_folder(tmp_path / "runs", name, epochs=4)
    with Terminal([sys.executable, "-m", "cifar_tui", "--data", "digits", "--model", "mlp"], cwd=tmp_path) as terminal:
        terminal.wait_for("two")
        terminal.press("end")
        terminal.wait_for("x axis: epochs · y: linear")
        terminal.press("1", "left")
        terminal.wait_for("epoch 4 · loss train 0.")
        terminal.press("escape", "1", "z")
        terminal.wait_for("the last 2")
        terminal.press(":", *"x=1:3", "enter")
        terminal.wait_for("x=1:3")
        terminal.press("0", "]")
        terminal.wait_for("learning rate  0.1")
        terminal.press("enter")
        terminal.wait_for("Esc: all charts")
        terminal.press("escape", "[")
        terminal.wait_for("page 1/2")
        mouse.hover(terminal, 39, 19)
        terminal.wait_for("epoch 1.75 · loss ~")
        mouse.wheel(terminal, 39, 19, "up")
        mouse.drag(terminal, (39, 19), (19, 19))
        terminal.press("escape")
        terminal.wait_for(lambda _: re.search(r"linear · .* · x=0\.\d+:", terminal.text()))
        terminal.press("0", "tab", "space", "up", "space")
        terminal.wait_for("validation loss  a ")
        terminal.press("q")
        assert terminal.wait_exit(60) == 0
