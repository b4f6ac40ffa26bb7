"""The record of a run's owner, which is written to the run's `lock` and to its heartbeat.

It holds the number (inode) of the file that it was written to: in a copy of the run's folder, the record says nothing
about the owner of the copy. A folder that is renamed keeps its files' numbers. The number of the file system (device)
is left out: for one file on a network, each machine has another one, and so may two mounts on one machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from cifar_tui.formatting import printable
from cifar_tui.system.processes import Process
from cifar_tui.system.untrusted import bounded_json, codec
from cifar_tui.system.untrusted.codec import Between

RECORD_BYTES = 1024
"""Every record has this length, so that one is replaced by another in a single write."""
MAX_MEMORY = 200_000
_MAX_PID = 2**31 - 1
_MAX_INODE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that owns or owned a run.

    Attributes:
        token: Random, and another one for each ownership.
        file: The number (inode) of the file that the record was written to; 0 where it is not reliable.
        beat: A counter that grows while the process owns the run by a heartbeat.
        released: Whether it has released the run.
    """

    process: Process
    token: str
    file: Annotated[int, Between(0, _MAX_INODE)] = 0
    beat: int = 0
    released: bool = False

    def __str__(self) -> str:
        return f"process {self.process.pid} on {printable(self.process.host)}"

    def may_have_written(self, file: int) -> bool:
        """Whether the record may have been written to the file of this number; else that file is a copy."""
        return self.file in (0, file)


def encode(owner: Owner) -> bytes:
    """A record of `RECORD_BYTES`; the fields of the process are among the others."""
    content = codec.encode(owner)
    return json.dumps(content.pop("process") | content).encode().ljust(RECORD_BYTES - 1) + b"\n"


def decode(record: bytes) -> Owner | None:
    """The owner of a record; None where it is none: not written yet, cut short, or something else."""
    try:
        content = bounded_json.parse(record.decode(), MAX_MEMORY)
        # What is no Boolean releases nothing: the run may be live.
        released = content.get("released") is True
        owner = codec.decode(Owner, content | {"process": content, "released": released})
    except (ValueError, TypeError, AttributeError):
        return None
    return owner if "beat" in content and 1 <= owner.process.pid <= _MAX_PID else None
