"""The runs table on a terminal, where the keyboard is, devices and kept settings: by keyboard and by mouse."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cifar_tui.events import to_json
from tests.support.dashboard import recorded_folder
from tests.support.others.script_runs import USAGE
from tests.support.screens import mouse
from tests.support.terminal import Screen, Terminal


def record(runs: Path, name: str, best: float) -> None:
    """A run with this accuracy, by its summary and by its events, in which the devices were sampled too."""
    folder = recorded_folder(runs, name)
    text = folder.summary_file.read_text().replace("}", f', "best_val_accuracy": {best}}}')
    folder.summary_file.write_text(text)
    events = folder.events_file.read_text().replace('"val_accuracy":0.5', f'"val_accuracy":{best}')
    assert str(best) in events
    samples = [to_json(replace(USAGE, t=float(second))) for second in range(1, 9)]
    folder.events_file.write_text(events + "".join(f"{line}\n" for line in samples))


def order(terminal: Terminal, *names: str) -> Callable[[Screen], bool]:
    """Whether the table has these runs, in this order."""

    def is_so(_: Screen) -> bool:
        table = terminal.text().partition("1 charts")[0]
        places = [table.find(f"{name} 01-01") for name in names]
        return -1 not in places and places == sorted(places)

    return is_so


def footer_colour(screen: Screen) -> str:
    """The background of the last line."""
    colour: str = screen.buffer[screen.lines - 1][1].bg
    return colour


def reversed_title(terminal: Terminal, text: str) -> Callable[[Screen], bool]:
    """Whether this title is reversed."""

    def is_reversed(screen: Screen) -> bool:
        found = [(line.index(text), y) for y, line in enumerate(terminal.text().splitlines()) if y and text in line]
        return bool(found) and bool(screen.buffer[found[0][1]][found[0][0]].reverse)

    return is_reversed


def test_runs_are_sorted_filtered_grouped_and_looked_into_and_settings_are_kept(tmp_path: Path) -> None:
    for name, best in (("deep", 0.5), ("wide", 0.75), ("late", 0.25)):
        record(tmp_path / "runs", name, best)
    command = [sys.executable, "-m", "cifar_tui", "--data", "digits", "--model", "mlp"]
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    with Terminal(command, columns=80, rows=24, cwd=tmp_path, env=env) as terminal:
        terminal.wait_for("deep")
        # Sorted by a click on a heading and by a key, each in both directions.
        terminal.wait_for("Press s to start")
        mouse.click(terminal, "best val")
        terminal.wait_for("↓ best val")
        terminal.wait_for(order(terminal, "wide", "deep", "late"))
        mouse.click(terminal, "best val")
        terminal.wait_for(order(terminal, "late", "deep", "wide"))
        terminal.press("O")
        terminal.wait_for(order(terminal, "wide", "deep", "late"))
        # Filtered in each of the ways.
        for typed, left in (
            ("best>0.3 patience=10", "2 of 4 runs"),
            ("state:ready", "1 of 4 runs"),
            ("/^stopped.*(deep|late)/", "2 of 4 runs"),
            ("deep", "1 of 4 runs"),
        ):
            terminal.press("/", *typed)
            terminal.wait_for(left)
            terminal.press("escape")
            terminal.wait_for(lambda _: " of 4 runs" not in terminal.text())
        # Grouped, and folded by a key and by the mouse.
        terminal.press("g", *"model", "enter")
        terminal.wait_for("▾ model mlp  ")
        terminal.press("G")
        terminal.wait_for("▸ model mlp")
        mouse.click(terminal, "▸ model mlp")
        terminal.wait_for("▾ model mlp  ")
        terminal.press("g", *"nothing", "enter")
        terminal.wait_for("Group the runs by")
        terminal.wait_for(lambda _: "model mlp" not in terminal.text() and "late 01-01" in terminal.text())
        mouse.click(terminal, "late")
        terminal.press("d")
        terminal.wait_for("options that differ")
        # The theme is chosen in the palette.
        before = footer_colour(terminal.screen)
        terminal.press("ctrl+p", *"theme nord", "enter")
        terminal.wait_for(lambda screen: footer_colour(screen) != before and "Commands" not in terminal.text())
        nord = footer_colour(terminal.screen)
        terminal.press("q")
        assert terminal.wait_exit() == 0
    kept = json.loads((tmp_path / "config" / "cifar-tui" / "dashboard.json").read_text())
    assert kept["screen"]["theme"] == "nord"
    with Terminal(command, cwd=tmp_path, env=env) as terminal:
        terminal.wait_for("↓ best val")
        terminal.wait_for(order(terminal, "wide", "deep", "late"))
        assert footer_colour(terminal.screen) == nord
        # The keyboard goes round by keys, and by clicks also on the last line.
        terminal.wait_for(reversed_title(terminal, "runs"))
        terminal.press("home", "shift+tab")
        terminal.wait_for(reversed_title(terminal, "1 charts"))
        terminal.press("tab")
        terminal.wait_for(reversed_title(terminal, "runs"))
        mouse.click(terminal, "2 confusion", below=38)
        terminal.wait_for(reversed_title(terminal, "2 confusion"))
        mouse.click(terminal, "Tab runs", below=38)
        terminal.wait_for(reversed_title(terminal, "runs"))
        # What the devices of a run did that has ended.
        terminal.press("6")
        terminal.wait_for(reversed_title(terminal, "6 device"))
        terminal.wait_for("gpu 0 utilization  75.00 %")
        terminal.press("x")
        terminal.wait_for("the last 1 h 00 min")
        terminal.press("left")
        terminal.wait_for("8.0 s")
        mouse.click(terminal, "]", below=38)
        terminal.wait_for("disk read")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.restored, terminal.unrestored
