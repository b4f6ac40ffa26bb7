"""The image files of a folder, in the order in which a data set of them has its images."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cifar_tui.data import image


class ImageFile(NamedTuple):
    """A file that is an image by its name; sorted, they are in the order of their paths."""

    path: str
    label: int
    size: int
    changed: int
    """Time of the last change, in nanoseconds."""


def folders(path: str | Path) -> list[str]:
    """The names of the folders in a folder, sorted, those that begin with a dot left out.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def image_files(folder: str | Path, label: int) -> Iterator[ImageFile]:
    """The image files at any depth below a folder, in no order.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from image_files(entry.path, label)
            elif is_image(entry.name):
                try:
                    status = entry.stat()
                except OSError:  # a link to nothing: decoding says so by its name
                    yield ImageFile(entry.path, label, 0, 0)
                    continue
                # A pipe would be waited for without end.
                if stat.S_ISREG(status.st_mode):
                    yield ImageFile(entry.path, label, status.st_size, status.st_mtime_ns)


def is_image(name: str) -> bool:
    """Whether a file of this name is an image, by what it ends in."""
    return name.lower().endswith(image.SUFFIXES)
