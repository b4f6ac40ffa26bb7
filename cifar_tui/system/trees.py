"""Whole folders: moved at once, measured, and removed with all that is in them, through no link."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cifar_tui.system.folders import Folder


def move(source: Folder, name: str, target: Folder, new: str) -> None:
    """Move a folder at once, within its file system; nothing that is there is replaced.

    Args:
        source: The folder that it is in.
        name: What it is called there.
        target: The folder that it is to be in.
        new: What it is to be called there.

    Raises:
        FileExistsError: Something is called so there already.
        OSError: It is missing, or no folder but perhaps a link to one; or it may not be moved.
    """
    with _opened(source) as old_parent, _opened(target) as new_parent:
        if not source.is_folder(name):
            raise OSError(errno.ENOTDIR, "it is missing, or no folder of its own", str(source.path / name))
        # A folder takes the place of an empty one, and of nothing else: so no other process is overtaken.
        os.mkdir(new, dir_fd=new_parent)
        try:
            os.rename(name, new, src_dir_fd=old_parent, dst_dir_fd=new_parent)
        except FileExistsError:  # Some file systems, such as SMB, replace no folder at all.
            os.rmdir(new, dir_fd=new_parent)
            os.rename(name, new, src_dir_fd=old_parent, dst_dir_fd=new_parent)
        except BaseException:
            with contextlib.suppress(OSError):
                os.rmdir(new, dir_fd=new_parent)
            raise
        # So that the move survives a crash of the machine.
        os.fsync(new_parent)
        os.fsync(old_parent)


def remove(folder: Folder, name: str) -> None:
    """Remove a folder in this one, with all that is in it; links in it are removed themselves.

    Raises:
        OSError: It is missing or a link, or something in it may not be removed.
    """
    assert shutil.rmtree.avoids_symlink_attacks
    with _opened(folder) as parent:
        try:
            shutil.rmtree(name, dir_fd=parent)
        except RecursionError:
            raise OSError(errno.ELOOP, "its folders are nested too deeply", str(folder.path / name)) from None


def remove_empty(folder: Folder, name: str) -> None:
    """Remove a folder in this one where nothing is in it."""
    with contextlib.suppress(OSError), _opened(folder) as parent:
        os.rmdir(name, dir_fd=parent)


def size(path: Path) -> int:
    """The bytes of all files below a folder, each once, whatever names it has; what cannot be read is left out."""
    found, folders = dict[tuple[int, int], int](), [str(path)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        status = entry.stat(follow_symlinks=False)
                        found[status.st_dev, status.st_ino] = status.st_size
    return sum(found.values())


@contextmanager
def _opened(folder: Folder) -> Iterator[int]:
    descriptor = folder.open_itself()
    try:
        yield descriptor
    finally:
        os.close(descriptor)
