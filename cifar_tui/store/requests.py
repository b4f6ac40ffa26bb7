"""What other processes ask of a run under way, in a file of its folder: one word a line, read by the run's owner."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeGuard, get_args

from cifar_tui.errors import InputError
from cifar_tui.store.lock import is_held

FILE = "requests"
READ_SECONDS = 0.2
"""How often the owner looks; a request is answered within a second, over a shared file system too."""
ASKED = "asked from outside: "
"""What the note that answers a request begins with."""
MOST_BYTES = 4096
"""Of one look: nobody asks for so much at once."""

Request = Literal["pause", "resume", "stop", "checkpoint"]


def send(folder: Path, request: Request) -> None:
    """Ask it of the process that owns the run.

    Raises:
        InputError: No process owns it, or it may not be asked by this user.
    """
    if not is_held(folder):
        raise InputError(f"{folder.name} is not being trained: there is nothing to {request}")
    try:
        # Only the owner makes the file: one that someone else put there is not followed anywhere.
        descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError(f"{folder.name} takes no requests yet: it is only getting ready") from None
    except OSError as error:
        raise InputError(f"{folder.name} cannot be asked to {request}: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(f"{folder / FILE}: not a file")
        os.write(descriptor, f"{request}\n".encode())
    except OSError as error:
        raise InputError(f"{folder.name} cannot be asked to {request}: {error.strerror}") from None
    finally:
        os.close(descriptor)


class Requests:
    """The owner's side: it makes the file anew, so that what was asked of an earlier owner is void."""

    def __init__(self, folder: Path) -> None:
        """Make the file, for this user alone to write to.

        Raises:
            OSError: The folder cannot be written.
        """
        self._file = folder / FILE
        self._file.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(self._file, flags, 0o600))
        self._at = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def heed(self, answer: Callable[[Request | str], None]) -> None:
        """From now on, call `answer` on a thread of its own with each line: a request, or what is none."""

        def main() -> None:
            while not self._stopped.wait(READ_SECONDS):
                for line in self.take():
                    answer(line)

        self._thread = threading.Thread(target=main, name="requests", daemon=True)
        self._thread.start()

    def take(self) -> list[str]:
        """The whole lines that have come since the last call. Nothing where the file cannot be read."""
        try:
            # By its name, time and again: what was written on another machine shows up on opening.
            descriptor = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return []
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return []
            data = os.pread(descriptor, MOST_BYTES, self._at)
        except OSError:
            return []
        finally:
            os.close(descriptor)
        # A line that is longer than a look is none, and is passed over in pieces.
        whole = data if len(data) == MOST_BYTES else data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        return [line.strip() for line in whole.decode("ascii", "replace").splitlines() if line.strip()]

    def close(self) -> None:
        """Heed none any more, and take the file away."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        with contextlib.suppress(OSError):  # It is not heeded any more, gone or not.
            self._file.unlink(missing_ok=True)


def is_request(line: str) -> TypeGuard[Request]:
    """Whether a line is a request."""
    return line in get_args(Request)
