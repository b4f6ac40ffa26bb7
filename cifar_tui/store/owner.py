"""The record of a run's owner, as it stands in the run's `lock` and in its heartbeat.

It names the file that it was written to, by the file's number (inode): in a copy of the run's folder, it says nothing
of who owns the copy. A folder that is renamed keeps its files' numbers. The number of the file system (device) is no
part of it: for one file on a network, each machine has another, and so may two mounts on one machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from cifar_tui.formatting import printable
from cifar_tui.system import bounded_json
from cifar_tui.system.processes import Process

RECORD_BYTES = 1024
"""Every record has this length, so that one is replaced by another in a single write."""
MOST_MEMORY = 200_000
_MOST_NAME = 255
_MOST_PID = 2**31 - 1
_MOST_FILE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that owns a run, or did.

    Attributes:
        process: Which one.
        token: Drawn anew each time that a process comes to own a run.
        file: The number (inode) of the file that the record was written to; 0 where there is none to go by.
        beat: Grows for as long as it owns the run by a heartbeat.
        released: Whether it has given the run up.
    """

    process: Process
    token: str
    file: int = 0
    beat: int = 0
    released: bool = False

    def __str__(self) -> str:
        return f"process {self.process.pid} on {printable(self.process.host)}"

    def wrote(self, file: int) -> bool:
        """Whether the record may have been written to the file of this number, rather than to one it is a copy of."""
        return self.file in (0, file)


def encode(owner: Owner) -> bytes:
    """A record of `RECORD_BYTES`."""
    fields = asdict(owner)
    content = fields.pop("process") | fields
    return json.dumps(content).encode().ljust(RECORD_BYTES - 1) + b"\n"


def decode(record: bytes) -> Owner | None:
    """The owner of a record; None where it is none: not written yet, cut short, or something else."""
    try:
        content = bounded_json.parse(record.decode(), MOST_MEMORY)
        host, boot, namespace, token = (_word(content[key]) for key in ("host", "boot", "namespace", "token"))
        pid, start, beat = (_number(content[key]) for key in ("pid", "start", "beat"))
        file = content.get("file", 0)  # Earlier versions wrote none.
        if not 1 <= pid <= _MOST_PID or type(file) is not int or not 0 <= file <= _MOST_FILE:
            return None
        return Owner(Process(host, boot, namespace, pid, start), token, file, beat, content["released"] is True)
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
