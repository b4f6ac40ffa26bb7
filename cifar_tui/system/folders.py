"""Files in a folder that anybody may have filled: opened by their names, through no link, within bounds.

A folder that was received from somebody else, or that others may write to, can hold links that lead out of it, second
names of files elsewhere, pipes that are waited for without end, devices, and files of any size. All that is read or
written in a run's folder goes by the class of this module, so that no caller has to think of them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cifar_tui.system import descriptors

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_COUNTS = 3
"""How often the names of a file are counted before it is believed that one is elsewhere: a rename may be under way."""


class Folder:
    """The files of a folder, by name.

    The folder is opened for each call, and what is in it relative to that: neither a link nor a rename of something
    above can lead a call elsewhere once it has started, and a folder that was removed is not made again.

    Names are those of files or folders directly in it; a name with a slash, or `..`, is refused as a `ValueError`.
    What is refused otherwise, and what the system refuses, is an `OSError` whose `strerror` says why.
    """

    __slots__ = ("_below", "_root")

    def __init__(self, root: Path, *below: str) -> None:
        """Open nothing yet.

        Args:
            root: A folder. Where it is a link itself, it is read through, but not written through.
            below: Names of folders, each in the one before; none of them may be a link.
        """
        for name in below:
            _check(name)
        self._root = root
        self._below = below

    @property
    def path(self) -> Path:
        """Where it is, for messages and for comparing; files are not opened by it."""
        return self._root.joinpath(*self._below)

    def folder(self, name: str) -> Folder:
        """A folder in this one, which need not exist."""
        return Folder(self._root, *self._below, name)

    # Reading

    def open_to_read(self, name: str, most_bytes: int | None = None) -> BinaryIO:
        """Open a regular file, all of whose names are in this folder.

        Args:
            name: The file.
            most_bytes: A larger file is refused; None is for what is read piece by piece.

        Raises:
            OSError: It is missing, a link, no regular file, too large, or has a name elsewhere (a hard link).
        """
        with self._opened() as folder, descriptors.closed_on_error(self._open(folder, name, _READ)) as descriptor:
            self._check_kind(descriptor, name)
            self._check_names(folder, descriptor, name)
            if most_bytes is not None and (size := os.fstat(descriptor).st_size) > most_bytes:
                raise self._error(errno.EFBIG, f"it is far too large ({size:,} bytes)", name)
            return os.fdopen(descriptor, "rb")

    def read_bytes(self, name: str, most_bytes: int) -> bytes:
        """The content of a file.

        Raises:
            OSError: As of `open_to_read`.
        """
        with self.open_to_read(name, most_bytes) as file:
            # It may grow while it is read.
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise self._error(errno.EFBIG, "it is far too large", name)
        return content

    def exists(self, name: str) -> bool:
        """Whether there is anything of this name; a link is, wherever it leads."""
        return self.status(name) is not None

    def status(self, name: str) -> os.stat_result | None:
        """The status of this name, of a link itself; None where nothing is there, or it cannot be determined."""
        try:
            with self._opened() as folder:
                return os.stat(_check(name), dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None

    def names_it(self, name: str, descriptor: int) -> bool:
        """Whether an open file still has this name here.

        Raises:
            OSError: That cannot be determined.
        """
        with self._opened() as folder:
            try:
                return os.path.samestat(
                    os.stat(_check(name), dir_fd=folder, follow_symlinks=False), os.fstat(descriptor)
                )
            except FileNotFoundError:
                return False

    def is_file(self, name: str) -> bool:
        """Whether there is a regular file of this name, and no link to one."""
        status = self.status(name)
        return status is not None and stat.S_ISREG(status.st_mode)

    def is_folder(self, name: str) -> bool:
        """Whether there is a folder of this name, and no link to one."""
        status = self.status(name)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def names(self) -> list[str]:
        """The names of all that is in it, in no order.

        Raises:
            OSError: It cannot be read.
        """
        with self._opened() as folder:
            return os.listdir(folder)  # noqa: PTH208  (a path would be looked up again)

    # Writing

    def check_is_own(self) -> None:
        """See that what is written here stays here.

        Raises:
            OSError: It is missing, or a link.
        """
        with self._opened(writing=True):
            pass

    def make(self) -> None:
        """Make this folder in the one above it, unless it is there.

        Raises:
            OSError: The one above is not there, or something else has its name.
        """
        *above, name = self._below
        with contextlib.suppress(FileExistsError), Folder(self._root, *above)._opened(writing=True) as parent:  # noqa: SLF001
            os.mkdir(name, dir_fd=parent)
        self.check_is_own()

    def open_to_append(self, name: str) -> int:
        """A descriptor that writes to the end of a regular file with a single name, which is made where it is missing.

        Raises:
            OSError: It is a link, no regular file, or has another name too; or it cannot be written.
        """
        return self._open_own(name, os.O_RDWR | os.O_APPEND | os.O_CREAT)

    def open_to_ask(self, name: str) -> int:
        """A descriptor that writes to the end of such a file that is there already.

        Raises:
            OSError: As of `open_to_append`, or it is missing.
        """
        return self._open_own(name, os.O_WRONLY | os.O_APPEND)

    def open_to_lock(self, name: str) -> int:
        """A descriptor of such a file, which is made where it is missing, for locks of the system.

        Raises:
            OSError: As of `open_to_append`.
        """
        return self._open_own(name, os.O_RDWR | os.O_CREAT)

    def make_new(self, name: str, mode: int = 0o666) -> int:
        """A descriptor that writes to a new file.

        Args:
            name: The file.
            mode: What may be done with it, less what the user's umask takes away.

        Raises:
            OSError: There is one of this name, or it cannot be made.
        """
        with self._opened(writing=True) as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            return self._open(folder, name, flags, mode)

    @contextmanager
    def replacing(self, name: str) -> Iterator[BinaryIO]:
        """A new file, open to write and to read back; on leaving, it is flushed to the disk and takes this name.

        A reader, or a crash, meets the old content or the new, never half of one. Where the writing fails, what was
        there is as it was. A link of this name is replaced itself, not followed.

        Raises:
            OSError: The folder cannot be written, or the disk is full.
        """
        temporary = f".{_check(name)}.{os.getpid()}-{threading.get_ident()}.tmp"
        with self._opened(writing=True) as folder:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(FileNotFoundError):  # One that a killed process of the same number has left.
                os.unlink(temporary, dir_fd=folder)
            try:
                with os.fdopen(self._open(folder, temporary, flags, 0o666), "w+b") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                # The writing may have taken long.
                descriptors.check_guard(self._root)
                self._rename(folder, temporary, name)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise

    def write_bytes(self, name: str, content: bytes | memoryview) -> None:
        """Replace a file by this content, whole.

        Raises:
            OSError: As of `replacing`.
        """
        with self.replacing(name) as file:
            file.write(content)

    def write_text(self, name: str, text: str) -> None:
        """Replace a file by this text, whole, in UTF-8.

        Raises:
            OSError: As of `replacing`.
        """
        self.write_bytes(name, text.encode())

    def name_again(self, name: str, second: str) -> None:
        """Give a file that is only ever replaced a second name here, or copy it where there are no hard links.

        What had that name is replaced at once, and not missed for a moment.

        Raises:
            OSError: The file is missing, or the folder cannot be written.
        """
        temporary = f".{_check(second)}.{os.getpid()}-{threading.get_ident()}.tmp"
        with self._opened(writing=True) as folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            try:
                os.link(_check(name), temporary, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                raise
            except OSError:
                self._copy(name, second)
                return
            try:
                self._rename(folder, temporary, second)
            finally:
                # Of two names of one file, renaming one to the other does nothing.
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)

    def _copy(self, name: str, second: str) -> None:
        with self.open_to_read(name) as source, self.replacing(second) as target:
            while piece := source.read(1 << 20):
                target.write(piece)

    def remove(self, name: str) -> None:
        """Remove a file, or a link, where there is one.

        Raises:
            OSError: It is a folder, or may not be removed.
        """
        with contextlib.suppress(FileNotFoundError), self._opened(writing=True) as folder:
            os.unlink(_check(name), dir_fd=folder)

    def rename(self, name: str, new: str) -> None:
        """Give a file another name here, whatever had it.

        Raises:
            OSError: It is missing, or the folder cannot be written.
        """
        with self._opened(writing=True) as folder:
            self._rename(folder, _check(name), _check(new))

    def _rename(self, folder: int, name: str, new: str) -> None:
        try:
            os.replace(name, new, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path / new)) from None
        # So that the rename survives a crash of the machine.
        os.fsync(folder)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of writers that were killed. No other may be at work in this folder."""
        with contextlib.suppress(OSError):
            for name in self.names():
                if name.startswith(".") and name.endswith(".tmp"):
                    with contextlib.suppress(OSError):
                        self.remove(name)

    def open_itself(self) -> int:
        """A descriptor of the folder itself, for locks of the system.

        Raises:
            OSError: It is missing, or one of its names below the first is a link.
        """
        with self._opened() as folder:
            return os.dup(folder)

    @contextmanager
    def _opened(self, *, writing: bool = False) -> Iterator[int]:
        """A descriptor of this folder."""
        descriptor = descriptors.open_folder(self._root, follow=not writing)
        try:
            if writing:
                descriptors.check_owned(self._root, descriptor)
            for name in self._below:
                inner = descriptors.open_folder(name, descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, folder: int, name: str, flags: int, mode: int = 0o666) -> int:
        try:
            return os.open(_check(name), flags, mode, dir_fd=folder)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise self._error(
                    errno.ELOOP, "symbolic links are not followed; put the file itself in its place", name
                ) from None
            if error.errno in (errno.ENXIO, errno.EISDIR):  # A pipe that nobody reads, a device, a socket.
                raise self._error(errno.EINVAL, "it is no file", name) from None
            raise OSError(error.errno, error.strerror, str(self.path / name)) from None

    def _open_own(self, name: str, flags: int) -> int:
        """Open what is to be written: it may have no other name at all."""
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with (
            self._opened(writing=True) as folder,
            descriptors.closed_on_error(self._open(folder, name, flags)) as descriptor,
        ):
            self._check_kind(descriptor, name)
            if os.fstat(descriptor).st_nlink > 1:
                raise self._named_elsewhere(name)
            return descriptor

    def _check_kind(self, descriptor: int, name: str) -> None:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise self._error(errno.EINVAL, "it is no file", name)

    def _check_names(self, folder: int, descriptor: int, name: str) -> None:
        """See that no name of an open file is elsewhere: of a file with several, all have to be found here."""
        for _ in range(_COUNTS):
            status = os.fstat(descriptor)
            if status.st_nlink <= 1:
                return
            with os.scandir(folder) as entries:
                here = sum(descriptors.is_same(entry, status) for entry in entries)
            if here >= status.st_nlink:
                return
        raise self._named_elsewhere(name)

    def _named_elsewhere(self, name: str) -> OSError:
        return self._error(errno.EMLINK, "it has another name elsewhere (a hard link); put a copy in its place", name)

    def _error(self, number: int, text: str, name: str) -> OSError:
        return OSError(number, text, str(self.path / name))


def _check(name: str) -> str:
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise ValueError(f"{name!r} is no name of a file")
    return name
