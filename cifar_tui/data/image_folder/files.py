"""The files of a folder of images, in the order in which a data set of them has its images."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

RULES = 2
"""By which rules folders of images are read and split now. A run keeps those that it began with.

1: by the names of files; `train` and `test` alone; a random tenth of all training images for validation.
2: by the content of files, in whatever layout is known; a tenth of each class for validation.
"""

SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs", ".heic", ".heif", ".hif"),
    *(".tga", ".pcx", ".qoi", ".sgi", ".rgb", ".bw", ".ras"),
)
"""What the names of image files end in, in lower case: where no file is opened, as in completing a name."""

_FIRST_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
"""What the names of image files ended in by rules 1, in lower case."""

_JUNK_FOLDERS = ("__macosx", "$recycle.bin", "system volume information", "@eadir", "lost+found")
_JUNK_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
"""What systems put beside a person's files, in lower case. The names of others begin with a dot."""


class ImageFile(NamedTuple):
    """A file that may be an image; sorted, they are in the order of their paths."""

    path: str
    label: int
    size: int
    changed: int
    """Time of the last change, in nanoseconds."""
    regular: bool = True
    """Not a pipe, a device or a link to a folder, which are not to be opened."""


def folders(path: str | Path, rules: int = RULES) -> list[str]:
    """The names of the folders in a folder, sorted, without hidden ones and, but for rules 1, those of systems.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not _is_skipped(entry.name, rules))


def files(path: str | Path) -> list[str]:
    """The names of what is in a folder and is none, sorted, without hidden ones and those that systems put there.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if not entry.is_dir() and not is_junk(entry.name))


def image_files(folder: str | Path, label: int, rules: int = RULES) -> Iterator[ImageFile]:
    """All files at any depth below a folder, in no order: only opening one shows whether it is an image.

    By rules 1, regular files alone, by their names; by others also what is no file, such as a pipe.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not _is_skipped(entry.name, rules):
                    yield from image_files(entry.path, label, rules)
            elif not is_junk(entry.name) and (rules > 1 or entry.name.lower().endswith(_FIRST_SUFFIXES)):
                try:
                    status = entry.stat()
                except OSError:  # a link to nothing
                    yield ImageFile(entry.path, label, 0, 0)
                    continue
                if (regular := stat.S_ISREG(status.st_mode)) or rules > 1:
                    yield ImageFile(entry.path, label, status.st_size, status.st_mtime_ns, regular)


def is_image(name: str) -> bool:
    """Whether a file of this name is an image, judged by the name alone."""
    return name.lower().endswith(SUFFIXES)


def is_junk(name: str) -> bool:
    """Whether a file of this name is hidden, or one that systems put beside a person's own."""
    return name.startswith(".") or name.lower() in _JUNK_FILES


def _is_skipped(folder: str, rules: int) -> bool:
    return folder.startswith(".") or (rules > 1 and folder.lower() in _JUNK_FOLDERS)
