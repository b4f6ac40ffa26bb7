"""Requests of other processes to a run, in a file of its folder: one word a line, read by the run's owner."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeGuard, get_args

from cifar_tui.errors import InputError
from cifar_tui.store.lock import is_held
from cifar_tui.system.folders import Folder

FILE = "requests"
READ_SECONDS = 0.2
"""How often the owner reads them; it confirms a request within a second, over a shared file system too."""
ASKED = "request received: "
"""The beginning of the note that confirms a request. Processes of other versions look for it."""
MOST_BYTES = 4096
"""Read at once: nobody requests so much at once."""

Request = Literal["pause", "resume", "stop", "checkpoint"]


def send(folder: Path, request: Request) -> None:
    """Send a request to the process that owns the run.

    Raises:
        InputError: No process owns it, or this user may not write the request.
    """
    if not is_held(folder):
        raise InputError(f"{folder.name} is not being trained: there is nothing to {request}")
    try:
        descriptor = Folder(folder).open_to_ask(FILE)
    except FileNotFoundError:
        raise InputError(f"{folder.name} is starting or ending, and takes no requests now") from None
    except OSError as error:
        raise InputError(f"{folder.name} cannot be asked to {request}: {error.strerror}") from None
    try:
        os.write(descriptor, f"{request}\n".encode())
    except OSError as error:
        raise InputError(f"{folder.name} cannot be asked to {request}: {error.strerror}") from None
    finally:
        os.close(descriptor)


class Requests:
    """The owner's side: it creates the file, so that requests to an earlier owner are dropped."""

    def __init__(self, folder: Path) -> None:
        """Create the file, which this user alone may write.

        Raises:
            OSError: The folder cannot be written.
        """
        self._folder = Folder(folder)
        self._folder.remove(FILE)
        os.close(self._folder.make_new(FILE, 0o600))
        self._at = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def handle(self, on_line: Callable[[Request | str], None], before_read: Callable[[], None]) -> None:
        """Start a thread that handles each line.

        Args:
            on_line: Handles a line, which may be no request.
            before_read: Called before each read.
        """

        def main() -> None:
            while not self._stopped.wait(READ_SECONDS):
                before_read()
                for line in self.read():
                    on_line(line)

        self._thread = threading.Thread(target=main, name="requests", daemon=True)
        self._thread.start()

    def read(self) -> list[str]:
        """The whole lines that were appended since the last call; none where the file cannot be read."""
        try:
            # Opened each time: what was written on another machine shows up on opening.
            with self._folder.open_to_read(FILE) as file:
                data = os.pread(file.fileno(), MOST_BYTES, self._at)
        except OSError:
            return []
        # A longer line is no request, and is skipped in pieces.
        whole = data if len(data) == MOST_BYTES else data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        return [line.strip() for line in whole.decode("ascii", "replace").splitlines() if line.strip()]

    def close(self, *, remove: bool = True) -> None:
        """Stop handling, and remove the file, unless it is another owner's."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        if remove:
            with contextlib.suppress(OSError):  # Nobody reads it any more.
                self._folder.remove(FILE)


def is_request(line: str) -> TypeGuard[Request]:
    """Whether a line is a request."""
    return line in get_args(Request)
