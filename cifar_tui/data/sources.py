"""What `--data` names: CIFAR-10, the bundled digits, or a folder of images."""

from __future__ import annotations

from pathlib import Path

from cifar_tui.config import NAMED_DATA, suggestion
from cifar_tui.data import cifar10, digits, folder
from cifar_tui.data.dataset import Progress, Source
from cifar_tui.errors import InputError


def read(data: str, data_dir: str | None, progress: Progress) -> Source:
    """All images of a data source, in memory.

    Args:
        data: `cifar10`, `digits`, or the path of a folder of images.
        data_dir: Where CIFAR-10 is looked for first, and put when it has to be fetched.
        progress: Called from this thread, often; what it raises ends the reading.

    Raises:
        InputError: There is no such source, or it cannot be fetched or used.
        CifarTuiError: The installation is at fault.
    """
    if data == "cifar10":
        return cifar10.read(data_dir, progress)
    if data == "digits":
        progress("reading digits", 0, 0)
        return digits.read()
    if not _exists(data):
        raise InputError(
            f"--data: there is no data set or folder {data!r}{suggestion(data, NAMED_DATA)}; "
            "it takes cifar10, digits or the path of a folder of images"
        )
    return folder.read(data, progress)


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError):  # there, but not to be looked at: its reader says why
        return True
