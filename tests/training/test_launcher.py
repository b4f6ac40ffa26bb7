"""The launcher of several processes, with a program in place of the training that does what a test wants."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import torch

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.system import processors
from cifar_tui.system.processors import Processors
from cifar_tui.training.distributed import launcher
from cifar_tui.training.distributed.launcher import count_processes
from tests.support import fork_server
from tests.support.command import eventually

PARENT = """
import sys
from cifar_tui.errors import CifarTuiError
from cifar_tui.training.distributed import launcher
launcher.MAX_RESTARTS = 2
quiet = print if "quiet" in sys.argv else None
try:
    sys.exit(launcher.launch([sys.executable, *sys.argv[1:]], 2, threads=0, started=quiet))
except CifarTuiError as error:
    sys.exit(str(error))
"""
PROCESS = """
import os, signal, sys, time
from pathlib import Path
from cifar_tui.training.distributed import environment
from cifar_tui.training.distributed.exchange import Exchange

what, folder = sys.argv[1], Path(sys.argv[2])
worker = environment.current()
exchange, rank, round = Exchange(worker.exchange), worker.rank, int(os.environ["TORCHELASTIC_RESTART_COUNT"])

def record(line):
    with (folder / "lines").open("a") as file:
        file.write(line + "\\n")

def wait_for(name):
    while not (folder / name).exists():
        time.sleep(0.02)

def wait_for_lines(text, number):
    while (folder / "lines").read_text().count(text) < number:
        time.sleep(0.02)

def announce(handle):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, handle)
    exchange.announce_process()

def note(number, _):
    record(f"{round} {signal.Signals(number).name}")

def end(number, _):
    note(number, _)
    exchange.finish(128 + number)
    sys.exit(0)

if exchange.status() is not None:
    sys.exit(0)
record(f"{round} start {rank} {os.getpid()}")
os.write(1, f"printed by {rank}\\n".encode())
exec(compile(what, "what", "exec"))
"""


@contextmanager
def launched(folder: Path, what: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The launcher of two processes that do this; what is left of them at the end is an error."""
    (folder / "process.py").write_text(PROCESS)
    arguments = [str(folder / "process.py"), what, str(folder), *options]
    command = [sys.executable, "-c", PARENT, *arguments]
    with fork_server.start(command, cwd=Path.cwd(), env=os.environ) as process:
        try:
            yield process
        finally:
            process.kill()
    eventually(lambda: not [pid for pid in pids(folder) if is_alive(pid)])


def lines(folder: Path) -> list[str]:
    file = folder / "lines"
    return [line for line in file.read_text().splitlines() if " start " not in line] if file.exists() else []


def started(folder: Path) -> list[list[str]]:
    file = folder / "lines"
    words = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return [each for each in words if each[1] == "start"]


def pids(folder: Path) -> list[int]:
    return [int(each[3]) for each in started(folder)]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_the_status_is_the_one_that_a_process_leaves(tmp_path: Path) -> None:
    what = """
record(f"{rank} of {worker.processes} {sys.argv[3]} {'PYTHONPATH' in os.environ and os.environ['PYTHONPATH']}")
if rank == 0:
    wait_for_lines("of 2", 2)
    exchange.finish(3)
"""
    with launched(tmp_path, what, "$HOME$$x") as process:
        status, out, err = ended(process)

    assert (status, err) == (3, "")
    assert sorted(lines(tmp_path)) == ["0 of 2 $HOME$$x ", "1 of 2 $HOME$$x "]
    assert sorted(out.splitlines()) == ["printed by 0", "printed by 1"]


def test_in_the_background_rank_0_alone_prints_and_its_run_is_announced(tmp_path: Path) -> None:
    what = """
if rank == 0:
    exchange.announce_run("some-run")
    wait_for("go")
    exchange.finish(0)
"""
    with launched(tmp_path, what, "quiet") as process:
        assert process.stdout is not None
        announced = {process.stdout.readline(), process.stdout.readline()}
        (tmp_path / "go").touch()
        status, out, _ = ended(process)

    assert (status, announced, out) == (0, {"printed by 0\n", "some-run\n"}, "")


def test_the_processes_are_started_again_when_one_is_lost(tmp_path: Path) -> None:
    what = """
if round == 0 and rank == 1:
    wait_for_lines("0 start", 2)
    os.kill(os.getpid(), signal.SIGKILL)
if round == 0:
    time.sleep(600)
if rank == 0:
    wait_for_lines("1 start", 2)
    exchange.finish(0)
"""
    with launched(tmp_path, what) as process:
        status, _, err = ended(process)

    assert (status, err) == (0, "")
    assert sorted(each[0] + each[2] for each in started(tmp_path)) == ["00", "01", "10", "11"]


def test_what_is_lost_again_and_again_fails_in_one_line(tmp_path: Path) -> None:
    with launched(tmp_path, "os._exit(1)") as process:
        status, _, err = ended(process)

    assert status == 1
    assert err.startswith("the processes of the run were lost 3 times; ")
    assert err.count("\n") == 1


def test_a_signal_before_rank_0_handles_any_is_delivered_once_it_does(tmp_path: Path) -> None:
    what = """
if rank == 0:
    wait_for("go")
    announce(end)
    time.sleep(600)
"""
    with launched(tmp_path, what) as process:
        eventually(lambda: len(pids(tmp_path)) == 2)
        process.send_signal(signal.SIGUSR1)
        (tmp_path / "go").touch()
        status, _, err = ended(process)

    assert (status, lines(tmp_path), err) == (128 + signal.SIGUSR1, ["0 SIGUSR1"], "")


def test_a_process_in_rank_0s_place_receives_again_what_concerns_the_run(tmp_path: Path) -> None:
    what = """
def lose(number, _):
    # The launcher ends by SIGTERM what is left of the processes.
    os._exit(1) if number == signal.SIGTERM else note(number, _)

if rank == 0:
    announce(lose if round == 0 else end)
    while True:
        time.sleep(600)
if round == 0:
    wait_for("lose")
    os._exit(1)
"""
    with launched(tmp_path, what) as process:
        eventually(lambda: len(pids(tmp_path)) == 2)
        for number in (signal.SIGUSR1, signal.SIGINT):
            process.send_signal(number)
            eventually(lambda name=number.name: f"0 {name}" in lines(tmp_path))  # type: ignore[misc]
        (tmp_path / "lose").touch()
        status, _, err = ended(process)

    assert (status, err) == (130, "")
    assert lines(tmp_path) == ["0 SIGUSR1", "0 SIGINT", "1 SIGINT"]


def test_a_second_ending_signal_ends_all_processes(tmp_path: Path) -> None:
    what = """
if rank == 0:
    announce(note)
while True:
    time.sleep(600)
"""
    with launched(tmp_path, what) as process:
        eventually(lambda: len(pids(tmp_path)) == 2)
        process.send_signal(signal.SIGTERM)
        eventually(lambda: "0 SIGTERM" in lines(tmp_path))
        process.send_signal(signal.SIGINT)
        status, _, err = ended(process)

        assert (status, err) == (130, "")
        assert lines(tmp_path) == ["0 SIGTERM", "0 SIGINT"]
        eventually(lambda: not [pid for pid in pids(tmp_path) if is_alive(pid)])


def test_one_device_needs_no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)

    assert [count_processes(TrainingConfig(devices=each)) for each in ("1", "all")] == [1, 1]


def test_all_devices_are_all_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)

    assert [count_processes(TrainingConfig(devices=each)) for each in ("all", "3", "4")] == [4, 3, 4]
    assert count_processes(TrainingConfig(devices="5", device="cpu")) == 5


@pytest.mark.parametrize(
    ("gpus", "device", "devices", "why"),
    [
        (0, "auto", "all", "there is no GPU here; give the number"),
        (4, "cpu", "all", "the CPU is one device; give the number"),
        (1, "auto", "2", "1 GPU can be used here"),
        (4, "cuda", "5", "4 GPUs can be used here"),
        (4, "cuda:1", "2", "--device cuda:1 is one GPU"),
        (0, "cuda", "2", "use --device cpu"),
    ],
)
def test_devices_that_are_not_here_are_refused(
    gpus: int, device: str, devices: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)

    with pytest.raises(InputError, match=why):
        count_processes(TrainingConfig(device=device, devices=devices))


@pytest.mark.parametrize(("threads", "given", "used"), [(0, None, "2"), (0, "7", "7"), (3, None, None)])
def test_processes_share_the_processors(
    threads: int, given: str | None, used: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processors, "usable", lambda: Processors(5))
    monkeypatch.setattr(os, "environ", {} if given is None else {"OMP_NUM_THREADS": given})

    found = launcher.environment_of(tmp_path, 2, threads)

    assert (found.get("OMP_NUM_THREADS", given), found["PYTHONPATH"]) == (used, "")
