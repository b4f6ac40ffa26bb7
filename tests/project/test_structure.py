"""Folders, files and names stay small and distinct enough to be found by path."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = ("cifar_tui", "tests", "benchmarks")
MOST_MODULES = 15
"""In a folder."""
MOST_AT_THE_ROOT = 12
"""Modules of the package itself, without its subpackages."""
MOST_LINES = 400
REPEATED = {
    "calibration.py": "analysis: the arithmetic; report/plots: its picture",
    "canvas.py": "report/plots: of an image; tui/charts: of cells",
    "comparison.py": "analysis: the arithmetic; report/plots: the pictures",
    "curves.py": "report/plots: of a report; tui/charts: of the dashboard",
    "evaluation.py": "training: of a split; runs: of a run's test images",
    "export.py": "runs: all formats; training: those of a model; headless: the command",
    "files.py": "data/image_folder: the images of a class; system: whole files, written at once",
    "labels.py": "store/order: a run's note and tags; tui/runs/table: its name among others",
    "messages.py": "runs: what a run tells its sinks; tui/log: the log's lines",
    "moving.py": "cli/order: the commands; store/order: what they do",
    "panel.py": "tui: the panel of each view",
    "predictions.py": "analysis: the record; store: its file",
    "progress.py": "headless: a line; training: what the loop counts; tui/sidebar: the run's bars",
    "pruning.py": "cli/order: the command; store/order: what it does",
    "signals.py": "headless: while runs train there; tui/runtime: in the dashboard",
    "table.py": "tui: the table of each view",
    "writer.py": "recording: of a run's events; training/checkpoints: of checkpoints",
    "test_cifar10.py": "tests/cli: by the command; tests/data: the reader",
    "test_predict.py": "tests/cli: the command; tests/tui: the view",
    "test_training.py": "tests/cli: the command; tests/training: the loop",
}
"""Names that modules of one tree share, because the folder tells them apart."""


def modules(tree: str) -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in (ROOT / tree).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The full names of what a module imports, also within functions."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{each.name}" for each in node.names)


@pytest.mark.parametrize("tree", TREES)
def test_a_folder_has_at_most_fifteen_modules(tree: str) -> None:
    counts = Counter(str(path.parent) for path in modules(tree))
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_the_packages_root_has_at_most_twelve_modules() -> None:
    at_the_root = [path.name for path in modules("cifar_tui") if path.parent == Path("cifar_tui")]
    assert len(at_the_root) <= MOST_AT_THE_ROOT, at_the_root


@pytest.mark.parametrize("tree", TREES)
def test_a_file_has_at_most_four_hundred_lines(tree: str) -> None:
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in modules(tree)}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_a_name_is_used_twice_only_where_the_folder_tells_the_two_apart() -> None:
    repeated: set[str] = set()
    for tree in TREES:
        places: defaultdict[str, list[Path]] = defaultdict(list)
        for path in modules(tree):
            places[path.name].append(path)
        repeated |= {
            name for name, paths in places.items() if len(paths) > 1 and name not in ("__init__.py", "conftest.py")
        }
    assert repeated - REPEATED.keys() == set()


def test_no_test_module_imports_another_one() -> None:
    of_tests = re.compile(r"(^|\.)test_\w+(\.|$)")
    found = {
        str(path): [name for name in imported(path) if name.startswith(("tests.", ".")) and of_tests.search(name)]
        for path in modules("tests")
    }
    assert {path: names for path, names in found.items() if names} == {}
