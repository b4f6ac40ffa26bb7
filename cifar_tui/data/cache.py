"""Images once read and verified, kept in the user's cache as safetensors: the next start maps them into memory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data.dataset import Source, Split, fingerprint
from cifar_tui.data.image_folder.files import RULES
from cifar_tui.system import user_folders
from cifar_tui.system.files import replacing

MOST_BYTES = 8 * 10**9
"""The most bytes in the cache, where the sources used last stay; CIFAR-10 takes 185 MB, and ImageNet 4 GB."""
SHARE = 0.5
"""It is no more than this part of the room that there is for it."""

_FORMAT = 1
_ABANDONED_SECONDS = 3600.0


def folder() -> Path:
    """The folder of this user's cached files; it need not exist yet."""
    return user_folders.cache()


def key(kind: str, files: Iterable[tuple[str, int, int]]) -> str:
    """The cache key of the images read from these files: another kind, path, size or time gives another key.

    Args:
        kind: Which reader, and what else its result depends on.
        files: Path, size in bytes and time of the last change in nanoseconds, in a fixed order.
    """
    digest = hashlib.sha256(kind.encode())
    for path, size, changed in files:
        digest.update(b"\0%s\0%d\0%d" % (os.fsencode(path), size, changed))
    return digest.hexdigest()


def load_or_read(key: str, read: Callable[[], Source]) -> Source:
    """The source cached under this key, or else that which `read` returns, which is then cached.

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
    size = sum(part.images.nbytes + part.labels.nbytes for part in _parts(source).values())
    try:
        if size <= (most := _most_bytes(path.parent)):
            _save(path, source, most - size)
        else:
            notes.append(
                f"the next start will take as long: the images take {size / 1e9:.1f} GB, and {most / 1e9:.1f} GB is "
                f"what may be cached in {str(path.parent)!r}"
            )
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
        parts = {name.partition(".")[0] for name in names}
        known = {"train", "test"} <= parts <= {"train", "test", "validation"} and len(names) == 2 * len(parts)
        if not isinstance(about, dict) or about.get("format") != _FORMAT or not known:
            raise ValueError("it is no image cache of this release")
        splits = {name: Split(*(file.get_tensor(f"{name}.{kind}") for kind in _KINDS)) for name in parts}
    source = Source(
        name=about["name"],
        train=splits["train"],
        test=splits["test"],
        classes=tuple(about["classes"]),
        flips=about["flips"],
        notes=tuple(about["notes"]),
        validation=splits.get("validation"),
        by_class=about.get("by_class", False),
        splits=about.get("splits", ""),
        rules=about.get("rules", RULES),
    )
    for part in splits.values():
        _check(part, len(source.classes))
    if fingerprint(source) != about["fingerprint"]:
        raise ValueError("its checksum does not hold")
    return source


_KINDS = ("images", "labels")


def _parts(source: Source) -> dict[str, Split]:
    parts = {"train": source.train, "test": source.test, "validation": source.validation}
    return {name: part for name, part in parts.items() if part is not None}


def _check(part: Split, classes: int) -> None:
    images, labels = part.images, part.labels
    count = labels.numel()
    if images.dtype != torch.uint8 or labels.dtype != torch.int64 or not count:
        raise ValueError("its images or labels are of a wrong type")
    if labels.shape != (count,) or images.shape != (count, 3, IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError("its images or labels are of a wrong shape")
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError("its labels are out of range")


def _save(path: Path, source: Source, most_others: float) -> None:
    about = {
        "format": _FORMAT,
        "name": source.name,
        "classes": source.classes,
        "flips": source.flips,
        "notes": source.notes,
        "by_class": source.by_class,
        "splits": source.splits,
        "rules": source.rules,
        "fingerprint": fingerprint(source),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, ".*")
    # Before there is more of it on the disk than there may be. Others may remove the same ones meanwhile, and what
    # another process has mapped stays there for it.
    _remove_unused(path, most_others)
    with replacing(path) as temporary:
        tensors = {
            f"{name}.{kind}": getattr(part, kind).contiguous()
            for name, part in _parts(source).items()
            for kind in _KINDS
        }
        save_file(tensors, temporary, metadata={"source": json.dumps(about)})


def _most_bytes(folder: Path) -> float:
    """The most bytes of the cache in this folder."""
    place = folder
    while not place.exists():
        place = place.parent
    kept = sum(status.st_size for _, status in _kept(folder))
    return min(MOST_BYTES, (shutil.disk_usage(place).free + kept) * SHARE)


def _remove_unused(path: Path, most: float) -> None:
    """Remove other cached sources, those not used for longest first, down to so many bytes."""
    total = 0
    others = [(status.st_mtime, status.st_size, other) for other, status in _kept(path.parent) if other != path]
    for _, size, other in sorted(others, reverse=True):
        total += size
        if total > most:
            other.unlink(missing_ok=True)


def _kept(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.glob("*.safetensors"):
        with suppress(FileNotFoundError):  # another process has just removed it
            yield path, path.stat()


def _line(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split())
