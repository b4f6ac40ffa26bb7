"""What computes beside a training leaves the processors to it."""

import subprocess
import sys
from pathlib import Path

YIELD = """
import os
from pathlib import Path
from cifar_tui.system.processes import yield_to_others
yield_to_others()
autogroup = Path("/proc/self/autogroup")
print(os.nice(0), autogroup.read_text().split()[-1] if autogroup.exists() else 19)
"""


def own_session() -> str:
    """What Linux says of this session's weight; "" where it weighs none, or has this process in the common group."""
    autogroup = Path("/proc/self/autogroup")
    return autogroup.read_text() if autogroup.exists() else ""


def test_a_process_that_yields_has_the_lowest_priority_and_so_has_its_session() -> None:
    before = own_session()
    ended = subprocess.run(
        [sys.executable, "-c", YIELD], capture_output=True, text=True, check=True, start_new_session=True
    )
    assert ended.stdout.split() == ["19", "19"]
    assert own_session() == before, "the session of whoever started it is as it was"
