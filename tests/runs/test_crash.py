"""Runs that are killed with SIGKILL at random moments lose nothing; `benchmarks.crash` kills more of them."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("options", [["--runs", "1"], ["--runs", "1", "--dashboard"]])
def test_runs_that_are_killed_at_any_moment_go_on_to_the_end_that_would_have_been(options: list[str]) -> None:
    command = [sys.executable, "-m", "benchmarks.crash", "--jobs", "1", *options]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert killed.returncode == 0, killed.stdout + killed.stderr
    assert "ended as if nothing had happened" in killed.stdout
