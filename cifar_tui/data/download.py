"""torchvision's download, made to report its bytes, to end when it stalls or is cancelled, to leave nothing half."""

from __future__ import annotations

import errno
import hashlib
import http.client
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError, URLError

from cifar_tui.data.cache import remove_abandoned
from cifar_tui.data.dataset import ProgressCallback
from cifar_tui.system.files import replacing
from cifar_tui.system.import_lock import import_lock

STALL_SECONDS = 30.0
"""How long a server may send nothing before it is given up."""

_WRONG_CHECKSUM = "what came has a wrong checksum"
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class DownloadError(Exception):
    """The network, the server or what it sent is at fault; the message says how in a few words."""


class _Abandoned(Exception):  # noqa: N818 - no error: who asked for the download has gone
    pass


class _Transfer:
    """One download: how far it is, and whether anybody still waits for it."""

    def __init__(self, most: int) -> None:
        self.done = 0
        self.total = 0
        self.most = most
        self.abandoned = False
        self.error: Exception | None = None


_of_thread = threading.local()


class _Bar:
    """What torchvision takes for a tqdm bar, drawing nothing: it tells the bytes to the transfer of its thread."""

    def __init__(self, *, total: int | None = None, **_: Any) -> None:
        self._transfer: _Transfer = _of_thread.transfer
        self._transfer.done, self._transfer.total = 0, total or 0
        self.update(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def update(self, count: int) -> None:
        self._transfer.done += count
        if self._transfer.abandoned:
            raise _Abandoned
        if self._transfer.done > self._transfer.most:
            raise DownloadError(f"the server sends more than {self._transfer.most / 1e6:.0f} MB")


def download(url: str, path: Path, progress: ProgressCallback, *, md5: str, sha256: str, most: int) -> None:
    """Fetch a file and put it in place once its checksums hold; until then `path` is as it was.

    The transfer has a thread of its own, so that `progress`, called ten times a second from this one, ends the
    waiting at once by raising, however the server behaves.

    Args:
        url: Where from.
        path: Where to; its folder is made.
        progress: Told the bytes so far and in all.
        md5: Hex MD5 of the whole file, which torchvision checks.
        sha256: Hex SHA-256 of it.
        most: How many bytes are fetched.

    Raises:
        DownloadError: No network, no such file, a stall, or a file that is cut short or damaged.
        OSError: The folder cannot be written, or the disk is full.
    """
    with import_lock:
        from torchvision.datasets import utils

    utils.tqdm = _Bar  # for good: nothing else in this program has torchvision download
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, f".{path.name}.*.tmp")
    transfer = _Transfer(most)

    def work() -> None:
        _of_thread.transfer = transfer
        try:
            utils.download_url(url, str(path.parent), temporary.name, md5)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            transfer.error = error

    before = socket.getdefaulttimeout()
    with replacing(path) as temporary:
        temporary.touch()  # a folder that cannot be written says so before the network is asked
        # torchvision opens its connection without a time limit, and only the default reaches it.
        socket.setdefaulttimeout(STALL_SECONDS)
        try:
            # Not joined at the end of the program, which would wait for a server that is silent.
            thread = threading.Thread(target=work, name="download", daemon=True)
            thread.start()
            while thread.is_alive():
                thread.join(0.1)
                progress(f"fetching {path.name}", transfer.done, transfer.total)
        finally:
            transfer.abandoned = True
            socket.setdefaulttimeout(before)
        if transfer.error is not None:
            _raise(transfer.error, transfer)
        with temporary.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise DownloadError(_WRONG_CHECKSUM)


def _raise(error: Exception, transfer: _Transfer) -> None:
    """Tell the network's faults, in a few words, from the disk's."""
    if isinstance(error, DownloadError):
        raise error
    if isinstance(error, HTTPError):
        error.close()
        phrase = http.client.responses.get(error.code, "")
        raise DownloadError(f"the server answers {error.code} {phrase}".rstrip()) from None
    if isinstance(error, URLError):
        cause = error.reason
        if isinstance(cause, TimeoutError):
            raise DownloadError(f"no answer within {STALL_SECONDS:g} s") from None
        raise DownloadError(getattr(cause, "strerror", None) or str(cause)) from None
    if isinstance(error, TimeoutError):
        raise DownloadError(f"nothing came for {STALL_SECONDS:g} s") from None
    if isinstance(error, RecursionError):
        raise DownloadError("the server redirects without end") from None
    if isinstance(error, RuntimeError):  # torchvision's word for a wrong checksum
        if transfer.done < transfer.total:
            raise DownloadError(
                f"the server went away after {transfer.done / 1e6:.1f} of {transfer.total / 1e6:.1f} MB"
            ) from None
        raise DownloadError(_WRONG_CHECKSUM) from None
    # The numbers of TLS errors are their own, and look like those of the disk.
    on_disk = not isinstance(error, ssl.SSLError) and isinstance(error, OSError) and error.errno in _DISK_ERRORS
    if isinstance(error, OSError) and not on_disk:
        raise DownloadError(f"the connection broke: {error.strerror or type(error).__name__}") from None
    if isinstance(error, http.client.HTTPException):
        raise DownloadError("what the server answers is no HTTP") from None
    raise error
