"""The models by name: a file of this folder is a model, and joins by being here.

Such a file has `build(num_classes: int) -> torch.nn.Module`, for inputs (N, 3, 32, 32) in [-1, 1] and logits
(N, num_classes). The folder `parts` holds layers that models share; `user_class` is about classes of users, which are
models like these.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened, suggestion
from cifar_tui.models import user_class

if TYPE_CHECKING:
    from torch import nn


def names() -> tuple[str, ...]:
    """The names that `load` knows, in alphabetical order; torch is not imported for it."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg))


def check(name: str, folder: str | None = None, barred: Sequence[Path] = ()) -> None:
    """Refuse what is no model, as far as that is known without importing anything.

    Args:
        name: A model's name, or a class as `package.module:Class`.
        folder: Where the class's module is looked for first; None is the current folder.
        barred: Folders of runs, in which a class may not lie.

    Raises:
        InputError: It is unknown.
    """
    if user_class.is_user_class(name):
        user_class.check(name, folder, barred)
    elif name not in names():
        meant = suggestion(name, names())
        if "," in name:
            raise InputError(f"--model: unknown model {shortened(name)}; repeat the option for several models")
        raise InputError(
            f"--model: unknown model {shortened(name)}{meant}; a class of your own is given as module:Class"
        )


def load(name: str, folder: str | None = None) -> Callable[[int], nn.Module]:
    """Import a model.

    Returns:
        What builds it for a number of classes, with initial weights from torch's global generator.

    Raises:
        InputError: No model has this name, or it is a class that cannot be imported, or that this user never named.
    """
    if user_class.is_user_class(name):
        return user_class.load(name, folder)
    check(name)
    build: Callable[[int], nn.Module] = importlib.import_module(f"{__name__}.{name}").build
    return build


def build(name: str, num_classes: int) -> nn.Module:
    """A new model.

    Raises:
        InputError: As `load`.
    """
    return load(name)(num_classes)
