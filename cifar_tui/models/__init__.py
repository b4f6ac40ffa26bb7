"""The models by name: a file of this folder is a model, and joins by being here.

Such a file has `build(num_classes: int) -> torch.nn.Module`, for inputs (N, 3, 32, 32) in [-1, 1] and logits
(N, num_classes). The folder `parts` holds layers that models share.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from cifar_tui.config import suggestion
from cifar_tui.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def names() -> tuple[str, ...]:
    """The names that `build` knows, in alphabetical order; torch is not imported for it."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg))


def check(name: str) -> None:
    """Refuse a name that is no model's.

    Raises:
        InputError: It is unknown.
    """
    if name not in names():
        raise InputError(f"--model: unknown model {name!r}{suggestion(name, names())}")


def build(name: str, num_classes: int) -> nn.Module:
    """A new model; its initial weights come from torch's global generator.

    Raises:
        InputError: No model has this name.
    """
    check(name)
    module = importlib.import_module(f"{__name__}.{name}")
    model: nn.Module = module.build(num_classes)
    return model
