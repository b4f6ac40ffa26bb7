"""Whether `--data` names anything, checked without PyTorch, so that a typo is reported at once."""

from __future__ import annotations

from pathlib import Path

from cifar_tui.config import NAMED_DATA
from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened, suggestion


def check(data: str) -> None:
    """Check that there is such a data set, or something at such a path.

    Raises:
        InputError: There is neither.
    """
    if data not in NAMED_DATA and not _exists(data):
        raise InputError(
            f"--data: there is no data set or folder {shortened(data)}{suggestion(data, NAMED_DATA)}; "
            "it takes cifar10, digits or the path of a folder of images"
        )


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # there, but not to be looked at: its reader says why
        return True
