"""A user's class as a model: how it is named, where it is looked for, how it is imported.

PyTorch is imported only for that.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from cifar_tui.errors import InputError, one_line
from cifar_tui.formatting import shortened, suggestion
from cifar_tui.models.user_class import trust
from cifar_tui.models.user_class.location import ModuleLocation, check_location, check_names, locate
from cifar_tui.system.import_lock import import_lock
from cifar_tui.system.paths import absolute

if TYPE_CHECKING:
    from torch import nn

UntrustedClassError = trust.UntrustedClassError
PACKAGE = Path(__file__).parents[2]
"""The folder of this package."""
_imported: set[str] = set()
"""The user's modules of the last import, by name."""
_in_front: list[str] = []
"""The folders that it put in front of the path."""


def is_user_class(model: str) -> bool:
    """Whether a model is named as a user's class, `module:Class`."""
    return ":" in model


def resolved(model: str, folder: str | None) -> str | None:
    """The folder of a class's module as a run keeps it: absolute, for it may be resumed from another folder.

    Args:
        model: A model by name, which has no such folder, or a class.
        folder: What was given; None is the current folder.
    """
    if not is_user_class(model):
        return None
    return str(absolute(folder or "."))


def check(model: str, folder: str | None, barred: Sequence[Path] = ()) -> ModuleLocation:
    """Check that `package.module:Class` is of this form, and that there may be such a class, importing nothing.

    Args:
        model: The class.
        folder: Where its module is looked for first; None is the current folder.
        barred: Folders of runs, or of single runs, in which it may not lie.

    Returns:
        Where it lies.

    Raises:
        InputError: It is of another form, or there is none; or it lies where runs are kept.
    """
    module, _, name = model.partition(":")
    if module.endswith(".py") or not all(part.isidentifier() for part in (*module.split("."), name)):
        raise InputError(
            f"--model takes a model's name, or a class as package.module:Class, not {shortened(model)}{_meant(model)}"
        )
    check_location(model, folder, None, barred)
    place = locate(model, folder, _installed())
    check_location(model, folder, place, barred)
    check_names(model, place.files[-1])
    return place


def allow(model: str, folder: str | None, barred: Sequence[Path]) -> None:
    """Allow a class to be run from now on, since this user has named it.

    Raises:
        InputError: As of `check`.
    """
    trust.allow(trust.key_of(model, check(model, folder, barred)))


def untrusted(model: str, folder: str | None, barred: Sequence[Path]) -> UntrustedClassError | None:
    """The question to ask about a class that this user has never named; None for one that is trusted.

    Raises:
        InputError: As of `check`.
    """
    if not is_user_class(model):
        return None
    place = check(model, folder, barred)
    return None if trust.is_allowed(trust.key_of(model, place)) else UntrustedClassError(model, place)


def load(model: str, folder: str | None) -> Callable[[int], nn.Module]:
    """Import a class's module again each time: its file may have changed, and another folder's may have its name.

    Modules are looked for in this folder, then in the current one, then elsewhere. The one where it was found stays in
    front of the path until another class is loaded, for what it imports; the other one does not come to be there.

    Returns:
        What builds the model for a number of classes. Its weights come from torch's global generator; it raises an
        `InputError` where the class does.

    Raises:
        UntrustedClassError: This user has never named the class.
        InputError: The name is not of that form, or there is no such module, or importing it fails, or it has no such
            class of `torch.nn.Module`.
    """
    from torch import nn

    from cifar_tui.models.user_class.compatibility import disable_compilation, materialize_lazy_layers
    from cifar_tui.models.user_class.torch_settings import preserve_torch_settings

    place = check(model, folder)
    if not trust.is_allowed(trust.key_of(model, place)):
        raise UntrustedClassError(model, place)
    name, _, wanted = model.partition(":")
    try:
        with import_lock, preserve_torch_settings():
            module = _import(name, place.home)
    except (Exception, SystemExit) as error:
        raise InputError(f"--model {model}: importing {name} failed: {describe_error(error, folder)}") from error
    kind = getattr(module, wanted, None)
    classes = [n for n, found in vars(module).items() if isinstance(found, type) and issubclass(found, nn.Module)]
    if kind is None:
        where = getattr(module, "__file__", None) or name
        raise InputError(f"--model {model}: {where} has no {wanted!r}{suggestion(wanted, classes) if classes else ''}")
    if wanted not in classes:
        raise InputError(f"--model {model}: {wanted} is not a class derived from torch.nn.Module; name such a class")

    def build(num_classes: int) -> nn.Module:
        try:
            with import_lock, preserve_torch_settings():  # It may import what it needs only now.
                built: nn.Module = kind(num_classes=num_classes)
            disable_compilation()
            if isinstance(built, nn.Module):
                materialize_lazy_layers(built)
        except (Exception, SystemExit) as error:
            text = describe_error(error, folder)
            unknown = isinstance(error, TypeError) and "argument" in text and "__init__" in text
            hint = "; have its __init__ take num_classes, and need nothing else" if unknown else ""
            raise InputError(f"--model {model}: {wanted}(num_classes={num_classes}) failed: {text}{hint}") from error
        if not isinstance(built, nn.Module):
            raise InputError(f"--model {model}: {wanted}(num_classes={num_classes}) made a {type(built).__name__}")
        return built

    return build


def describe_error(error: BaseException, folder: str | None) -> str:
    """An error of the user's code in one line, with the place in a file of `folder` where it happened, if it did."""
    text = one_line(error)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        theirs = "site-packages" in path.parts or path.is_relative_to(PACKAGE)
        if folder and path.is_relative_to(folder) and not theirs:
            return f"{text} ({path.relative_to(folder)}, line {frame.lineno})"
    return text


def _meant(model: str) -> str:
    """A suggestion where a path was given in place of a module."""
    path, _, name = model.rpartition(":")
    module = Path(path).name.removesuffix(".py")
    if not (module.isidentifier() and name.isidentifier()):
        return ""
    parent = Path(path).parent
    return f"; did you mean {module}:{name}{f' with --model-dir {parent}' if parent.name else ''}?"


def _installed() -> list[str]:
    """The path without what the last class has put in front."""
    return sys.path[len(_in_front) :] if sys.path[: len(_in_front)] == _in_front else list(sys.path)


def _import(name: str, home: str | None) -> ModuleType:
    for known in _imported:
        sys.modules.pop(known, None)
    _imported.clear()
    rest, _in_front[:] = _installed(), [home] if home is not None else []
    sys.path[:] = [*_in_front, *rest]
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        return importlib.import_module(name)
    finally:
        _imported.update(new for new in set(sys.modules) - before if _is_theirs(new.partition(".")[0], home))


def _is_theirs(top: str, home: str | None) -> bool:
    path = Path(home or "", top)
    return home is not None and top != PACKAGE.name and (path.is_dir() or path.with_suffix(".py").is_file())
