"""What other processes ask of a run under way, in a file of its folder: one word a line, read by the run's owner."""

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
        descriptor = Folder(folder).open_to_ask(FILE)
    except FileNotFoundError:
        raise InputError(f"{folder.name} takes no requests yet: it is only getting ready") from None
    except OSError as error:
        raise InputError(f"{folder.name} cannot be asked to {request}: {error.strerror}") from None
    try:
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
        self._folder = Folder(folder)
        self._folder.remove(FILE)
        os.close(self._folder.make_new(FILE, 0o600))
        self._at = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def handle(self, answer: Callable[[Request | str], None], check: Callable[[], None]) -> None:
        """From now on, on a thread of its own, call `answer` with each line: a request, or what is none.

        Args:
            answer: What handles a line.
            check: Called before each look.
        """

        def main() -> None:
            while not self._stopped.wait(READ_SECONDS):
                check()
                for line in self.take():
                    answer(line)

        self._thread = threading.Thread(target=main, name="requests", daemon=True)
        self._thread.start()

    def take(self) -> list[str]:
        """The whole lines that have come since the last call. Nothing where the file cannot be read."""
        try:
            # By its name, time and again: what was written on another machine shows up on opening.
            with self._folder.open_to_read(FILE) as file:
                data = os.pread(file.fileno(), MOST_BYTES, self._at)
        except OSError:
            return []
        # A line that is longer than a look is none, and is passed over in pieces.
        whole = data if len(data) == MOST_BYTES else data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        return [line.strip() for line in whole.decode("ascii", "replace").splitlines() if line.strip()]

    def close(self, *, remove: bool = True) -> None:
        """Handle none any more, and remove the file, unless it is another owner's."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        if remove:
            with contextlib.suppress(OSError):  # Nobody reads it any more, gone or not.
                self._folder.remove(FILE)


def is_request(line: str) -> TypeGuard[Request]:
    """Whether a line is a request."""
    return line in get_args(Request)
