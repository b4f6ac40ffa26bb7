"""Private parts of other packages are used in `*_compat` modules alone, where each has its reason and its test."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cifar_tui import tui

ROOT = Path(__file__).parents[2]
PUBLIC_UNDERSCORES = {"_replace", "_asdict", "_fields", "_exit", "_open"}
"""Documented: those of named tuples, `os._exit`, and the hook of Pillow's file formats."""
FORK_SERVER = ROOT / "tests/support/fork_server.py"
"""The one place for the private parts of Python's subprocess."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC_UNDERSCORES


def defined_names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module defines or assigns, of itself or of its objects."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()) | ast.arg():
                yield node.id if isinstance(node, ast.Name) else node.arg
            case ast.Attribute(value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                yield node.attr


def foreign_uses(tree: ast.AST, own: set[str]) -> Iterator[tuple[int, str]]:
    """The lines and texts that reach for a private name which this program does not define."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith(("cifar_tui", "tests")):
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            if any(map(is_private, names)):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Import) and any(is_private(n) for a in node.names for n in a.name.split(".")):
            yield node.lineno, ast.unparse(node)


@pytest.fixture(scope="module")
def modules() -> dict[Path, ast.AST]:
    files = sorted(path for folder in ("cifar_tui", "benchmarks", "tests") for path in (ROOT / folder).rglob("*.py"))
    assert len(files) > 100
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}


def test_no_module_but_compat_reaches_for_what_is_private_to_another_package(modules: dict[Path, ast.AST]) -> None:
    own = {name for tree in modules.values() for name in defined_names(tree)}
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path, tree in modules.items()
        if not path.name.endswith("_compat.py") and path != FORK_SERVER
        for line, text in foreign_uses(tree, own)
    ]
    assert found == []


def test_the_search_finds_what_it_is_for() -> None:
    text = "from a._b import c\nimport d._e\nx._f.g\nself._h = super()._i()\ny._j = 1\n"
    own = set(defined_names(ast.parse("class _A:\n    def __init__(self):\n        self._h = 1")))
    assert sorted(line for line, _ in foreign_uses(ast.parse(text), own)) == [1, 2, 3, 4, 5]


@cache
def private_names(outside: type) -> frozenset[str]:
    """What a class of Textual defines for itself, in its body or on its instances."""
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(outside))))
    assigned = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"}
    return frozenset(filter(is_private, {*vars(outside), *assigned}))


def widgets_and_apps() -> Iterator[type]:
    for info in pkgutil.walk_packages(tui.__path__, f"{tui.__name__}."):
        if not info.name.endswith("_compat"):
            for each in vars(importlib.import_module(info.name)).values():
                if inspect.isclass(each) and each.__module__ == info.name:
                    yield each


def test_no_class_of_the_dashboard_uses_a_private_name_of_its_base_in_textual() -> None:
    found = []
    for each in widgets_and_apps():
        bases = [base for base in each.__mro__ if base.__module__.startswith("textual.")]
        theirs = {name for base in bases for name in private_names(base)}
        nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(each))))) if theirs else []
        used = {
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls", "super()")
        }
        used |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        found += [f"{each.__module__}.{each.__qualname__}: {name}" for name in sorted(used & theirs)]
    assert found == []
