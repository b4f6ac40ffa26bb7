"""Descriptors of folders, through no link, and the folders that this process owns by their paths."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_owned: dict[str, tuple[os.stat_result, Callable[[], None]]] = {}
"""The folders that this process owns, by their paths: as they were when it came to own them, and their guards."""


def own(path: Path, descriptor: int, guard: Callable[[], None]) -> None:
    """Have this process write to the folder of this descriptor alone by this path, and to none that takes its place.

    It holds for everything that is written there, whichever thread does it, until `disown`.

    Args:
        path: The folder.
        descriptor: Its descriptor.
        guard: Called before each writing; where it raises an OSError, this process does not own the folder any more.
    """
    _owned[str(path.absolute())] = (os.fstat(descriptor), guard)


def disown(path: Path) -> None:
    """Write to whichever folder is there from now on."""
    _owned.pop(str(path.absolute()), None)


def check_owned(path: Path, descriptor: int) -> None:
    """Check that an open folder is the one that this process owns by this path, if it owns one.

    Raises:
        FileNotFoundError: Another folder has taken its place.
        OSError: Its guard says that this process does not own it any more.
    """
    owned = _owned.get(str(path.absolute()))
    if owned is None:
        return
    if not os.path.samestat(owned[0], os.fstat(descriptor)):
        raise FileNotFoundError(errno.ENOENT, "its folder was replaced by another one", str(path))
    owned[1]()


def check_guard(path: Path) -> None:
    """Check that this process still owns a folder that it has open, if it did.

    Raises:
        OSError: It does not any more.
    """
    if (owned := _owned.get(str(path.absolute()))) is not None:
        owned[1]()


def open_folder(path: Path | str, above: int | None = None, *, follow: bool = False) -> int:
    """A descriptor of a folder.

    Args:
        path: Where it is, from the folder `above` where that is given.
        above: A descriptor.
        follow: Whether it may be a link itself.

    Raises:
        OSError: It is missing, a link, or no folder.
    """
    try:
        return os.open(path, _FOLDER if follow else _FOLDER | os.O_NOFOLLOW, dir_fd=above)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(path, above):
            raise OSError(errno.ELOOP, "its folder is a link, and symbolic links are not followed", str(path)) from None
        raise


@contextmanager
def closed_on_error(descriptor: int) -> Iterator[int]:
    """Close it where what is done with it fails."""
    try:
        yield descriptor
    except BaseException:
        os.close(descriptor)
        raise


def is_same(entry: os.DirEntry[str], file: os.stat_result) -> bool:
    """Whether an entry of a folder is this file."""
    try:
        # What the listing itself has for a number may be another one, on layered file systems.
        return os.path.samestat(entry.stat(follow_symlinks=False), file)
    except OSError:  # It was removed meanwhile.
        return False


def _is_link(path: Path | str, above: int | None) -> bool:
    try:
        return stat.S_ISLNK(os.stat(path, dir_fd=above, follow_symlinks=False).st_mode)
    except OSError:
        return False
