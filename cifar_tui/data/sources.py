"""What `--data` names: CIFAR-10, the bundled digits, or a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cifar_tui.data import cifar10, data_option, digits
from cifar_tui.data.dataset import ProgressCallback, Source
from cifar_tui.data.image_folder import reader
from cifar_tui.data.image_folder.files import RULES
from cifar_tui.errors import InputError
from cifar_tui.system.paths import expand_path


def read(
    data: str, data_dir: str | None, progress: ProgressCallback, *, stored: bool = False, rules: int = RULES
) -> Source:
    """All images of a data source, in memory.

    Args:
        data: `cifar10`, `digits`, or the path of a folder of images.
        data_dir: Where CIFAR-10 is looked for first, and put when it has to be fetched.
        progress: Called from this thread, often; what it raises ends the reading.
        stored: Whether it is a run in a folder that names these: then, `data_dir` is not written to.
        rules: Those by which folders are read; a run keeps the ones that it started with.

    Raises:
        InputError: There is no such source, or it cannot be fetched or used.
        CifarTuiError: The installation is at fault.
    """
    if not 1 <= rules <= RULES:
        raise InputError(
            f"its images were read by rules {rules}, and this release knows rules 1 to {RULES} alone; "
            "use the release that recorded it"
        )
    if data == "cifar10":
        return cifar10.read(data_dir, progress, keep_out=stored)
    if data == "digits":
        progress("reading digits", 0, 0)
        return digits.read()
    data_option.check(data)
    return reader.read(data, progress, rules)


def check_cifar10(folder: str) -> None:
    """Check that a folder holds CIFAR-10.

    Raises:
        InputError: It does not, or cannot be looked into.
    """
    if data_option_for(folder) != "data_dir":
        raise InputError(f"{folder!r} has neither {cifar10.ARCHIVE} nor {cifar10.BATCHES}")


def data_option_for(path: str) -> Literal["data_dir", "data"]:
    """The option that takes this folder: `data_dir` where it holds CIFAR-10, `data` where it holds classes of images.

    Raises:
        InputError: It does neither, or cannot be looked into.
    """
    root = Path(expand_path("--data", path))
    try:
        if not root.is_dir():
            raise InputError(f"there is no folder {path!r}")
        if (root / cifar10.ARCHIVE).is_file() or (root / cifar10.BATCHES).is_dir():
            return "data_dir"
    except OSError as error:
        raise InputError(f"{path!r} cannot be looked into: {error.strerror}") from None
    try:
        reader.check(str(root))
    except InputError as error:
        reason = str(error).removeprefix("--data: ")
        raise InputError(f"it has neither {cifar10.ARCHIVE} nor {cifar10.BATCHES} nor classes: {reason}") from None
    return "data"
