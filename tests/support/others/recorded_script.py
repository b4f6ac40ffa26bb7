"""A script that records its training, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cifar_tui.store.run_folder import RunFolder
from tests.support import fork_server
from tests.support.command import eventually

ENDLESS = """
from cifar_tui import record

with record(name="endless", quiet=True) as run:
    for number in run.batches(iter(int, 1)):
        run.log(loss=1.0)
"""


def start_endless(cwd: Path) -> subprocess.Popen[str]:
    """Start one that never ends by itself, in a folder whose `runs` has no other run; it has begun."""
    environment = dict(os.environ) | {"PYTHONPATH": fork_server.ROOT}
    process = fork_server.start([sys.executable, "-c", ENDLESS], cwd=cwd, env=environment)
    eventually(lambda: any('"batch"' in file.read_text() for file in cwd.glob("runs/*/events.jsonl")))
    return process


def killed_run(cwd: Path) -> RunFolder:
    """The run of one that was killed."""
    process = start_endless(cwd)
    process.kill()
    process.communicate()
    (path,) = (cwd / "runs").iterdir()
    return RunFolder(path)
