"""Who only watches or browses waits for little, loads little and is sent little."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.dashboard import recorded_folder
from tests.support.foreign_logs.written_logs import KERAS
from tests.support.terminal import Terminal

FIRST_PICTURE = 25_000
"""Bytes of it on a terminal of 120×40; Textual by itself would write three times as many."""
PROGRAM = """
import atexit, sys
heavy = {"torch", "torchvision", "matplotlib", "sklearn", "scipy", "PIL", "safetensors"}
atexit.register(lambda: print("loaded:", sorted(heavy & {*sys.modules})))
from cifar_tui.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [(["attach", "mine"], "50.00 %"), (["watch", "keras.csv"], "52.00 %"), ([], "press s to start")],
    ids=["attach", "watch", "dashboard"],
)
def test_watching_and_browsing_load_no_pytorch_and_write_little(
    tmp_path: Path, arguments: list[str], shown: str
) -> None:
    recorded_folder(tmp_path / "runs", "mine")
    (tmp_path / "keras.csv").write_text(KERAS)
    with Terminal([sys.executable, "-c", PROGRAM, *arguments], cwd=tmp_path, fresh=True) as terminal:
        terminal.wait_for(shown)
        terminal.wait_for("x axis: epochs" if arguments else "learning rate")
        assert terminal.written() < FIRST_PICTURE
        terminal.press("end", "2", "4", "5", "6", "space", "n")
        terminal.wait_for("Ctrl+S creates it")
        terminal.press("escape")
        terminal.wait_for(lambda _: "Ctrl+S creates it" not in terminal.text())
        terminal.press("?")
        terminal.wait_for("Esc closes")
        terminal.press("escape")
        terminal.wait_for(lambda _: "Esc closes" not in terminal.text())
        terminal.press("q")
        terminal.wait_for("loaded: []")
