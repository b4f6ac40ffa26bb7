"""Files that are replaced whole: a reader, or a crash, meets the old content or the new, never half of one."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
RECOVERABLE_ERRORS = (*DISK_FULL_ERRORS, errno.EIO, errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of writing that someone may fix while the program continues."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; on leaving it is flushed to the disk and takes the place of `path`.

    Where the writing fails, `path` is as it was and the temporary file is gone.

    Raises:
        OSError: The folder cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Replace `path` by this text, atomically, in UTF-8.

    Raises:
        OSError: The folder cannot be written, or the disk is full.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def open_to_read(path: Path) -> BinaryIO:
    """Open a file. What is none is an error: one would wait for a pipe without end, or take it from who reads it.

    Raises:
        OSError: It is not there, no file, or may not be read.
    """
    _check_is_file(path.stat(), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check_is_file(os.fstat(descriptor), path)  # It may have been replaced in between.
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _check_is_file(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file", str(path))


def sync_folder(folder: Path) -> None:
    """Make a rename within `folder` survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
