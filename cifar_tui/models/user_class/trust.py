"""Which model classes are trusted: those that this user has named, by class and file.

A run's `config.json` may come from anybody, and says which class its model is of. It is run only where this user has
trained it by name, or said so when asked. Both are remembered in the user's state folder, which no run carries along.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.models.user_class.location import ModuleLocation
from cifar_tui.system import user_folders
from cifar_tui.system.files import open_to_read

FILE = "classes.jsonl"
"""In the state folder: an object a line, `model`, `home` and `files`."""
MOST_BYTES = 4_000_000
Key = tuple[str, str, tuple[str, ...]]
"""A class, the folder from which its own modules are imported, and the files that an import of it runs: real paths."""

_now: set[Key] = set()
"""The classes trusted by this process alone, where the state folder may not be written."""
_writing = threading.Lock()


class UntrustedClassError(InputError):
    """A class would have to be run that this user has never named.

    Attributes:
        model: The class.
        file: The file of its module.
        key: What is to be allowed, exactly.
        what: What it is, without what to do about it.
    """

    def __init__(self, model: str, place: ModuleLocation) -> None:
        self.model, self.file, self.key = model, place.files[-1], key_of(model, place)
        earlier = next((files[-1] for name, _, files in _remembered() if name == model), "")
        gone = f" (the one that you trained, {earlier}, is gone)" if earlier and not Path(earlier).exists() else ""
        self.what = f"the model {model} is code that you have not run here before: {self.file}{gone}"
        super().__init__(f"{self.what}; read that file, and pass --trust to run it, now and later")


def key_of(model: str, place: ModuleLocation) -> Key:
    """The key of a class: which one it is, and the files that are executed with it."""
    return model, os.path.realpath(place.home) if place.home else "", tuple(map(os.path.realpath, place.files))


def digest(key: Key) -> str:
    """A key as one word."""
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()


def state_file() -> Path:
    """The file of trusted classes."""
    return user_folders.state() / FILE


def is_allowed(key: Key) -> bool:
    """Whether this user has named the class in these files."""
    return key in _now or key in _remembered()


def allow(key: Key) -> bool:
    """Remember that this user has named the class.

    Returns:
        Whether that could be written; if not, it holds for as long as the process lives.
    """
    with _writing:
        _now.add(key)
        if key in _remembered():
            return True
        path = state_file()
        model, home, files = key
        line = json.dumps({"model": model, "home": home, "files": files}) + "\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not _is_private(path):
                path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # In one piece, so that two processes' lines do not mix.
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError:
            return False
        return True


def _is_private(path: Path) -> bool:
    """Whether nobody else may have written this file: it counts only for what this user has confirmed."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_uid == os.geteuid() and not status.st_mode & 0o022
    return False


def _remembered() -> set[Key]:
    path, found = state_file(), set[Key]()
    if not _is_private(path):
        return found
    with contextlib.suppress(OSError), open_to_read(path) as file:
        for line in file.read(MOST_BYTES).splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
                content = json.loads(line)
                found.add((content["model"], content["home"], tuple(content["files"])))
    return found
