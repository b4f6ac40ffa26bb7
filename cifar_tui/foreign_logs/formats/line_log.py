"""A log that is one file of lines, whatever these hold."""

from __future__ import annotations

from pathlib import Path

from cifar_tui.foreign_logs.formats.growing_file import GrowingFile
from cifar_tui.foreign_logs.formats.log_reader import LogPlan


class LineLog:
    """What the readers of such logs have in common: `read` is theirs."""

    plan = LogPlan()

    def __init__(self, path: Path) -> None:
        self._file = GrowingFile(path)

    @property
    def modified(self) -> float:
        """When it was last written to, in seconds since 1970."""
        return self._file.modified

    @property
    def has_more(self) -> bool:
        """Whether there is more to read at once."""
        return self._file.has_more

    def restart(self) -> None:
        """Read it from its beginning again."""
        self._file.restart()
