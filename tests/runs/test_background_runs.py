"""Runs that outlive their terminal: dropped connections, background processes, attaching, asking from outside."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from cifar_tui.errors import InputError
from cifar_tui.store.lock import LOCK, RunLock, is_held
from cifar_tui.store.owner import decode
from cifar_tui.store.requests import Requests, send
from tests.support.command import ENDLESS, TRAIN, events, eventually, metrics, only_run, run, start, summary
from tests.support.terminal import Terminal

COMMAND = (sys.executable, "-m", "cifar_tui")
ENV = {"OMP_NUM_THREADS": "1"}


@contextmanager
def detached(cwd: Path, *options: str) -> Iterator[Path]:
    """The folder of a run that trains in a process of its own; it is asked to stop at the end."""
    begun = run([*TRAIN[1:], "--detach", *options], cwd)
    assert begun.returncode == 0, begun.stderr
    folder = cwd / "runs" / begun.stdout.strip()
    try:
        yield folder
    finally:
        if is_held(folder):
            send(folder, "stop")
        eventually(lambda: not is_held(folder))


def answered(folder: Path, *arguments: str) -> None:
    """Ask something of a run, and wait until an event answers."""
    before = len(events(folder))
    process = start(arguments, folder.parent.parent)
    eventually(lambda: any("request received" in e.get("message", "") for e in events(folder)[before:]))
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0


def test_a_detached_run_outlives_its_starter_and_does_what_it_is_asked(tmp_path: Path) -> None:
    with detached(tmp_path, *ENDLESS, "--checkpoint-seconds", "3600") as folder:
        assert stat.S_IMODE((folder / "requests").stat().st_mode) == 0o600
        answered(folder, "pause", folder.name)
        eventually(lambda: summary(folder)["state"] == "paused")
        told = len(events(folder))
        answered(folder, "resume", folder.name)
        eventually(lambda: summary(folder)["state"] == "running")
        eventually(lambda: any(e["type"] == "epoch" for e in events(folder)[told:]))
        answered(folder, "checkpoint", folder.name)
        answered(folder, "stop", folder.name)
        eventually(lambda: not is_held(folder))
    assert summary(folder)["state"] == "stopped"
    kinds = [e["type"] for e in events(folder)]
    assert kinds.index("paused") < kinds.index("resumed") < kinds.index("run_finished")
    assert not (folder / "requests").exists()
    # The run is given up before the last line of its log is written.
    eventually(lambda: "stopped by request" in (folder / "log.txt").read_text())
    assert "epoch " in (folder / "log.txt").read_text()
    refusal = run(["stop", folder.name], tmp_path)
    assert (refusal.returncode, refusal.stderr.count("\n")) == (2, 1)
    assert "is not being trained: there is nothing to stop" in refusal.stderr


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="only Linux lists a process's files there")
def test_what_a_detached_run_starts_does_not_keep_its_log_open_but_for_the_standard_files(tmp_path: Path) -> None:
    with detached(tmp_path, *ENDLESS) as folder:
        owner = decode((folder / LOCK).read_bytes())
        assert owner is not None
        process = Path("/proc", str(owner.process.pid))
        log = [int(link.name) for link in (process / "fd").iterdir() if str(link.readlink()) == str(folder / "log.txt")]
        flags = {number: (process / "fdinfo" / str(number)).read_text().split("flags:")[1].split()[0] for number in log}
        assert {1, 2} < set(log), "those, and what is kept for what the program itself prints"
        inherited = {number for number, said in flags.items() if not int(said, 8) & os.O_CLOEXEC}
        assert inherited == {1, 2}


def test_a_detached_run_that_was_killed_goes_on_in_the_background_to_the_same_end(tmp_path: Path) -> None:
    whole = run([*TRAIN, "--epochs", "4", "--name", "whole"], tmp_path)
    assert whole.returncode == 0, whole.stderr
    begun = run([*TRAIN[1:], "--detach", "--epochs", "4", "--checkpoint-seconds", "0.1", "--name", "cut"], tmp_path)
    cut = tmp_path / "runs" / begun.stdout.strip()
    eventually(lambda: (cut / "checkpoints" / "last.pt").exists())
    (owner,) = (int(process.name) for process in Path("/proc").glob("[0-9]*") if owns(process, cut))
    os.kill(owner, signal.SIGKILL)
    eventually(lambda: not is_held(cut))
    assert "interrupted" in run(["runs"], tmp_path).stdout
    again = run(["resume", cut.name, "--detach"], tmp_path)
    assert (again.stdout.strip(), again.returncode) == (cut.name, 0), again.stderr
    eventually(lambda: not is_held(cut))
    (uninterrupted,) = (tmp_path / "runs").glob("*-whole")
    assert metrics(cut) == metrics(uninterrupted)
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (cut, uninterrupted))
    assert ours.keys() == theirs.keys()
    assert all(bool((ours[name] == theirs[name]).all()) for name in ours)


def owns(process: Path, folder: Path) -> bool:
    """Whether a process has the lock of this run open."""
    try:
        return any(file.readlink() == folder / "lock" for file in (process / "fd").iterdir())
    except OSError:
        return False


@pytest.mark.parametrize("options", [("--data", "nowhere"), ("--device", "cuda:99"), ("--batch-size", "0")])
def test_what_cannot_begin_in_the_background_is_told_where_it_was_started(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    refusal = run([*TRAIN[1:], "--detach", *options], tmp_path)
    assert (refusal.returncode, refusal.stdout) == (2, "")
    assert sum(line.startswith("cifar-tui: ") for line in refusal.stderr.splitlines()) == 1
    assert "Traceback" not in refusal.stderr
    assert not (tmp_path / "runs").exists()


def test_a_dashboard_whose_terminal_is_closed_trains_on_to_the_end_and_keeps_a_log(tmp_path: Path) -> None:
    command = [*COMMAND, *TRAIN[1:], "--epochs", "6", "--start"]
    with Terminal(command, cwd=tmp_path, env=ENV) as terminal:
        terminal.wait_for("► running", 60)
        terminal.hang_up()
        assert terminal.process.wait(120) == 0
    folder = only_run(tmp_path)
    assert summary(folder)["state"] == "finished"
    assert not any(e["type"] == "resumed" for e in events(folder)), "it never ended in between"
    log = (folder / "log.txt").read_text()
    assert "epoch 6/6 " in log
    assert "mlp finished: " in log
    assert "Traceback" not in log


def test_a_headless_run_whose_terminal_is_closed_trains_on_and_can_be_stopped_from_another(tmp_path: Path) -> None:
    with Terminal([*COMMAND, *TRAIN, *ENDLESS], cwd=tmp_path, env=ENV) as terminal:
        eventually(lambda: list((tmp_path / "runs").glob("*/checkpoints/last.pt")))
        folder = only_run(tmp_path)
        terminal.hang_up()
        told = len(events(folder))
        eventually(lambda: any(e["type"] == "epoch" for e in events(folder)[told:]))
        with Terminal([*COMMAND, "attach", folder.name], columns=120, rows=40, cwd=tmp_path, env=ENV) as other:
            other.wait_for("► running", 60)
            epochs = summary(folder)["epochs"]
            other.wait_for(lambda _: f"{epochs + 2}/5000" in other.text() or f"{epochs + 3}/5000" in other.text(), 60)
            other.press("s")
            other.wait_for("Stop mlp?")
            other.press("s")
            other.wait_for("■ stopped", 60)
            other.press("q")
            assert other.wait_exit() == 0
            assert other.restored, other.unrestored
        assert terminal.process.wait(60) == 0
    assert summary(folder)["state"] == "stopped"
    assert "stopped by request" in (folder / "log.txt").read_text()


def test_the_output_of_a_batch_job_still_goes_to_its_file_when_the_terminal_is_closed(tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    line = f"exec {' '.join(COMMAND)} {' '.join(TRAIN)} --epochs 4 > {output} 2>&1"
    with Terminal(["sh", "-c", line], cwd=tmp_path, env=ENV) as terminal:
        eventually(lambda: output.exists() and "epoch 1/4" in output.read_text())
        terminal.hang_up()
        assert terminal.process.wait(60) == 0
    assert "mlp finished: " in output.read_text()


def test_sigusr1_writes_a_checkpoint_and_training_goes_on(tmp_path: Path) -> None:
    options = [*TRAIN, "--epochs", "5000", "--patience", "5000", "--checkpoint-seconds", "3600", "--batch-size", "2"]
    process = start(options, tmp_path)
    try:
        eventually(lambda: any('"batch"' in f.read_text() for f in (tmp_path / "runs").glob("*/events.jsonl")))
        folder = only_run(tmp_path)
        process.send_signal(signal.SIGUSR1)
        eventually(lambda: any(e["type"] == "checkpoint" and e["batch"] for e in events(folder)))
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 143


def test_a_dashboard_is_stopped_and_brought_back_by_the_shell(tmp_path: Path) -> None:
    with Terminal([*COMMAND, *TRAIN[1:], *ENDLESS, "--start"], cwd=tmp_path, env=ENV) as terminal:
        terminal.wait_for("► running", 60)
        terminal.signal(signal.SIGTSTP)
        terminal.wait_stopped()
        assert terminal.restored, terminal.unrestored
        terminal.signal(signal.SIGCONT)
        terminal.wait_for("► running", 60)
        terminal.press("q")
        terminal.wait_for("Quit?")
        terminal.press("s")
        assert terminal.wait_exit() == 0
    assert summary(only_run(tmp_path))["state"] == "stopped"


def test_watching_a_run_without_a_terminal_prints_it_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    with detached(tmp_path, "--epochs", "3") as folder:
        watched = run(["attach", folder.name], tmp_path)
    lines = watched.stdout.splitlines()
    assert watched.returncode == 0, watched.stderr
    assert lines[0].startswith(f"{folder.name}: mlp (")
    assert [line.split()[1] for line in lines if line.startswith("epoch ")] == ["1/3", "2/3", "3/3"]
    assert lines[-1].startswith("mlp finished: ")


def test_a_request_is_taken_once_and_whole_and_only_from_the_owners_time_on(tmp_path: Path) -> None:
    (tmp_path / "requests").write_text("stop\n")
    requests = Requests(tmp_path)
    assert requests.read() == [], "it was asked of an earlier owner"
    file = tmp_path / "requests"
    with file.open("a") as writer:
        writer.write("pau")
        writer.flush()
        assert requests.read() == []
        writer.write("se\n\nresume\n\x1b[2Jrm -rf /\n")
    assert requests.read() == ["pause", "resume", "\x1b[2Jrm -rf /"]
    assert requests.read() == []
    requests.close()
    assert not file.exists()


def test_a_request_goes_to_no_other_file_than_the_owners(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    precious = tmp_path / "precious"
    precious.write_text("")
    file = tmp_path / "requests"
    with pytest.raises(InputError, match="takes no requests now"):
        send(tmp_path, "stop")
    file.symlink_to(precious)
    with pytest.raises(InputError, match="cannot be asked"):
        send(tmp_path, "stop")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(InputError, match="cannot be asked"):
        send(tmp_path, "stop")
    assert precious.read_text() == ""
    requests = Requests(tmp_path)
    assert file.is_file(), "the owner's takes its place"
    file.unlink()
    file.symlink_to(precious)
    assert requests.read() == []
    requests.close()
    lock.release()
    with pytest.raises(InputError, match="nothing to stop"):
        send(tmp_path, "stop")


def test_a_flood_of_requests_does_not_fill_the_memory(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    (tmp_path / "requests").write_text("x" * 100_000 + "\nstop\n")
    taken = [line for _ in range(100) for line in requests.read()]
    assert max(len(line) for line in taken) <= 4096
    assert taken[-1] == "stop" or taken[-1].endswith("stop")
    requests.close()
