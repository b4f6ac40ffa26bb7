"""`trainer_state.json`, which Hugging Face's Trainer writes with every checkpoint."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
from pathlib import Path
from typing import Any

from cifar_tui.errors import InputError
from cifar_tui.foreign_logs.formats.json_lines import numbers_of
from cifar_tui.foreign_logs.formats.log_reader import MAX_NAMES, LogPlan, Piece
from cifar_tui.foreign_logs.formats.log_rows import rows_of_objects
from cifar_tui.system.folders import Folder
from cifar_tui.system.untrusted import bounded_json

FILE = "trainer_state.json"
MAX_BYTES = 32 << 20
MAX_MEMORY = 500_000_000
MAX_PLAN = 10**9
COPY_SECONDS = 60.0
"""The time within which a folder is copied."""


class TrainerStateLog:
    """The newest state in a folder of checkpoints: each holds the whole history, so that only what is new is read."""

    source = "Hugging Face"

    def __init__(self, path: Path) -> None:
        """Read this file, or the newest state of the checkpoints in this folder."""
        self._path = path
        self._seen: tuple[str, int, int, int] | None = None
        self._known, self._digest = 0, ""
        """How many entries of its history are known, and what tells whether they are still the same."""
        self._warned = ""
        self.modified = 0.0
        self.has_more = False
        self.plan = LogPlan()

    def restart(self) -> None:
        """Read it from its beginning again."""
        self._seen, self._known = None, 0

    def read(self) -> Piece:
        """What its history has more than before.

        Raises:
            InputError: It cannot be read, or is far too large.
        """
        path = newest_state(self._path)
        try:
            status = path.lstat()
            stamp = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
            if stamp == self._seen:
                return Piece()
            text = Folder(path.parent).read_bytes(path.name, MAX_BYTES).decode(errors="replace")
        except FileNotFoundError:
            return Piece()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        self._seen, self.modified = stamp, status.st_mtime
        try:
            content = bounded_json.parse(text, MAX_MEMORY)
        except bounded_json.JsonError:
            # It is not replaced at once: a moment later it may be whole.
            return Piece(warnings=self._warn(f"{path.name} is not JSON"))
        history = content.get("log_history") if isinstance(content, dict) else None
        if not isinstance(history, list):
            return Piece(warnings=self._warn(f"{path.name} has no log_history"))
        self.plan = _plan(content)
        restarted = self._known == 0 or _digest(history[: self._known]) != self._digest
        new = history if restarted else history[self._known :]
        self._known, self._digest = len(history), _digest(history)
        rows = [values for values in map(numbers_of, new) if values]
        return Piece(rows_of_objects(rows, MAX_NAMES) if rows else None, restarted)

    def _warn(self, text: str) -> tuple[str, ...]:
        said, self._warned = self._warned, text
        return (text,) if text != said else ()


def newest_state(path: Path) -> Path:
    """The file itself, or the newest of a folder and its checkpoints, which may be left from an earlier training.

    Of those that are about as new, it is that of the folder itself, or that with the most steps: the files of a copy
    were written in any order.
    """
    if path.name == FILE:
        return path
    found: list[tuple[float, float, Path]] = []
    for steps, state in [(math.inf, path / FILE), *checkpoint_states(path)]:
        with contextlib.suppress(OSError):
            found.append((state.lstat().st_mtime, steps, state))
    newest = max((modified for modified, _, _ in found), default=0.0)
    return max((each[1:] for each in found if each[0] > newest - COPY_SECONDS), default=(0, path / FILE))[1]


def checkpoint_states(folder: Path) -> list[tuple[int, Path]]:
    """The steps and the states of the checkpoints in a folder."""
    try:
        names = Folder(folder).names()
    except OSError:
        return []
    found = [(int(m[1]), folder / name / FILE) for name in names if (m := re.fullmatch(r"checkpoint-(\d{1,15})", name))]
    return [(steps, path) for steps, path in found if os.path.lexists(path)]


def _plan(content: dict[str, Any]) -> LogPlan:
    epochs, steps, reached = (_count(content.get(name)) for name in ("num_train_epochs", "max_steps", "global_step"))
    batches = round(steps / epochs) if steps and epochs else None
    return LogPlan(epochs, batches or None, ended=bool(steps and reached and reached >= steps))


def _digest(history: list[Any]) -> str:
    return hashlib.sha256(json.dumps(history).encode()).hexdigest()


def _count(value: object) -> int | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 1 <= value <= MAX_PLAN:
        return None
    return round(value)
