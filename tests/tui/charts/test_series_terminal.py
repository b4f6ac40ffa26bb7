"""Every series of a run on a terminal: found, opened, read, zoomed and compared, by keyboard and by mouse."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from cifar_tui.events import to_json
from tests.support.dashboard import recorded_folder
from tests.support.recorded import metric
from tests.support.screens import mouse
from tests.support.terminal import Screen, Terminal

GRID = ("learning rate", "grad_norm", "top5", "spike")
"""The charts of the second page."""


def record(runs: Path, name: str, factor: float) -> None:
    """A run of four epochs with metrics, of which one has an outlier."""
    folder = recorded_folder(runs, name, epochs=4)
    *before, ending = folder.events_file.read_text().splitlines()
    several = [to_json(metric(40 * epoch, grad_norm=factor * epoch, top5=0.5)) for epoch in range(1, 5)]
    several += [to_json(metric(4 * step, spike=1000.0 if step == 20 else 1.0)) for step in range(1, 41)]
    folder.events_file.write_text("".join(f"{line}\n" for line in (*before, *several, ending)))


def cursors(terminal: Terminal) -> Callable[[Screen], bool]:
    """Whether there is a cursor at the same place in both columns of charts, and each chart has one."""

    def are_there(_: Screen) -> bool:
        charts = [line[8:38] for line in terminal.text().splitlines() if "┤" in line[:10]]
        others = [line[47:77] for line in terminal.text().splitlines() if "┤" in line[38:50]]
        places = [[line.find("│") for line in column] for column in (charts, others)]
        crossed = [{place for place in column if place >= 0} for column in places]
        return crossed[0] == crossed[1] and len(crossed[0]) == 1

    return are_there


def test_every_series_is_found_opened_read_and_zoomed_by_keys_and_mouse_and_compared(tmp_path: Path) -> None:
    for name, factor in (("one", 1.0), ("two", 2.0)):
        record(tmp_path / "runs", name, factor)
    with Terminal([sys.executable, "-m", "cifar_tui", "--data", "digits", "--model", "mlp"], cwd=tmp_path) as terminal:
        terminal.wait_for("two")
        terminal.press("end")
        terminal.wait_for("x axis: epochs")
        terminal.press("1", "]")
        terminal.wait_for(lambda _: all(name in terminal.text() for name in GRID))
        # Opened by keys, by the search, and by the mouse.
        terminal.press("down")
        terminal.wait_for("▸grad_norm")
        terminal.press("enter")
        terminal.wait_for("Esc: all charts")
        terminal.press("escape", "y", *"spk")
        terminal.wait_for("Draw a series")
        terminal.press("enter")
        terminal.wait_for("↑ to 1000")
        terminal.press("a")
        terminal.wait_for("  1000┤")
        terminal.press("a", "l", "X")
        terminal.wait_for("spike (log)")
        terminal.wait_for(lambda _: "0.1          0.2" in terminal.text())
        terminal.press("0", "escape")
        terminal.wait_for("page 2/")
        x, y = mouse.find(terminal, "grad_norm")
        terminal.click(x + 10, y + 2)
        terminal.click(x + 10, y + 2)
        terminal.wait_for("· grad_norm: smoothed")
        terminal.press("escape", "escape")
        terminal.wait_for("page 2/")
        # Read where the mouse points and where it has clicked, in all charts; zoomed there, and moved.
        mouse.hover(terminal, 20, 10)
        terminal.wait_for("epoch 1.60 · 64 images")
        terminal.wait_for(cursors(terminal))
        terminal.click(30, 10)
        terminal.wait_for("epoch 2.90 · 116 images")
        mouse.hover(terminal, 20, 3)
        mouse.wheel(terminal, 30, 10, "up")
        mouse.wheel(terminal, 30, 10, "up", ctrl=True)
        terminal.wait_for(lambda _: " 0.101┤" not in terminal.text())
        assert "epoch 2.90 · 116 images" in terminal.text()
        terminal.press("escape")
        terminal.wait_for("x=0.5806:3.781 · y set")
        mouse.drag(terminal, (30, 10), (32, 10))
        terminal.press("escape")
        terminal.wait_for(lambda _: re.search(r" x=0\.3\d+:3\.5\d+ · y set", terminal.text()))
        # Compared, with the cursor of the charts.
        terminal.press("0", "tab", "space", "up", "space", "c")
        terminal.wait_for("1st epoch")
        terminal.press("]")
        terminal.wait_for("grad_norm  a two ~")
        terminal.press("left", "left")
        terminal.wait_for("epoch 3.80 · x axis")
        terminal.press("y", *"top5", "enter")
        terminal.wait_for("top5 %  a two")
        terminal.wait_for("Esc: all charts")
        terminal.press("q")
        assert terminal.wait_exit() == 0
