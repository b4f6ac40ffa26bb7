"""Images once read and verified, kept in the user's cache as safetensors: the next start maps them into memory."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data.dataset import Source, Split, fingerprint
from cifar_tui.files import replacing
from cifar_tui.system import user_folders

KEPT = 4
"""How many sources the cache holds at most, those used last; CIFAR-10 takes 185 MB."""

_FORMAT = 1
_ABANDONED_SECONDS = 3600.0


def folder() -> Path:
    """Where this user's cached files are; it need not exist yet."""
    return user_folders.cache()


def key(kind: str, files: Iterable[tuple[str, int, int]]) -> str:
    """What names the images read from these files: another kind, path, size or time gives another key.

    Args:
        kind: Which reader, and what else its result depends on.
        files: Path, size in bytes and time of the last change in nanoseconds, in a fixed order.
    """
    digest = hashlib.sha256(kind.encode())
    for path, size, changed in files:
        digest.update(b"\0%s\0%d\0%d" % (os.fsencode(path), size, changed))
    return digest.hexdigest()


def through(key: str, read: Callable[[], Source]) -> Source:
    """The source kept under this key, or else what `read` gives, which is then kept.

    Content that does not hold is read again; a cache that cannot be written costs only the time of the next start.
    Both are said in the source's notes.
    """
    path = folder() / "images" / f"{key}.safetensors"
    notes: list[str] = []
    try:
        source = _load(path)
    except FileNotFoundError:
        pass
    except (OSError, SafetensorError, ValueError) as error:
        notes.append(f"the cached images {str(path)!r} could not be used and were read again: {_line(error)}")
    else:
        # Under a cache that cannot be written this only makes its place in the order of use less exact.
        with suppress(OSError):
            os.utime(path)
        return source
    source = read()
    try:
        _save(path, source)
    except (OSError, SafetensorError) as error:
        notes.append(
            f"the next start will take as long: the images could not be cached in {str(path.parent)!r}: {_line(error)}"
        )
    return replace(source, notes=(*source.notes, *notes))


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Delete our temporary files in this folder that a killed process left: nobody has written to them for an hour."""
    for path in folder.glob(pattern):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def _load(path: Path) -> Source:
    # A mapped file takes memory once, and only for what is used. It is replaced or unlinked, never written to, so
    # that the mapping stays whole.
    with safe_open(path, framework="pt") as file:
        about = json.loads((file.metadata() or {}).get("source", "null"))
        names = set(file.keys())
        if not isinstance(about, dict) or about.get("format") != _FORMAT or names != {*_TENSORS}:
            raise ValueError("it is no image cache of this release")
        tensors = [file.get_tensor(name) for name in _TENSORS]
    source = Source(
        name=about["name"],
        train=Split(tensors[0], tensors[1]),
        test=Split(tensors[2], tensors[3]),
        classes=tuple(about["classes"]),
        flips=about["flips"],
        notes=tuple(about["notes"]),
    )
    for part in (source.train, source.test):
        _check(part, len(source.classes))
    if fingerprint(source) != about["fingerprint"]:
        raise ValueError("its checksum does not hold")
    return source


_TENSORS = ("train.images", "train.labels", "test.images", "test.labels")


def _check(part: Split, classes: int) -> None:
    images, labels = part.images, part.labels
    count = labels.numel()
    if images.dtype != torch.uint8 or labels.dtype != torch.int64 or not count:
        raise ValueError("its images or labels are of a wrong type")
    if labels.shape != (count,) or images.shape != (count, 3, IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError("its images or labels are of a wrong shape")
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError("its labels are out of range")


def _save(path: Path, source: Source) -> None:
    about = {
        "format": _FORMAT,
        "name": source.name,
        "classes": source.classes,
        "flips": source.flips,
        "notes": source.notes,
        "fingerprint": fingerprint(source),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, ".*")
    tensors = (source.train.images, source.train.labels, source.test.images, source.test.labels)
    with replacing(path) as temporary:
        contiguous = {name: tensor.contiguous() for name, tensor in zip(_TENSORS, tensors, strict=True)}
        save_file(contiguous, temporary, metadata={"source": json.dumps(about)})
    kept = sorted(path.parent.glob("*.safetensors"), key=_last_used, reverse=True)
    for old in kept[KEPT:]:
        old.unlink(missing_ok=True)


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process has just removed it
        return 0.0


def _line(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split())
