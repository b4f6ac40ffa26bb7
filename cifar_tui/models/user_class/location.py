"""Where a user's model class lies, and whether it may be one, determined without importing anything.

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
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.formatting import suggestion
from cifar_tui.system.paths import current_folder

MOST_SOURCE = 200_000
"""Bytes of a module's source that is looked into: its syntax tree takes hundreds of times as much memory."""
RUN_FILES = ("config.json", "events.jsonl")
"""The files that make a folder a run folder."""
_DYNAMIC = ("globals", "locals", "vars", "exec", "eval")
"""Functions by which a module may bind names otherwise than by naming them."""


class NoModuleError(InputError):
    """There is no such module."""


@dataclass(frozen=True, slots=True)
class ModuleLocation:
    """The place of a class.

    Attributes:
        home: The folder or archive in which its package or module was looked for and found; None where that was among
            the packages that are installed.
        files: What an import of it runs: the files of its packages, and its own, the last.
    """

    home: str | None
    files: tuple[Path, ...]


def search_places(folder: str | None) -> list[str]:
    """The folders where a user's modules are looked for before `sys.path`."""
    current = current_folder()
    return list(dict.fromkeys([*([folder] if folder else []), *([str(current)] if current else [])]))


def locate(model: str, folder: str | None, path: Sequence[str]) -> ModuleLocation:
    """Find what an import of a class would run: in its folder, in the current one, or else on the path.

    Args:
        model: `package.module:Class`.
        folder: Where it is looked for first; None is the current folder.
        path: Where installed packages are, as `sys.path`.

    Raises:
        NoModuleError: There is no such module.
        InputError: It is no module that may have a model.
    """
    module = model.partition(":")[0]
    importlib.invalidate_caches()
    missing = ""
    for home, places in [*((place, [place]) for place in search_places(folder)), (None, path)]:
        found = _find(module, places, installed=home is None)
        if isinstance(found, str):
            missing = missing if len(missing) > len(found) else found
            continue
        if not found:
            raise InputError(f"--model {model}: {module} is a folder of modules, no module; name one of them")
        if _is_of_python(found[-1]):
            raise InputError(f"--model {model}: {module} is a module of Python itself, which has no models")
        return ModuleLocation(home, tuple(found))
    where = repr(folder) if folder else "the current folder"
    raise NoModuleError(
        f"--model {model}: there is no module {missing!r} in {where}; name the folder that holds it by "
        "--model-dir, or call cifar-tui from there"
    )


def _find(module: str, path: Sequence[str], *, installed: bool) -> list[Path] | str:
    """The files of a module and of its packages; or the name of what there is none of. Empty for folders alone."""
    files: list[Path] = []
    inner: Sequence[str] = path
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for depth, part in enumerate(parts):
        name = ".".join(parts[: depth + 1])
        spec = _spec(part, name, inner, top=depth == 0, installed=installed)
        if spec is None:
            return name
        if spec.origin is not None:
            # Built into Python, where it has no location.
            files.append(Path(spec.origin) if spec.has_location else Path(sysconfig.get_paths()["stdlib"], part))
        inner = list(spec.submodule_search_locations or ())
    return files if spec is not None and spec.origin is not None else []


def _spec(part: str, name: str, path: Sequence[str], *, top: bool, installed: bool) -> ModuleSpec | None:
    """The spec that Python would find for a module whose parents are found; `installed` ones may have other finders."""
    finders = sys.meta_path if installed else (BuiltinImporter, FrozenImporter, PathFinder)
    # Built-in modules come before those on the path, the finders of editable installations after them.
    for finder in finders:
        if finder is PathFinder:
            # By the last part of its name alone: with all of it, Python would ask for the parents to be imported.
            found = PathFinder.find_spec(part, path)
        else:
            found = finder.find_spec(name, None if top else path)
        if found is not None:
            return found
    return None


def check_location(model: str, folder: str | None, place: ModuleLocation | None, barred: Sequence[Path]) -> None:
    """Check that nothing of a class lies where runs are kept.

    Args:
        model: The class.
        folder: Where it is looked for first.
        place: Where it is, once that is known.
        barred: Folders of runs, and of single runs.

    Raises:
        InputError: It does, by its real path: links, and files within an archive, lie where that lies.
    """
    folders = [_real(each) for each in barred]
    places = [Path(folder)] if place is None and folder else list(place.files) if place else []
    for path in map(_real, places):
        if any(path.is_relative_to(each) for each in folders) or any(map(_is_run, [path, *path.parents])):
            raise InputError(
                f"--model {model}: {path} lies in the folder of runs, which is for data: what lies there is not run; "
                "move the module elsewhere"
            )


def check_names(model: str, file: Path) -> None:
    """Check that a module may have such a class, by the names that its source binds.

    Raises:
        InputError: It has not.
    """
    wanted = model.partition(":")[2]
    tree = _parsed(file)
    try:
        if tree is None or any(_is_dynamic(node, wanted) for node in ast.walk(tree)):
            return
        found = list(_bindings(tree.body))
    except RecursionError:  # A chain of thousands of branches: the import will show it.
        return
    if any(name in ("*", "__getattr__") for name, _ in found):
        return
    of_it = [node for name, node in found if name == wanted]
    if not of_it:
        classes = [name for name, node in found if isinstance(node, ast.ClassDef)]
        raise InputError(f"--model {model}: {file} has no {wanted!r}{suggestion(wanted, classes) if classes else ''}")
    if not any(map(_may_be_model, of_it)):
        raise InputError(f"--model {model}: {wanted} is not a class derived from torch.nn.Module; name such a class")


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


def _is_dynamic(node: ast.AST, wanted: str) -> bool:
    """Whether this may bind the wanted name in a way that cannot be seen from the source."""
    match node:
        case ast.Global(names=names):
            return wanted in names
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id="self"), *_]):
            return False
        case ast.Call(func=ast.Name(id="setattr")):
            return True
        case ast.Subscript(value=ast.Attribute(attr="modules")):
            return True
        case ast.Name(id=name):
            return name in _DYNAMIC
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
