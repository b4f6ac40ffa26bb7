"""What a person has set in the dashboard, kept for the next time: one JSON file in the user's configuration.

The file is an object of sections, `{"screen": {"theme": "dark"}}`; each section is a dataclass of plain values, whose
part of the dashboard owns it. What is not known, of another version, stays in the file. A process writes only the
fields that it has changed, on what stands in the file by then, so that two dashboards keep each other's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import Field, asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from cifar_tui.system import user_folders
from cifar_tui.system.files import open_to_read, write_text
from cifar_tui.system.untrusted import bounded_json, codec
from cifar_tui.tui.runtime import background


class Section(Protocol):
    """A dataclass of plain values, each with a default."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T", bound=Section)
FILE = "dashboard.json"
MOST_BYTES, MOST_MEMORY = 100_000, 5_000_000
"""Of the file, and of its values."""
RETRY_SECONDS = 30.0
"""After which what could not be written is written with whatever is kept next, changed or not."""
LOCK_SECONDS = 1.0
"""How long one dashboard waits for another to have written; then it writes all the same."""

Content = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """How the screen as a whole looks."""

    theme: str = ""
    """Its name; empty for dark or light, as the terminal is."""
    runs_lines: int = 0
    """Of the runs table, with its frame; 0 for as many as it has rows, up to a third of the screen."""
    side_columns: int = 0
    """Of the panels beside the view; 0 for what fits the screen, -1 for none."""


class Settings:
    """The sections of the file, read once, and written by a thread: the screen waits for no disk."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the file.

        Args:
            path: Of the file; None for the user's own.
        """
        self.path = path or user_folders.config() / FILE
        self.problem = ""
        """What is wrong with the file; empty where it could be read, or is not there."""
        self.report: Callable[[str], None] = lambda _: None
        """Called once, on the screen's thread, where nothing can be kept."""
        self._reported = False
        self._content: Content = {}
        self._pending: Content = {}
        self._lock = threading.Lock()
        self._writing = False
        self._retry_at = float("inf")
        try:
            self._content = _read(self.path)
        except (OSError, ValueError) as error:
            self.problem = f"the settings in {self.path} cannot be read, so all are at their defaults: {error}"

    def load(self, name: str, kind: type[T]) -> T:
        """A section, the fields that it lacks or that do not fit at their defaults.

        Args:
            name: Of the section.
            kind: Its dataclass.
        """
        return codec.decode_known(kind, self._content.get(name, {}))

    def keep(self, name: str, section: Section) -> None:
        """Keep what has changed of a section; at once for this process, soon in the file."""
        known = asdict(self.load(name, type(section)))
        changed = {field: value for field, value in asdict(section).items() if value != known[field]}
        if not changed and time.monotonic() < self._retry_at:
            return
        with self._lock:
            self._retry_at = float("inf")
            if changed:
                self._content.setdefault(name, {}).update(changed)
                self._pending.setdefault(name, {}).update(changed)
            start, self._writing = not self._writing, True
        if start:
            # It is waited for when the process ends.
            background.run(self._write, lambda _: None, self._fail, awaited=True)

    def _fail(self, error: Exception) -> None:
        if not self._reported:
            self._reported = True
            self.report(f"settings cannot be kept in {self.path}: {getattr(error, 'strerror', None) or error}")

    def _write(self) -> None:
        """Write all that is pending, until nothing is.

        Raises:
            OSError: It cannot be written.
        """
        changes: Content = {}
        try:
            while changes := self._take_pending():
                # A file that is managed elsewhere, and linked to, is to stay that.
                path = Path(os.path.realpath(self.path))
                path.parent.mkdir(parents=True, exist_ok=True)
                with _locked(path.with_name(f".{path.name}.lock")):
                    content: Content = {}
                    with contextlib.suppress(OSError, ValueError):
                        content = _read(path)
                    for name, fields in changes.items():
                        content.setdefault(name, {}).update(fields)
                    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")
        except BaseException:
            with self._lock:
                self._writing = False
                self._retry_at = time.monotonic() + RETRY_SECONDS
                for name, fields in changes.items():
                    self._pending[name] = fields | self._pending.get(name, {})
            raise

    def _take_pending(self) -> Content:
        with self._lock:
            taken, self._pending = self._pending, {}
            self._writing = bool(taken)
            return taken


def _read(path: Path) -> Content:
    """The sections of a file; none where there is no file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is damaged.
    """
    try:
        with open_to_read(path) as file:
            text = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes")
    content = bounded_json.parse(text.decode(), MOST_MEMORY)
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004  (a damaged file, not an error of the program)
    return {name: section for name, section in content.items() if isinstance(section, dict)}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other dashboards from writing; not where the file system has no locks, or one of them hangs."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)
            deadline = time.monotonic() + LOCK_SECONDS
            while not _try_lock(descriptor) and time.monotonic() < deadline:
                time.sleep(0.02)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
