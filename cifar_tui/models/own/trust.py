"""Which classes of the user's own may be run: those that this user has named, by class and file.

A run's `config.json` may come from anybody, and says which class its model is of. It is run only where this user has
trained it by name, or said so when asked. Both are remembered in the user's state folder, which no run carries along.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from cifar_tui.errors import InputError
from cifar_tui.files import open_to_read

FILE = "classes.jsonl"
"""In the state folder: an object a line, `model` and `file`."""
MOST_BYTES = 4_000_000

_now: set[tuple[str, str]] = set()
"""What this process was told, where the state folder may not be written."""
_writing = threading.Lock()


class UnknownClassError(InputError):
    """A class would have to be run that this user has never named.

    Attributes:
        model: The class.
        what: What it is, without what to do about it.
    """

    def __init__(self, model: str, file: Path) -> None:
        self.model = model
        self.what = f"the model {model} is code that you have not trained here by name: {file}"
        super().__init__(f"{self.what}; look at it, and give --trust to run it")


def state_file() -> Path | None:
    """Where it is remembered; None where this user has no such folder."""
    with contextlib.suppress(RuntimeError, OSError):
        return platformdirs.user_state_path("cifar-tui") / FILE
    return None


def is_allowed(model: str, files: Sequence[Path]) -> bool:
    """Whether this user has named the class in this file."""
    key = _key(model, files)
    return key in _now or key in _remembered()


def allow(model: str, files: Sequence[Path]) -> None:
    """Remember that this user has named the class; where that cannot be written, for as long as the process lives."""
    key = _key(model, files)
    with _writing:
        _now.add(key)
        path = state_file()
        if path is None or key in _remembered():
            return
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # In one piece, so that two processes' lines do not mix.
                os.write(descriptor, (json.dumps({"model": key[0], "file": key[1]}) + "\n").encode())
            finally:
                os.close(descriptor)


def _key(model: str, files: Sequence[Path]) -> tuple[str, str]:
    return model, os.path.realpath(files[-1])


def _remembered() -> set[tuple[str, str]]:
    path, found = state_file(), set[tuple[str, str]]()
    if path is None:
        return found
    with contextlib.suppress(OSError), open_to_read(path) as file:
        status = os.fstat(file.fileno())
        # What others may have written is not what this user has said.
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return found
        for line in file.read(MOST_BYTES).splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
                content = json.loads(line)
                found.add((content["model"], content["file"]))
    return found
