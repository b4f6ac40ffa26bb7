"""Where a class of the user's own lies, and whether it may be one, told without importing anything.

To import a module is to run it, its parents too: what is in a folder of runs, which may have come from anybody, and
what is no model are refused before that.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from cifar_tui.config import suggestion
from cifar_tui.errors import InputError

MOST_SOURCE = 4_000_000
"""Bytes of a module's source that is looked into."""
RUN_FILES = ("config.json", "events.jsonl")
"""What makes a folder a run's."""
_DYNAMIC = ("globals", "locals", "vars", "exec", "eval")
"""Functions by which a module may bind names otherwise than by naming them."""


def search_places(folder: str | None) -> list[str]:
    """Where the user's modules are looked for before the path."""
    with contextlib.suppress(OSError):  # The current folder may be gone.
        return list(dict.fromkeys([folder or str(Path.cwd()), str(Path.cwd())]))
    return [folder] if folder else []


def locate(model: str, path: Sequence[str], where: str) -> list[Path]:
    """The files that an import of a class's module would run: those of its packages, and its own, the last.

    Args:
        model: `package.module:Class`.
        path: Where modules are looked for, as `sys.path`.
        where: What the first of these is called in the message.

    Raises:
        InputError: There is no such module.
    """
    module = model.partition(":")[0]
    importlib.invalidate_caches()
    files: list[Path] = []
    inner: Sequence[str] = path
    spec: ModuleSpec | None = None
    for depth, part in enumerate(module.split(".")):
        # By the last part of its name alone: with all of it, Python would ask for the parents to be imported.
        spec = PathFinder.find_spec(part, inner) if depth else _find_top(part, path)
        if spec is None:
            name = ".".join(module.split(".")[: depth + 1])
            raise InputError(
                f"--model {model}: there is no module {name!r} in {where}; name the folder that holds it by "
                "--model-dir, or call cifar-tui from there"
            )
        if spec.origin is not None and spec.has_location:
            files.append(Path(spec.origin))
        inner = list(spec.submodule_search_locations or ())
    if spec is None or spec.origin is None:  # A folder without an __init__.py
        raise InputError(f"--model {model}: {module} is a folder of modules, no module; name one of them")
    if not spec.has_location or _is_of_python(files[-1]):
        raise InputError(f"--model {model}: {module} is a module of Python itself, which has no models")
    return files


def check_place(model: str, files: Sequence[Path], barred: Sequence[Path]) -> None:
    """See that nothing of a class lies where runs are kept.

    Args:
        model: The class.
        files: Its files, as of `locate`.
        barred: Folders of runs, and of single runs.

    Raises:
        InputError: It does, by its real path: links, and files within an archive, lie where that lies.
    """
    folders = [_real(folder) for folder in barred]
    for file in map(_real, files):
        if any(file.is_relative_to(folder) for folder in folders) or any(map(_is_run, file.parents)):
            raise InputError(
                f"--model {model}: {file} lies in the folder of runs, which is for data: what lies there is not run; "
                "move its module elsewhere, and name that folder by --model-dir"
            )


def check_names(model: str, file: Path) -> None:
    """See that a module may have such a class, as far as its source tells.

    Raises:
        InputError: It has not.
    """
    wanted = model.partition(":")[2]
    tree = _parsed(file)
    if tree is None or any(_is_dynamic(node) for node in ast.walk(tree)):
        return
    found = list(_bindings(tree.body))
    if any(name in ("*", "__getattr__") for name, _ in found):
        return
    of_it = [node for name, node in found if name == wanted]
    if not of_it:
        classes = [name for name, node in found if isinstance(node, ast.ClassDef)]
        raise InputError(f"--model {model}: {file} has no {wanted!r}{suggestion(wanted, classes) if classes else ''}")
    if not any(map(_may_be_model, of_it)):
        raise InputError(f"--model {model}: {wanted} is no class that is derived from torch.nn.Module")


def _find_top(name: str, path: Sequence[str]) -> ModuleSpec | None:
    # Built-in modules come before those on the path, the finders of editable installations after them.
    for finder in sys.meta_path:
        find = PathFinder.find_spec if finder is PathFinder else finder.find_spec
        if (spec := find(name, path if finder is PathFinder else None)) is not None:
            return spec
    return None


def _is_of_python(file: Path) -> bool:
    paths = sysconfig.get_paths()
    installed = any(file.is_relative_to(paths[kind]) for kind in ("purelib", "platlib"))
    installed |= not {"site-packages", "dist-packages"}.isdisjoint(file.parts)
    return not installed and any(file.is_relative_to(paths[kind]) for kind in ("stdlib", "platstdlib"))


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # It leads in a circle: nothing is found there.
        return path.absolute()


def _is_run(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return all((folder / name).exists() for name in RUN_FILES)
    return False


def _parsed(file: Path) -> ast.Module | None:
    """The syntax tree of a source file; None of what is none, or cannot be read, for the import to say why."""
    try:
        if file.suffix != ".py" or file.stat().st_size > MOST_SOURCE:
            return None
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_dynamic(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name in _DYNAMIC
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            return True
    return False


def _bindings(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """The names that a module's statements bind, and what binds each; `*` is whatever another module has."""
    for statement in body:
        match statement:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield statement.name, statement
                continue  # What is bound within is not the module's.
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    yield alias.asname or alias.name.partition(".")[0], statement
                continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id, node
        for _, value in ast.iter_fields(statement):
            for inner in value if isinstance(value, list) else ():
                if isinstance(inner, ast.stmt):
                    yield from _bindings([inner])
                elif isinstance(inner, ast.ExceptHandler | ast.match_case):
                    yield from _bindings(inner.body)


def _may_be_model(node: ast.AST) -> bool:
    """Whether what this binds may be a class derived from another."""
    match node:
        case ast.ClassDef():
            return bool(node.bases or node.keywords or node.decorator_list)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(node.decorator_list)
        case ast.Import():
            return False
    return True
