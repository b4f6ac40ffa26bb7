"""What the readers of all formats have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cifar_tui.foreign_logs.formats.log_rows import Rows

MAX_NAMES = 150
"""Columns or tags of a log that are read: a run's state keeps a hundred series, beside what every run has."""
MAX_NAME = 200
"""Characters of a name that are kept."""


@dataclass(frozen=True, slots=True)
class LogPlan:
    """What a log says of the whole training; None where it does not."""

    epochs: int | None = None
    batches: int | None = None
    """Of each epoch."""
    ended: bool = False
    """Whether all of it is done."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The next part of a log.

    Attributes:
        rows: None where there is nothing new.
        restarted: Whether it is the beginning of the log: all rows before it are void.
        share: The part of the whole log that this is.
        warnings: What is wrong with it.
    """

    rows: Rows | None = None
    restarted: bool = False
    share: float = 1.0
    warnings: tuple[str, ...] = ()


class LogReader(Protocol):
    """Reads a log from its beginning as it grows."""

    source: str
    """What has written it."""

    @property
    def modified(self) -> float:
        """When it was last written to, in seconds since 1970."""

    @property
    def has_more(self) -> bool:
        """Whether there is more to read at once."""

    @property
    def plan(self) -> LogPlan:
        """What it says of the whole training."""

    def read(self) -> Piece:
        """The next part.

        Raises:
            InputError: It cannot be read.
        """

    def restart(self) -> None:
        """Read it from its beginning again."""
