"""A large package's first import, from two threads at once, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cifar_tui.models import user_class

# While the import system looks for the package for the first thread, the second one gets as far as it can.
SCRIPT = """
import sys, threading, time
from pathlib import Path
from cifar_tui.config import TrainingConfig
from cifar_tui.runs.messages import Ended
from cifar_tui.runs.workspace import Workspace
from cifar_tui.runs.run import import_pytorch

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == package:
            entered.set()
            time.sleep(1)

def train(model):
    run = session.new_run(TrainingConfig(model=model, data="digits", epochs=1), listen)
    run.start()
    run.join()

def listen(message):
    if isinstance(message, Ended) and message.error:
        errors.append(message.error)

def guarded(work):
    def main():
        try:
            work()
        except BaseException as error:
            errors.append(error)
    return threading.Thread(target=main)

session, entered, errors = Workspace(Path("runs")), threading.Event(), []
package, first, second = sys.argv[1:]
if package == "torchvision":
    import_pytorch()
    from cifar_tui.data import cifar10
threads = guarded(eval(first)), guarded(eval(second))
sys.meta_path.insert(0, Slow())
threads[0].start()
assert entered.wait(60)
threads[1].start()
for thread in threads:
    thread.join()
assert not errors, errors
"""
OWN = """
from torch import nn
from torchvision.models import resnet18


class Net(nn.Sequential):
    def __init__(self, num_classes):
        super().__init__(nn.Flatten(), nn.Linear(3072, num_classes))
"""


def side_by_side(package: str, first: str, second: str, cwd: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, package, first, second]
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


def test_a_run_begins_while_another_thread_loads_pytorch(tmp_path: Path) -> None:
    side_by_side("torch", "lambda: train('mlp')", "session.image_cache", tmp_path)


def test_a_model_of_the_users_own_loads_torchvision_while_cifar10_does(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(OWN)
    user_class.allow("net:Net", str(tmp_path), ())
    side_by_side("torchvision", "lambda: train('net:Net')", "cifar10._torchvision_cifar10", tmp_path)
