"""Moving the folder of a run that no process trains: to another name, to the trash, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cifar_tui.config import OPTIONS
from cifar_tui.errors import InputError
from cifar_tui.store.lock import RunLock, is_held
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import trees
from cifar_tui.system.folders import Folder

_TIME = re.compile(r"\d{8}-\d{6}-")
"""What an id begins with."""


def rename(folder: RunFolder, name: str) -> RunFolder:
    """Give a run another name; its id keeps the time of its start, where it has one.

    Args:
        folder: The run.
        name: As `--name` takes it.

    Returns:
        The run in its folder as that is called then.

    Raises:
        InputError: It is no name, or another run has it; or the run is trained, or its folder may not be renamed.
    """
    OPTIONS["name"].check(name, "NAME")
    time = _TIME.match(folder.id)
    new = f"{time[0] if time else ''}{name}"
    if new == folder.id:
        raise InputError(f"{folder.id} is called {name} already")
    return move(folder, Folder(folder.path.parent), new, "renamed")


def move(folder: RunFolder, target: Folder, new: str, done: str) -> RunFolder:
    """Move a run's folder, as its owner: no process can begin to train it meanwhile.

    Args:
        folder: The run.
        target: Where to.
        new: What it is to be called there.
        done: What is done to it, for messages: `renamed`.

    Returns:
        The run in its new place.

    Raises:
        InputError: The run is trained, or something is called so there already, or it may not be moved.
    """
    check_idle([folder], done)
    try:
        owner = RunLock(folder.path)
        try:
            trees.move(Folder(folder.path.parent), folder.id, target, new)
        finally:
            owner.release()
    except FileExistsError:
        raise InputError(f"{folder.id} cannot be {done}: there is a {new} in {str(target.path)!r} already") from None
    except OSError as error:
        raise InputError(f"{folder.path} cannot be {done}: {error.strerror or error}") from None
    return RunFolder(target.path / new)


def check_idle(folders: Sequence[RunFolder], done: str) -> None:
    """Check that no process trains any of these runs.

    Raises:
        InputError: One does.
    """
    for folder in folders:
        if is_held(folder.path):
            raise InputError(f"{folder.id} is being trained right now, and cannot be {done}; stop it first")
