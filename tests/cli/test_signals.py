"""A signal at any moment costs nothing: what was trained is saved, and resuming ends in the same run."""

import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.command import TRAIN, events, eventually, metrics, only_run, run, start, summary

EPOCHS = 6


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    cwd = tmp_path_factory.mktemp("whole")
    assert run([*TRAIN, "--epochs", str(EPOCHS)], cwd).returncode == 0
    return metrics(only_run(cwd))


def wait_for_batches(process: "subprocess.Popen[str]", cwd: Path, count: int) -> None:
    """Wait until so many batches are on the disk, or the process has ended."""

    def is_so() -> bool:
        files = list((cwd / "runs").glob("*/events.jsonl"))
        return process.poll() is not None or bool(files and files[0].read_text().count('"type":"batch"') >= count)

    eventually(is_so)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_at_any_moment_and_resuming_ends_in_the_run_that_would_have_been(
    tmp_path: Path, uninterrupted: list[dict[str, str]], number: signal.Signals, status: int
) -> None:
    moments = random.Random(status)
    process = start([*TRAIN, "--epochs", str(EPOCHS)], tmp_path)
    wait_for_batches(process, tmp_path, moments.randrange(1, 8))
    time.sleep(moments.random() / 5)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    folder = only_run(tmp_path)
    assert summary(folder)["state"] == "interrupted"
    assert re.search(rf"interrupted by {number.name} .*resume with: cifar-tui resume {folder.name}", out)
    assert f"{number.name}: saving and stopping; a second signal aborts at once" in err
    assert (folder / "checkpoints" / "last.pt").exists()

    assert run(["resume", folder.name], tmp_path).returncode == 0
    told = events(folder)
    assert [e["epoch"] for e in told if e["type"] == "epoch"] == list(range(1, EPOCHS + 1)), "no gap, no repeat"
    assert [e["type"] for e in told].count("resumed") == 1
    times = [e["t"] for e in told]
    assert times == sorted(times)
    assert metrics(folder) == uninterrupted
    assert summary(folder)["state"] == "finished"


def test_a_killed_run_is_shown_as_interrupted_and_resumes_without_a_repeat(
    tmp_path: Path, uninterrupted: list[dict[str, str]]
) -> None:
    process = start([*TRAIN, "--epochs", str(EPOCHS)], tmp_path)
    wait_for_batches(process, tmp_path, 6)
    assert "running" in run(["runs"], tmp_path).stdout
    process.kill()
    process.communicate()
    folder = only_run(tmp_path)
    assert "interrupted" in run(["runs"], tmp_path).stdout
    assert run(["resume", folder.name], tmp_path).returncode == 0
    assert metrics(folder) == uninterrupted


def test_a_second_signal_aborts_at_once(tmp_path: Path) -> None:
    process = start([*TRAIN, "--epochs", "1000", "--patience", "1000", "--batch-size", "1200"], tmp_path)
    wait_for_batches(process, tmp_path, 1)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143, "the second one's status"
    assert "run_finished" not in (only_run(tmp_path) / "events.jsonl").read_text()


def test_a_signal_that_is_sent_twice_at_once_counts_as_one(tmp_path: Path) -> None:
    process = start([*TRAIN, "--epochs", "1000", "--patience", "1000"], tmp_path)
    wait_for_batches(process, tmp_path, 1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.01)  # Of two that are pending at once, the system keeps one anyway.
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert summary(only_run(tmp_path))["state"] == "interrupted"
    assert "run_finished" in (only_run(tmp_path) / "events.jsonl").read_text()


def test_a_signal_before_training_begins_leaves_nothing(tmp_path: Path) -> None:
    process = start([*TRAIN, "--epochs", str(EPOCHS)], tmp_path, fresh=True)
    assert process.stderr is not None
    assert "loading PyTorch" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "ended before training started; nothing was changed" in err
    assert not (tmp_path / "runs").exists()


def test_a_run_that_is_being_trained_cannot_be_resumed_beside_it(tmp_path: Path) -> None:
    process = start([*TRAIN, "--epochs", "1000", "--patience", "1000"], tmp_path)
    wait_for_batches(process, tmp_path, 1)
    result = run(["resume", "mlp"], tmp_path)
    assert result.returncode == 2
    assert "is being trained right now" in result.stderr
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
