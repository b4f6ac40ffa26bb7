"""A large package's first import, from two threads at once, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# While the import system looks for `torch` for the run, the other thread gets as far as it can.
SCRIPT = """
import sys, threading, time
from pathlib import Path
from cifar_tui.config import TrainingConfig
from cifar_tui.run import Ended
from cifar_tui.session import Session

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            entered.set()
            time.sleep(1)

def warm_up():
    try:
        session.warm_up(config, lambda *_: None)
    except BaseException as error:
        errors.append(error)

session = Session(Path("runs"))
config = TrainingConfig(model="mlp", data="digits", epochs=1)
entered, errors = threading.Event(), []
run = session.new(config, lambda message: errors.append(message.error) if isinstance(message, Ended) else None)
other = threading.Thread(target=warm_up)
sys.meta_path.insert(0, Slow())
run.start()
entered.wait()
other.start()
other.join()
run.join()
assert errors == [None], errors
"""


def test_a_run_begins_while_another_thread_loads_pytorch(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
