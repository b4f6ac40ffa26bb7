"""`--devices`: the program starts the processes that train a run together, in front, in the background and again."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support import command
from tests.support.command import ENDLESS, TRAIN_SMALL, write_small_model

TOGETHER = [*TRAIN_SMALL, "--devices", "2"]


@pytest.fixture(autouse=True)
def _small_model(tmp_path: Path) -> None:
    write_small_model(tmp_path)


def test_two_processes_train_as_one_program(tmp_path: Path) -> None:
    result = command.run([*TOGETHER, "--epochs", "1", "--json"], tmp_path)
    assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert {"run_started", "epoch", "run_finished"} <= {each["type"] for each in events if "type" in each}
    assert "cifar-tui: " not in result.stderr
    folder = command.only_run(tmp_path)
    assert json.loads((folder / "config.json").read_text())["options"]["devices"] == "2"
    assert command.summary(folder)["processes"] == 2


def test_a_killed_process_is_replaced_and_a_signal_saves_for_as_many_to_resume(tmp_path: Path) -> None:
    process = command.start([*TOGETHER, *ENDLESS], tmp_path)
    folder = command.wait_for_checkpoint(tmp_path)
    killed = children(process)
    killed[1].kill()
    command.eventually(lambda: "its processes were started again" in (folder / "events.jsonl").read_text())
    workers = children(process)
    assert len({each.pid for each in (*killed, *workers)}) == 4
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=180)
    assert process.returncode == 130, errors
    assert command.summary(folder)["state"] == "interrupted"
    command.eventually(lambda: not any(map(is_alive, workers)))

    resumed = command.start(["resume", folder.name, "--no-ui"], tmp_path)
    command.eventually(lambda: '"resumed"' in (folder / "events.jsonl").read_text())
    command.eventually(lambda: command.summary(folder)["state"] == "running")
    assert len(children(resumed)) == 2
    assert command.run(["stop", folder.name], tmp_path).returncode == 0
    _, errors = resumed.communicate(timeout=180)
    assert resumed.returncode == 0, errors
    assert command.summary(folder)["state"] == "stopped"


def test_a_second_signal_leaves_no_process(tmp_path: Path) -> None:
    process = command.start([*TOGETHER, *ENDLESS], tmp_path)
    command.wait_for_checkpoint(tmp_path)
    workers = children(process)
    # Both are stopped, so that nothing comes of the first one.
    for each in workers:
        each.suspend()
    # Python handles in this order what has come by then.
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    command.eventually(lambda: not any(map(is_alive, workers)))


def test_in_the_background_the_run_has_a_log_and_obeys_other_terminals(tmp_path: Path) -> None:
    result = command.run(["--detach", *TOGETHER, *ENDLESS], tmp_path)
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "runs" / result.stdout.strip()
    (owner,) = {each["pid"] for each in [json.loads((folder / "lock").read_bytes())]}
    launcher = psutil.Process(psutil.Process(owner).ppid())
    for request, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        assert command.run([request, folder.name], tmp_path).returncode == 0
        command.eventually(lambda state=state: command.summary(folder)["state"] == state)  # type: ignore[misc]
    command.eventually(lambda: not is_alive(launcher))
    assert "stopped by request" in (folder / "log.txt").read_text()


def test_a_run_in_the_background_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = command.run(["--detach", "--data", "empty", "--model", "mlp", "--devices", "2"], tmp_path)
    assert "empty" in command.error_line(result)


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
