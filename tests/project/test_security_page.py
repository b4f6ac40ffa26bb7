"""The table of what is promised names tests that are there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
PACKAGE = ROOT / "cifar_tui"
ROOMS = ("store", "report", "training", "runs", "headless")
"""Where the files of runs are read and written."""
WAYS = {
    "open", "unlink", "mkdir", "makedirs", "touch", "read_text", "rmdir", "rmtree", "hardlink_to", "symlink_to", "link",
    "copyfile", "safe_open", "load_file", "save_file",
}  # fmt: skip
"""Calls that open, make or remove what a path leads to."""
ALLOWED = {
    ("store/run_folder.py", "mkdir"): "the folder of runs, and a new run's own",
    ("store/run_folder.py", "rmtree"): "a new run's own, which could not be filled",
    ("report/html.py", "open"): "the bytes of a picture",
    ("runs/export.py", "mkdir"): "where the user has said to export to",
    ("runs/export.py", "open"): "the same",
    ("store/lock.py", "open"): "the null device",
    ("training/devices.py", "read_text"): "what the processor can do",
    ("training/distributed/exchange.py", "read_text"): "what rank 0 tells its launcher, in a folder of theirs",
    ("training/distributed/launcher.py", "open"): "the null device",
    ("headless/logs.py", "open"): "the null device",
}
"""Those that are about something else, by file and call."""


def names_in(path: Path) -> list[str]:
    return [
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_every_cell_of_the_table_names_tests_that_are_there_or_says_why_not() -> None:
    text = PAGE.read_text()
    listed = {int(number): name for number, name in re.findall(r"^(\d+)\. `(test_\w+)`$", text, re.MULTILINE)}
    known = Counter(name for path in (ROOT / "tests").rglob("test_*.py") for name in names_in(path))
    assert {name: known[name] for name in listed.values()} == dict.fromkeys(listed.values(), 1)
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 12
    used: set[int] = set()
    for _, *cells in rows:
        assert len(cells) == 5
        for cell in map(str.strip, cells):
            numbers = {int(number) for number in re.findall(r"\d+", cell)} if not cell.startswith("–") else set()
            assert numbers or cell.startswith("–"), cells
            used |= numbers
    assert used == listed.keys()


def test_what_is_in_a_runs_folder_is_opened_in_one_way() -> None:
    found: set[tuple[str, str]] = set()
    for path in (path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
                if name in WAYS:
                    found.add((str(path.relative_to(PACKAGE)), name))
    assert found - ALLOWED.keys() == set(), "by cifar_tui.system.folders instead"
