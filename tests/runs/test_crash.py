"""Runs that are killed with SIGKILL at random moments lose nothing; `benchmarks.crash` kills more of them."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support import fork_server

OPTIONS = ("--jobs", "1", "--runs", "1")
EQUAL = "ended as if nothing had happened"


def test_a_run_that_is_killed_at_any_moment_goes_on_to_the_end_that_would_have_been() -> None:
    command = [sys.executable, "-c", "from benchmarks.crash import main; main()", *OPTIONS]
    killed = fork_server.start(command, cwd=Path(fork_server.ROOT), env=os.environ)
    out, err = killed.communicate(timeout=300)
    assert killed.returncode == 0, out + err
    assert EQUAL in out


def test_a_dashboard_that_is_killed_at_any_moment_loses_none_of_its_runs() -> None:
    command = [sys.executable, "-m", "benchmarks.crash", "--dashboard", *OPTIONS]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert killed.returncode == 0, killed.stdout + killed.stderr
    assert EQUAL in killed.stdout
