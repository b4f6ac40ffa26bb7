"""Fetch a file over HTTP: report its bytes, end when it stalls or is cancelled, leave nothing half-written behind."""

from __future__ import annotations

import errno
import hashlib
import http.client
import ssl
import threading
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from cifar_tui import __version__
from cifar_tui.data.cache import remove_abandoned
from cifar_tui.data.dataset import ProgressCallback
from cifar_tui.system.files import replacing

STALL_SECONDS = 30.0
"""How long a server may send nothing before the download fails."""
PART_BYTES = 1 << 15

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class DownloadError(Exception):
    """The network, the server or what it sent is at fault; the message says how in a few words."""


class _Abandoned(Exception):  # noqa: N818 - no error: who asked for the download has gone
    pass


class _Transfer:
    """One download: how far it is, and whether anybody still waits for it."""

    def __init__(self, max_bytes: int) -> None:
        self.done = 0
        self.total = 0
        self.max_bytes = max_bytes
        self.abandoned = False
        self.error: Exception | None = None

    def fetch(self, url: str, target: Path) -> None:
        """Write what the server sends to `target`."""
        request = Request(url, headers={"User-Agent": f"cifar-tui/{__version__}"})
        with urlopen(request, timeout=STALL_SECONDS) as response, target.open("wb") as file:
            self.total = response.length or 0
            while part := response.read(PART_BYTES):
                self.add(len(part))
                file.write(part)
        if self.done < self.total:
            raise DownloadError(f"the server went away after {self.done / 1e6:.1f} of {self.total / 1e6:.1f} MB")

    def add(self, count: int) -> None:
        """Count bytes that have come."""
        self.done += count
        if self.abandoned:
            raise _Abandoned
        if self.done > self.max_bytes:
            raise DownloadError(f"the server sends more than {self.max_bytes / 1e6:.0f} MB")


def download(url: str, path: Path, progress: ProgressCallback, *, sha256: str, max_bytes: int) -> None:
    """Fetch a file and put it in place once its checksums hold; until then `path` is as it was.

    The transfer has a thread of its own, so that `progress`, called ten times a second from this one, ends the
    waiting at once by raising, however the server behaves.

    Args:
        url: Where from.
        path: Where to; its folder is made.
        progress: Called with the bytes so far and in all.
        sha256: Hex SHA-256 of the whole file.
        max_bytes: The most that are fetched.

    Raises:
        DownloadError: No network, no such file, a stall, or a file that is cut short or damaged.
        OSError: The folder cannot be written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, f".{path.name}.*.tmp")
    transfer = _Transfer(max_bytes)

    def work() -> None:
        try:
            transfer.fetch(url, temporary)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            transfer.error = error

    with replacing(path) as temporary:
        temporary.touch()  # a folder that cannot be written says so before the network is asked
        # Not joined at the end of the program, which would wait for a server that is silent.
        thread = threading.Thread(target=work, name="download", daemon=True)
        try:
            thread.start()
            is_under_way = True
            while is_under_way:
                thread.join(0.1)
                is_under_way = thread.is_alive()
                progress(f"fetching {path.name}", transfer.done, transfer.total)
        finally:
            transfer.abandoned = True
        if transfer.error is not None:
            _raise(transfer.error)
        with temporary.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise DownloadError("what came has a wrong checksum")


def _raise(error: Exception) -> None:
    """Turn errors of the network, but not of the disk, into a `DownloadError`."""
    if isinstance(error, DownloadError):
        raise error
    if isinstance(error, HTTPError):
        error.close()
        if 300 <= error.code < 400:
            raise DownloadError("the server redirects without end") from None
        phrase = http.client.responses.get(error.code, "")
        raise DownloadError(f"the server answers {error.code} {phrase}".rstrip()) from None
    if isinstance(error, URLError):
        cause = error.reason
        if isinstance(cause, TimeoutError):
            raise DownloadError(f"no answer within {STALL_SECONDS:g} s") from None
        raise DownloadError(getattr(cause, "strerror", None) or str(cause)) from None
    if isinstance(error, TimeoutError):
        raise DownloadError(f"nothing came for {STALL_SECONDS:g} s") from None
    # The numbers of TLS errors are their own, and look like those of the disk.
    on_disk = not isinstance(error, ssl.SSLError) and isinstance(error, OSError) and error.errno in _DISK_ERRORS
    if isinstance(error, OSError) and not on_disk:
        raise DownloadError(f"the connection broke: {error.strerror or type(error).__name__}") from None
    if isinstance(error, http.client.HTTPException):
        raise DownloadError("what the server answers is no HTTP") from None
    raise error
