"""Whatever is pressed or clicked, in whatever size: no crash, no key that is stuck, and a terminal as it was.

It takes the number of keys and clicks from `CIFAR_TUI_RANDOM_KEYS`; a long trial is ten thousand.
"""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.command import summary
from tests.support.screens import mouse
from tests.support.terminal import Screen, Terminal

COUNT = int(os.environ.get("CIFAR_TUI_RANDOM_KEYS", "90"))
SEED = int(os.environ.get("CIFAR_TUI_RANDOM_SEED", "0"))
KEYS = (
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "tab", "shift+tab", "space", "enter"),
    *("escape", "ctrl+up", "ctrl+down", "ctrl+left", "ctrl+right"),
    *"ZwW0aXb:[]",
    *"oOgGCd<",
    *"pprceniyy/1233456xxll++--zz,.vtt?uk",
    *("ctrl+p", "backspace", "a", "é", "7", "0"),
)
"""All keys but those that start and end runs, which are pressed in turns below."""
SIZES = ((120, 40), (80, 24), (200, 60), (60, 15), (59, 14), (20, 5), (1, 1), (100, 30), (160, 50), (61, 60))
ENDS = re.compile("stop|quit", re.IGNORECASE)
"""Lines that are not clicked: with the next click, a run or the dashboard could be ended."""
CHECK = 500
"""Keys after which the dashboard is asked for something it must answer."""


def answers(terminal: Terminal, number: int) -> None:
    """See that keys still do what they are for, when all those before them have acted."""
    for _ in range(5):
        terminal.press("escape")
    word = f"q{number}"
    for keys, shown in ((["/", *word], word), (["?"], "Esc closes"), (["n"], "Ctrl+S creates it")):
        terminal.press(*keys)
        terminal.wait_for(shown, 120)
        terminal.press("escape")
        terminal.wait_for(closed(terminal, shown), 60)


def closed(terminal: Terminal, shown: str) -> Callable[[Screen], bool]:
    return lambda _: shown not in terminal.text()


def use_mouse(terminal: Terminal, drawn: random.Random, columns: int, rows: int) -> None:
    """Click, drag, or turn the wheel somewhere on the screen."""
    (x, y), end = ((drawn.randrange(columns), drawn.randrange(rows)) for _ in range(2))
    what = drawn.choice(("click", "click", "drag", "wheel", "hover"))
    if what == "wheel":
        mouse.wheel(terminal, x, y, drawn.choice(("up", "down")), ctrl=drawn.random() < 0.3)
    elif what == "hover":
        mouse.hover(terminal, x, y)
    elif ENDS.search(terminal.text().split("\n")[y]):
        pass
    elif what == "click":
        terminal.click(x, y)
    else:
        mouse.drag(terminal, (x, y), end)


def test_random_keys_clicks_and_sizes_while_trainers_run_leave_a_dashboard_that_answers(tmp_path: Path) -> None:
    drawn = random.Random(SEED)
    command = [sys.executable, "-m", "cifar_tui", "--data", "digits", "--model", "mlp", "--model", "mlp", "--start"]
    options = ["--batch-size", "64", "--debug", "--threads", "1", "--epochs", "100000", "--patience", "100000"]
    with Terminal([*command, *options], cwd=tmp_path, env={"OMP_NUM_THREADS": "1"}) as terminal:
        terminal.wait_for("► running", 60)
        size = 120, 40
        for number in range(1, COUNT + 1):
            if drawn.random() < 0.02:
                size = drawn.choice(SIZES)
                terminal.resize(*size)
            if drawn.random() < 0.15:
                use_mouse(terminal, drawn, *size)
            else:
                terminal.press(drawn.choice(KEYS))
            if number % CHECK == 0 or number == COUNT:
                terminal.resize(*(size := (120, 40)))
                answers(terminal, number)
        terminal.press("q")
        terminal.wait_for("Quit?")
        terminal.press("s")
        assert terminal.wait_exit(60) == 0
        assert terminal.restored, terminal.unrestored
    assert {summary(folder)["state"] for folder in (tmp_path / "runs").iterdir()} == {"stopped"}
