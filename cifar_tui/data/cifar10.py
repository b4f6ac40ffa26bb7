"""CIFAR-10: found or downloaded, verified by its checksums, then cached."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import torch

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data import cache
from cifar_tui.data.dataset import ProgressCallback, Source, Split
from cifar_tui.data.download import DownloadError, download
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.system.files import open_to_read
from cifar_tui.system.import_lock import import_lock
from cifar_tui.system.paths import absolute, current_folder

CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""The protocol's names, in label order."""

# torchvision knows these names too, but takes seconds to import, which a start from the cache does not.
ARCHIVE = "cifar-10-python.tar.gz"
BATCHES = "cifar-10-batches-py"
BATCH_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")

# MD5, which torchvision has, detects accidents; but another file of the same MD5 can be made. The archive's SHA-256
# is the one that Keras pins in its `cifar10.py`; the files' are of what it holds, as several public projects pin them.
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
SHA256 = {
    "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
    "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
    "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
    "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
    "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
    "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
}
"""Of the batch files."""

ARCHIVE_BYTES = 171_000_000
"""The archive has 170,498,071."""
BATCH_BYTES = 32_000_000
"""A batch file has about 31,036,000."""
_TOO_LARGE = "larger than CIFAR-10's"

_IN_ARRAYS = (
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
)
"""What a pickled array of NumPy's names; `numpy._core` is how NumPy 2 spells it."""

_OTHER_WAYS = (
    f"put {ARCHIVE} into a folder and give it by --data-dir DIR, or train on a folder of images by --data PATH, "
    "or on the bundled digits by --data digits"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A place where CIFAR-10 seems to be; only `read` checks that it is complete."""

    kind: Literal["folder", "archive"]
    path: Path


class _DamagedError(Exception):
    """What was found is incomplete, too large or fails its checksum; the message says how in a few words."""


class _UnusableError(Exception):
    """No place has CIFAR-10 whole."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__()
        self.reasons = reasons


def locate(data_dir: str | None) -> Found | None:
    """The extracted batches or the archive of CIFAR-10 that `read` tries first; None where it has to be downloaded."""
    return next(_found(_places(data_dir)), None)


def download_folder(data_dir: str | None) -> Path:
    """The folder that `read` downloads CIFAR-10 into where it was not found.

    Raises:
        InputError: `data_dir` is relative, and the current folder is gone.
    """
    return _places(data_dir)[0 if data_dir else -1]


def read(data_dir: str | None, progress: ProgressCallback, *, keep_out: bool = False) -> Source:
    """CIFAR-10's 50,000 training and 10,000 test images.

    Looked for in `data_dir`, `./data` and the user's cache, in this order, as extracted batches or as the archive;
    where no place has it whole, the archive is fetched into `data_dir`, else, or with `keep_out`, the user's cache. No
    byte is unpickled before its checksums hold. What is found is never written to; the images go to the user's image
    cache.

    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.

    Raises:
        InputError: It was not found and cannot be downloaded.
        CifarTuiError: torchvision does not work.
    """
    places = _places(data_dir)
    try:
        return _read(places, progress)
    except _UnusableError as error:
        _fetch(download_folder(None if keep_out else data_dir) / ARCHIVE, error.reasons, progress)
    try:
        return _read(places, progress)
    except _UnusableError as error:
        raise CifarTuiError(
            f"CIFAR-10 was downloaded but cannot be read: {'; '.join(error.reasons)}; try again"
        ) from None


def _places(data_dir: str | None) -> list[Path]:
    given = [] if data_dir is None else [absolute(data_dir)]
    beside = [] if (current := current_folder()) is None else [current / "data"]
    return [*given, *beside, absolute(cache.folder())]


def _found(places: list[Path]) -> Iterator[Found]:
    for place in places:
        if (status := _status(place / BATCHES)) and stat.S_ISDIR(status.st_mode):
            yield Found("folder", place / BATCHES)
        if (status := _status(place / ARCHIVE)) and stat.S_ISREG(status.st_mode):
            yield Found("archive", place / ARCHIVE)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # not there, or in a folder that cannot be read: either way it cannot be used
        return None


def _key(places: list[Path]) -> str:
    names = (*(f"{BATCHES}/{name}" for name in BATCH_FILES), ARCHIVE)
    paths = [place / name for place in places for name in names]
    files = [(str(path), status.st_size, status.st_mtime_ns) for path in paths if (status := _status(path))]
    return cache.key(f"cifar10 2 {CLASSES}", files)


def _read(places: list[Path], progress: ProgressCallback) -> Source:
    def first_whole() -> Source:
        reasons: list[str] = []
        for found in _found(places):
            try:
                return replace(_load(found, progress), notes=tuple(reasons))
            except (_DamagedError, OSError) as error:
                reason = (error.strerror if isinstance(error, OSError) else None) or error
                reasons.append(f"{str(found.path)!r} is not used: {reason}")
                progress(reasons[-1], 0, 0)
        raise _UnusableError(reasons)

    return cache.load_or_read(_key(places), first_whole)


def _fetch(target: Path, reasons: list[str], progress: ProgressCallback) -> None:
    cifar = _torchvision_cifar10()
    before = "".join(f"{reason}; " for reason in reasons)
    try:
        download(cifar.url, target, progress, sha256=ARCHIVE_SHA256, max_bytes=ARCHIVE_BYTES)
    except DownloadError as error:
        raise InputError(f"{before}cannot download CIFAR-10 from {cifar.url}: {error}; {_OTHER_WAYS}") from None
    except OSError as error:
        raise InputError(
            f"{before}cannot put CIFAR-10 into {str(target.parent)!r}: {error.strerror or error}; {_OTHER_WAYS}"
        ) from None


def _load(found: Found, progress: ProgressCallback) -> Source:
    cifar = _torchvision_cifar10()
    checksums = dict((*cifar.train_list, *cifar.test_list))
    batches: dict[str, Split] = {}
    for name, content in (_from_folder if found.kind == "folder" else _from_archive)(found.path, cifar):
        if _checksums(io.BytesIO(content)) != (checksums[name], SHA256[name]):
            raise _DamagedError(f"{name} fails its checksum")
        batches[name] = _unpickled(name, content)
        progress("reading CIFAR-10", len(batches), len(checksums))
    if missing := [name for name in checksums if name not in batches]:
        raise _DamagedError(f"it has no {', '.join(missing)}")
    return Source(
        name="cifar10",
        train=_joined([batches[name] for name, _ in cifar.train_list]),
        test=_joined([batches[name] for name, _ in cifar.test_list]),
        classes=CLASSES,
    )


def _from_folder(path: Path, cifar: Any) -> Iterator[tuple[str, bytes]]:
    for name, _ in (*cifar.train_list, *cifar.test_list):
        if (path / name).is_file():
            with open_to_read(path / name) as file:
                yield name, _read_batch(name, file)


def _from_archive(path: Path, cifar: Any) -> Iterator[tuple[str, bytes]]:
    """The batch files, straight from the archive: nothing is extracted that could be half there the next time."""
    names = {f"{cifar.base_folder}/{name}": name for name, _ in (*cifar.train_list, *cifar.test_list)}
    with open_to_read(path) as file:
        if os.fstat(file.fileno()).st_size > ARCHIVE_BYTES:
            raise _DamagedError(f"it is {_TOO_LARGE}")
        if _checksums(file) != (cifar.tgz_md5, ARCHIVE_SHA256):
            raise _DamagedError("it is incomplete or damaged, its checksum does not hold")
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as tar:
                for member in tar:
                    if member.name in names and (content := tar.extractfile(member)):
                        yield names[member.name], _read_batch(names[member.name], content)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise _DamagedError(f"it cannot be unpacked: {error}") from None


def _read_batch(name: str, file: IO[bytes]) -> bytes:
    content = file.read(BATCH_BYTES + 1)
    if len(content) > BATCH_BYTES:
        raise _DamagedError(f"{name} is {_TOO_LARGE}")
    return content


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that calls nothing but what makes NumPy's arrays, whatever the checksums of a file are."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse what arrays do not need."""
        if (module, name) not in _IN_ARRAYS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is in no array")
        return _dtype if (module, name) == ("numpy", "dtype") else super().find_class(module, name)


def _dtype(kind: str, align: int = 0, copy: int = 0) -> np.dtype[Any]:
    """NumPy's, for batches that were pickled when it wrote 0 and 1 for truth values, of which it warns today."""
    return np.dtype(kind, bool(align), bool(copy))


def _unpickled(name: str, content: bytes) -> Split:
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise _DamagedError(f"{name} cannot be read: {error}") from None
    images = np.asarray(batch["data"], dtype=np.uint8).reshape(-1, 3, IMAGE_SIZE, IMAGE_SIZE)
    return Split(torch.from_numpy(images), torch.tensor(batch["labels"], dtype=torch.int64))


def _joined(batches: list[Split]) -> Split:
    return Split(torch.cat([batch.images for batch in batches]), torch.cat([batch.labels for batch in batches]))


def _checksums(file: IO[bytes]) -> tuple[str, str]:
    """MD5 and SHA-256 of the rest of a file."""
    # As torchvision: against accidents, so that it works where MD5 is barred from cryptography.
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    while part := file.read(1 << 20):
        md5.update(part)
        sha256.update(part)
    return md5.hexdigest(), sha256.hexdigest()


def import_torchvision() -> Any:
    """Import the class of torchvision that has the address, names and checksums of CIFAR-10; takes seconds.

    Raises:
        Exception: Whatever keeps torchvision from loading, such as a torch of another release.
    """
    with import_lock:
        from torchvision.datasets import CIFAR10
    return CIFAR10


def _torchvision_cifar10() -> Any:
    try:
        return import_torchvision()
    except (ImportError, OSError, RuntimeError) as error:
        raise CifarTuiError(
            f"torchvision does not load ({' '.join(str(error).split())}); "
            f"install the torchvision of the same release as torch {torch.__version__}"
        ) from None
