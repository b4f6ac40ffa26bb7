"""Images in the user's cache, mapped into memory without PyTorch: who only looks at a few need not load it."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.system import user_folders

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_HEADER = 2_000_000
"""Bytes of the part of a file that describes its content: thousands of class names, and notes."""
MOST_FILES = 200
"""How many files are looked into, those used last first."""
_TYPES = {"U8": "u1", "I64": "<i8"}


@dataclass(frozen=True, slots=True, eq=False)
class ImageArrays:
    """Images and their labels.

    Attributes:
        images: (N, 3, 32, 32) uint8, RGB.
        labels: (N,) int64.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CachedImages:
    """A data set, as `cache` has written it.

    Attributes:
        parts: `train`, `test` and, where it has a set of its own for that, `validation`.
    """

    name: str
    classes: tuple[str, ...]
    parts: dict[str, ImageArrays]


def find(fingerprint: str) -> CachedImages | None:
    """The images of this fingerprint; None where they are not cached, or not as this release caches them.

    The fingerprint is the one that they were stored with: who trains on them computes it from the images again, but a
    picture on the screen need not wait for that.
    """
    for path in _newest(user_folders.cache() / "images"):
        try:
            if (found := _read(path, fingerprint)) is not None:
                return found
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None


def _newest(folder: Path) -> list[Path]:
    """The cached data sets, those used last first."""
    found = list[tuple[float, Path]]()
    for path in folder.glob("*.safetensors"):
        try:
            found.append((path.stat().st_mtime, path))
        except OSError:  # Another process has just removed it.
            continue
    return [path for _, path in sorted(found, reverse=True)[:MOST_FILES]]


def _read(path: Path, fingerprint: str) -> CachedImages | None:
    """The images in a file, where they have this fingerprint.

    Raises:
        OSError: It cannot be read, or is gone.
        ValueError, KeyError, TypeError, AttributeError: It is something else.
    """
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
        if size > MOST_HEADER:
            return None
        header = json.loads(file.read(size))
    about = json.loads(header.pop("__metadata__")["source"])
    if about["fingerprint"] != fingerprint:
        return None

    def mapped(name: str) -> NDArray[Any]:
        # It is replaced or removed, never written to, so that the mapping stays whole.
        described = header[name]
        offset = 8 + size + described["data_offsets"][0]
        return np.memmap(path, _TYPES[described["dtype"]], "r", offset, tuple(described["shape"]))

    parts = {name.partition(".")[0] for name in header}
    arrays = {name: ImageArrays(mapped(f"{name}.images"), mapped(f"{name}.labels")) for name in parts}
    for part in arrays.values():
        if part.images.shape != (len(part.labels), 3, IMAGE_SIZE, IMAGE_SIZE):
            return None
    return CachedImages(str(about["name"]), tuple(map(str, about["classes"])), arrays)
