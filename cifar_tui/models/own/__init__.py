"""A class of the user's own as a model: how it is named, where it is looked for, how it is imported.

PyTorch is imported only for that.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from cifar_tui.config import IMAGE_SIZE, suggestion
from cifar_tui.errors import InputError
from cifar_tui.imports import importing
from cifar_tui.models.own import trust
from cifar_tui.models.own.place import check_names, check_place, locate, search_places

if TYPE_CHECKING:
    from torch import nn

UnknownClassError = trust.UnknownClassError
PACKAGE = Path(__file__).parents[2]
"""Ours."""
_imported: set[str] = set()
"""The user's modules of the last import, by name."""
_in_front: list[str] = []
"""The folders that it put in front of the path."""


def is_own(model: str) -> bool:
    """Whether a model is named as a class of the user's own."""
    return ":" in model


def resolved(model: str, folder: str | None) -> str | None:
    """The folder of a class's module as a run keeps it: absolute, for it may be gone on with from another folder.

    Args:
        model: A model by name, which has no such folder, or a class.
        folder: What was given; None is the current folder.
    """
    if not is_own(model):
        return None
    # A path that cannot be is left to the check to refuse.
    with contextlib.suppress(OSError, RuntimeError):
        return str(Path(folder or ".").expanduser().absolute())
    return folder


def check(model: str, folder: str | None, barred: Sequence[Path] = ()) -> list[Path]:
    """See that `package.module:Class` is of this form, and that there may be such a class, importing nothing.

    Args:
        model: The class.
        folder: Where its module is looked for first; None is the current folder.
        barred: Folders of runs, or of single runs, in which it may not lie.

    Returns:
        The files that an import of it would run, that of its module last.

    Raises:
        InputError: It is of another form, or there is none; or it lies where runs are kept.
    """
    module, _, name = model.partition(":")
    if module.endswith(".py") or not all(part.isidentifier() for part in (*module.split("."), name)):
        raise InputError(
            f"--model takes a model's name, or a class as package.module:Class, not {model!r}{_meant(model)}"
        )
    where = repr(folder) if folder else "the current folder"
    if folder:
        check_place(model, [Path(folder, module)], barred)
    files = locate(model, _path(search_places(folder)), where)
    check_place(model, files, barred)
    check_names(model, files[-1])
    return files


def allow(model: str, folder: str | None, barred: Sequence[Path]) -> None:
    """Have a class run from now on, since this user has named it.

    Raises:
        InputError: As of `check`.
    """
    trust.allow(model, check(model, folder, barred))


def unknown(model: str, folder: str | None, barred: Sequence[Path]) -> UnknownClassError | None:
    """What is to be said of a class that this user has never named; None of one that may be run.

    Raises:
        InputError: As of `check`.
    """
    if not is_own(model):
        return None
    files = check(model, folder, barred)
    return None if trust.is_allowed(model, files) else UnknownClassError(model, files[-1])


def load(model: str, folder: str | None) -> Callable[[int], nn.Module]:
    """Import a class's module, anew each time: its file may have changed, and another folder's may have its name.

    Modules are looked for in this folder, then in the current one, then elsewhere. Both stay in front of the path until
    another class is loaded.

    Returns:
        What builds the model for a number of classes. Its weights come from torch's global generator; it raises an
        `InputError` where the class does.

    Raises:
        UnknownClassError: This user has never named the class.
        InputError: The name is not of that form, or there is no such module, or importing it fails, or it has no such
            class of `torch.nn.Module`.
    """
    from torch import nn

    if not trust.is_allowed(model, files := check(model, folder)):
        raise UnknownClassError(model, files[-1])
    name, _, wanted = model.partition(":")
    try:
        with importing:
            module = _import(name, search_places(folder))
    except (Exception, SystemExit) as error:
        raise InputError(f"--model {model}: importing {name} failed: {told(error, folder)}") from error
    kind = getattr(module, wanted, None)
    classes = [n for n, found in vars(module).items() if isinstance(found, type) and issubclass(found, nn.Module)]
    if kind is None:
        where = getattr(module, "__file__", None) or name
        raise InputError(f"--model {model}: {where} has no {wanted!r}{suggestion(wanted, classes) if classes else ''}")
    if wanted not in classes:
        raise InputError(f"--model {model}: {wanted} is no class that is derived from torch.nn.Module")

    def build(num_classes: int) -> nn.Module:
        try:
            with importing:  # It may import what it needs only now.
                built: nn.Module = kind(num_classes=num_classes)
            _give_sizes(built)
        except Exception as error:
            text = told(error, folder)
            hint = "; have its __init__ take num_classes" if "'num_classes'" in text else ""
            raise InputError(f"--model {model}: {wanted}(num_classes={num_classes}) failed: {text}{hint}") from error
        return built

    return build


def told(error: BaseException, folder: str | None) -> str:
    """An error of the user's code in one line, with the place in a file of `folder` where it happened, if it did."""
    text = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}".removesuffix(": ")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        theirs = "site-packages" in path.parts or path.is_relative_to(PACKAGE)
        if folder and path.is_relative_to(folder) and not theirs:
            return f"{text} ({path.relative_to(folder)}, line {frame.lineno})"
    return text


def _meant(model: str) -> str:
    """What may have been meant by a path in the place of a module."""
    path, _, name = model.rpartition(":")
    module = Path(path).name.removesuffix(".py")
    if not (module.isidentifier() and name.isidentifier()):
        return ""
    parent = Path(path).parent
    return f"; did you mean {module}:{name}{f' with --model-dir {parent}' if parent.name else ''}?"


def _path(places: list[str]) -> list[str]:
    return [*places, *(entry for entry in sys.path if entry not in places and entry not in _in_front)]


def _import(name: str, places: list[str]) -> ModuleType:
    for known in _imported:
        sys.modules.pop(known, None)
    _imported.clear()
    sys.path[:], _in_front[:] = _path(places), places
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        return importlib.import_module(name)
    finally:
        _imported.update(new for new in set(sys.modules) - before if _is_theirs(new.partition(".")[0], places))


def _is_theirs(top: str, places: list[str]) -> bool:
    files = [Path(place, top) for place in places]
    return top != PACKAGE.name and any(path.is_dir() or path.with_suffix(".py").is_file() for path in files)


def _give_sizes(model: nn.Module) -> None:
    """Have layers such as `nn.LazyLinear` take their sizes, which they do with the first images that they see."""
    import torch
    from torch.nn.parameter import UninitializedParameter

    if any(isinstance(parameter, UninitializedParameter) for parameter in model.parameters()):
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE))
