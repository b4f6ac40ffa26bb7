"""Image files given by the user: found, and decoded in order, somewhat ahead of their use."""

from __future__ import annotations

import errno
import glob
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifar_tui.data.image_folder.files import folders, image_files, is_junk
from cifar_tui.data.images import decoder
from cifar_tui.data.images.decoder import UnusableImage
from cifar_tui.errors import InputError

CHUNK = 16
"""Files that one thread decodes in a row."""
AHEAD = 128
"""Chunks that are decoded or under way: 6 MB of pixels."""

Decoded = NDArray[np.uint8] | UnusableImage
"""The pixels of an image file, (3, 32, 32) RGB, or why it has none."""


class InputFile(NamedTuple):
    """An image file.

    Attributes:
        path: Below the folder that was named, as that was named.
        folders: The names of folders that it stands in, any of which may be its class's: those below the folder that
            was named, from there on, as in a data set, then that one.
        named: Whether it was named itself, not by a folder or a pattern.
    """

    path: str
    folders: tuple[str, ...]
    named: bool


def find(names: Sequence[str]) -> list[InputFile]:
    """Find the files of these names: files, folders with all below them, patterns with `*`, `?`, `[…]` or `**`.

    Only their content shows whether they are images. Hidden files, and those that systems put there, are skipped.

    Those of a folder are in the order in which a data set of it has them: its own, then those of each folder in it.

    A file that is missing is one that cannot be read, as long as there are others.

    Raises:
        InputError: None of the files is there; or a folder or a pattern has no images, or cannot be read.
    """
    found = [picture for name in names for picture in _meant(name)]
    if all(picture.named and not Path(picture.path).exists() for picture in found):
        raise InputError(f"{found[0].path!r} cannot be read: {os.strerror(errno.ENOENT)}")
    return found


def _meant(name: str) -> list[InputFile]:
    try:
        if Path(name).is_dir():
            return _below(name)
        if os.path.lexists(name) or not glob.has_magic(name):
            Path(name).exists()  # It raises an error where that cannot be determined.
            return [InputFile(name, (Path(name).absolute().parent.name,), named=True)]
        found = []
        for path in sorted(glob.glob(name, recursive=True)):  # noqa: PTH207  (it keeps paths as they are written)
            if not Path(path).is_dir():
                if not is_junk(Path(path).name):
                    found.append(InputFile(path, (Path(path).absolute().parent.name,), named=False))
            elif "**" not in name:
                found += _below(path)
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise InputError(f"{name!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not found:
        raise InputError(f"no image file matches {name!r}")
    return found


def _below(root: str) -> list[InputFile]:
    own_name = Path(root).resolve().name
    with os.scandir(root) as entries:
        own = sorted(entry.path for entry in entries if not entry.is_dir() and not is_junk(entry.name))
    found = [InputFile(path, (own_name,), named=False) for path in own]
    for inner in folders(root):
        paths = sorted(file.path for file in image_files(Path(root, inner), 0))
        found += [InputFile(path, (*Path(path).relative_to(root).parts[:-1], own_name), named=False) for path in paths]
    if not found:
        raise InputError(f"{root!r} has no images")
    return found


def decode_all(paths: Sequence[str], workers: int) -> Iterator[Decoded]:
    """Decode these files with so many threads, a little ahead of what is taken, and give them in order."""
    decoder.prepare()
    ahead: deque[Future[list[Decoded]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        for first in range(0, len(paths), CHUNK):
            ahead.append(pool.submit(_decode, paths[first : first + CHUNK]))
            if len(ahead) == AHEAD:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(paths: Sequence[str]) -> list[Decoded]:
    found: list[Decoded] = []
    for path in paths:
        try:
            found.append(decoder.decode(path))
        except UnusableImage as error:
            found.append(error)
    return found
