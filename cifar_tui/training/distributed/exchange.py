"""What rank 0 tells the process that launched it: its pid, the id of its run, and the exit status of them all.

Each is a file in a private folder, which the launcher makes and names in the environment. Only processes of one
machine and one user meet there.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from cifar_tui.system import processes
from cifar_tui.system.processes import Process

_PROCESS = "process"
_RUN = "run"
_STATUS = "status"
_ENDING = "ending"


class Exchange:
    """The folder, for the writer's side in rank 0 and the reader's side in the launcher."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def announce_process(self) -> None:
        """Say that this process is rank 0 and handles signals now; after a restart it is another one.

        Raises:
            OSError: The folder is gone or full, as of all that write.
        """
        self._write(_PROCESS, json.dumps(asdict(processes.current())))

    def announce_run(self, run_id: str) -> None:
        """Say under which id the first run has started."""
        self._write(_RUN, run_id)

    def finish(self, status: int) -> None:
        """Say that all is done, with this exit status: a process that is started from now on is to end at once."""
        self._write(_STATUS, str(status))

    def announce_ending(self) -> None:
        """Say that somebody has asked the launcher to end the run; it sends signals of its own to rank 0 as well."""
        self._write(_ENDING, "")

    def is_ending(self) -> bool:
        """Whether somebody has."""
        return self._read(_ENDING) is not None

    def pid(self) -> int | None:
        """The pid of rank 0; None while no living one handles signals."""
        text = self._read(_PROCESS)
        process = None if text is None else Process(**json.loads(text))
        return None if process is None or processes.liveness(process) == "gone" else process.pid

    def run_id(self) -> str | None:
        """The id of the first run; None before it has started."""
        return self._read(_RUN)

    def status(self) -> int | None:
        """The exit status of all processes; None before they have ended in an orderly way."""
        text = self._read(_STATUS)
        return None if text is None else int(text)

    def _write(self, name: str, text: str) -> None:
        temporary = self._folder / f".{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self._folder / name)

    def _read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
