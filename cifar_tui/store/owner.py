"""The record of a run's owner, as it stands in the run's `lock` and in its heartbeat."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from cifar_tui.system import bounded_json
from cifar_tui.system.processes import Process
from cifar_tui.text import printable

RECORD_BYTES = 1024
"""Every record has this length, so that one is replaced by another in a single write."""
MOST_MEMORY = 200_000
_MOST_NAME = 255
_MOST_PID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that owns a run, or did.

    Attributes:
        process: Which one.
        token: Drawn anew each time that a process comes to own a run.
        beat: Grows for as long as it owns the run by a heartbeat.
        released: Whether it has given the run up.
    """

    process: Process
    token: str
    beat: int = 0
    released: bool = False

    def __str__(self) -> str:
        return f"process {self.process.pid} on {printable(self.process.host)}"


def encode(owner: Owner) -> bytes:
    """A record of `RECORD_BYTES`."""
    content = asdict(owner.process) | {"token": owner.token, "beat": owner.beat, "released": owner.released}
    return json.dumps(content).encode().ljust(RECORD_BYTES - 1) + b"\n"


def decode(record: bytes) -> Owner | None:
    """The owner of a record; None where it is none: not written yet, cut short, or something else."""
    try:
        content = bounded_json.parse(record.decode(), MOST_MEMORY)
        host, boot, namespace, token = (_word(content[key]) for key in ("host", "boot", "namespace", "token"))
        pid, start, beat = (_number(content[key]) for key in ("pid", "start", "beat"))
        if not 1 <= pid <= _MOST_PID:
            return None
        return Owner(Process(host, boot, namespace, pid, start), token, beat, content["released"] is True)
    except (ValueError, TypeError, LookupError):
        return None


def _word(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MOST_NAME:
        raise ValueError(value)
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(value)
    return value
