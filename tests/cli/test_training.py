"""`cifar-tui --no-ui` trains, leaves a whole folder, and can be read back, repeated and gone on with."""

import json
import os
import pty
import re
import resource
import shutil
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pyte
import pytest
from PIL import Image

from tests.support.command import TRAIN, error_line, events, metrics, only_run, run, start, summary
from tests.support.images import write_folder
from tests.support.program import call
from tests.support.training_runs import run as run_loop

CONTRACT = {
    "config.json",
    "events.jsonl",
    "metrics.csv",
    "checkpoints",
    "model.safetensors",
    "confusion_matrix.csv",
    "calibration.png",
    "confusion_matrix.png",
    "curves.png",
    "predictions.png",
    "predictions.safetensors",
    "validation_predictions.safetensors",
    "report.md",
    "summary.json",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    cwd = tmp_path_factory.mktemp("trained")
    return cwd, run([*TRAIN, "--epochs", "2"], cwd)


Trained = tuple[Path, "subprocess.CompletedProcess[str]"]


def test_a_run_prints_a_line_an_epoch_and_its_result(trained: Trained) -> None:
    cwd, result = trained
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert [line.partition("  ")[0] for line in lines[1:3]] == ["epoch 1/2", "epoch 2/2"]
    assert re.search(r"mlp finished: trained for 2 epochs; test accuracy \d+\.\d\d %, loss", lines[-1])
    assert f"saved in runs/{only_run(cwd).name}" in lines[-1]
    assert "\x1b" not in result.stdout + result.stderr


def test_a_run_leaves_every_file_of_the_contract(trained: Trained) -> None:
    folder = only_run(trained[0])
    assert {path.name for path in folder.iterdir()} == CONTRACT | {"lock"}
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"last.pt", "previous.pt", "best.pt"}
    for picture in folder.glob("*.png"):
        Image.open(picture).verify()
    config = json.loads((folder / "config.json").read_text())
    assert config["seed"] == 0
    assert config["dataset"]["fingerprint"]
    assert config["versions"]["torch"]
    assert config["device"] == "cpu"
    report = (folder / "report.md").read_text()
    assert "curves.png" in report
    assert f"{100 * summary(folder)['test_accuracy']:.2f} %" in report


def test_the_files_of_a_run_agree(trained: Trained) -> None:
    folder = only_run(trained[0])
    told, numbers, rows = events(folder), summary(folder), metrics(folder)
    epochs = [e for e in told if e["type"] == "epoch"]
    assert [int(row["epoch"]) for row in rows] == [e["epoch"] for e in epochs] == [1, 2]
    assert [float(row["val_accuracy"]) for row in rows] == [e["val_accuracy"] for e in epochs]
    test = next(e for e in told if e["type"] == "evaluated" and e["split"] == "test")
    assert numbers["test_accuracy"] == test["accuracy"] == told[-1]["test_accuracy"]
    assert numbers["state"] == told[-1]["state"] == "finished"
    right = sum(test["confusion"][k][k] for k in range(10))
    assert test["accuracy"] == pytest.approx(right / sum(map(sum, test["confusion"])))
    assert told[0]["type"] == "run_started"
    assert told[-1]["type"] == "run_finished"


def test_evaluating_a_run_gives_its_test_accuracy_again_and_changes_nothing(trained: Trained) -> None:
    cwd, _ = trained
    folder = only_run(cwd)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    result = call(["evaluate", "mlp", "--json"], cwd)
    assert json.loads(result.stdout)["test_accuracy"] == summary(folder)["test_accuracy"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_runs_lists_the_run_for_people_and_programs(trained: Trained) -> None:
    cwd, _ = trained
    folder = only_run(cwd)
    listed = run(["runs"], cwd)
    assert folder.name in listed.stdout
    assert "finished" in listed.stdout
    for arguments in (["runs", "--json"], ["--runs-dir", "runs", "--json", "runs"]):
        labels = {"note": "", "tags": [], "pinned": False, "archived": False}
        assert json.loads(run(arguments, cwd).stdout) == [summary(folder) | labels]


def test_a_finished_run_is_not_resumed(trained: Trained) -> None:
    assert "is finished; start a new run" in error_line(run(["resume", "mlp"], trained[0]))


def test_the_same_command_gives_the_same_metrics_and_another_seed_does_not(trained: Trained, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    again.mkdir()
    other.mkdir()
    assert call([*TRAIN, "--epochs", "2"], again).returncode == 0
    assert call([*TRAIN, "--epochs", "2", "--seed", "1"], other).returncode == 0
    first = metrics(only_run(trained[0]))
    assert metrics(only_run(again)) == first
    assert metrics(only_run(other)) != first


def test_several_models_train_in_turn_and_are_compared(tmp_path: Path) -> None:
    counts = {f"{split}/{name}": 8 for split in ("train", "test") for name in ("cat", "dog")}
    data = write_folder(tmp_path / "images", counts)
    (tmp_path / "both.toml").write_text(f'model = ["mlp", "cnn"]\nepochs = 3\ndata = "{data}"\nname = "pair"\n')
    result = call(["--no-ui", "--config", "both.toml", "--epochs", "1", "--threads", "1"], tmp_path)
    assert result.returncode == 0
    names = sorted(path.name.partition("-pair")[2] for path in (tmp_path / "runs").iterdir())
    assert names == ["-cnn", "-mlp"]
    head, _, *rows, _ = result.stdout.splitlines()[-5:]
    assert head.split()[:2] == ["model", "params"]
    assert [row.split()[0] for row in rows] == ["mlp", "cnn"]


def test_json_prints_the_events_of_the_file(tmp_path: Path) -> None:
    result = call([*TRAIN, "--epochs", "1", "--json", "--name", "j"], tmp_path)
    assert [json.loads(line) for line in result.stdout.splitlines()] == events(only_run(tmp_path))


def test_numbers_that_explode_end_as_diverged_with_status_3(tmp_path: Path) -> None:
    result = call([*TRAIN, "--epochs", "3", "--max-lr", "1e30"], tmp_path)
    assert "infinite or NaN in epoch 1: try a lower --max-lr" in error_line(result, 3)
    assert summary(only_run(tmp_path))["state"] == "diverged"
    assert events(only_run(tmp_path))[-1]["state"] == "diverged"


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))


def test_a_full_disk_is_said_in_one_line_and_leaves_no_half_file(tmp_path: Path) -> None:
    result = run([*TRAIN, "--epochs", "1"], tmp_path, prepare=limit_files)
    line = error_line(result, 1)
    assert "cannot write the run's folder" in line
    assert "File too large; make room, then resume the run" in line
    folder = only_run(tmp_path)
    assert list((folder / "checkpoints").iterdir()) == []
    assert not list(folder.rglob("*.tmp"))
    assert summary(folder)["state"] == "failed"
    resumed = call(["resume", folder.name, "--quiet"], tmp_path)
    assert [row["epoch"] for row in metrics(folder)] == ["1"], "it began anew"
    assert resumed.returncode == 0
    assert len(resumed.stdout.splitlines()) == 1, "quiet: the result alone"
    assert resumed.stderr == ""
    assert summary(folder)["state"] == "finished"


def test_a_checkpoint_that_is_none_or_anothers_is_refused(trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(trained[0] / "runs", tmp_path / "runs")
    folder = only_run(tmp_path)
    lines = (folder / "events.jsonl").read_text().splitlines(keepends=True)
    (folder / "events.jsonl").write_text("".join(lines[:-1]))  # Not finished any more.
    whole = (folder / "checkpoints" / "last.pt").read_bytes()
    other = run_loop(tmp_path / "other", epochs=1).folder / "last.pt"
    before = (folder / "events.jsonl").read_bytes()

    def answer(command: str, checkpoint: bytes) -> str:
        for name in ("last.pt", "previous.pt", "best.pt"):
            (folder / "checkpoints" / name).write_bytes(checkpoint)
        return error_line(call([command, folder.name], tmp_path))

    assert "not a checkpoint of cifar-tui, or damaged" in answer("resume", b"not a checkpoint")
    assert "not a checkpoint of cifar-tui, or damaged" in answer("resume", whole[:-1000])
    assert "other classes than the run's" in answer("resume", other.read_bytes())
    assert "other classes than the run's" in answer("evaluate", other.read_bytes())
    assert (folder / "events.jsonl").read_bytes() == before


def test_training_goes_on_where_nobody_reads_its_output(tmp_path: Path) -> None:
    process = start([*TRAIN, "--epochs", "2"], tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "cannot print any more (Broken pipe); training continues" in err
    assert summary(only_run(tmp_path))["state"] == "finished"


def test_closed_output_is_no_error(tmp_path: Path) -> None:
    assert run(["runs"], tmp_path, prepare=lambda: os.close(1)).returncode == 0


def test_the_doctor_names_what_is_here(tmp_path: Path) -> None:
    result = run(["doctor"], tmp_path)
    assert result.returncode == 0, result.stdout
    for topic in ("torch", "cpu", "CIFAR-10", "runs", "terminal", "--device auto"):
        assert re.search(rf"^ok +{re.escape(topic)} ", result.stdout, re.MULTILINE), topic
    found = json.loads(call(["doctor", "--json"], tmp_path).stdout)
    assert {"topic", "found", "mend", "hinders"} == set(found[0])


def test_on_a_terminal_there_are_bars_while_it_trains_and_a_clean_screen_after(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "cifar_tui", *TRAIN, "--epochs", "6"],
        cwd=tmp_path,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "30"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    screen = pyte.Screen(120, 30)
    stream = pyte.ByteStream(screen)
    bars = set()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(data)
        bars |= {line.strip().partition(" ━")[0] for line in screen.display if "━" in line}
    os.close(master)
    assert process.wait(30) == 0
    assert any(re.match(r"epoch \d/6", bar) for bar in bars), bars
    final = [line.rstrip() for line in screen.display if line.strip()]
    assert not any("━" in line for line in final)
    assert sum(bool(re.match(r"epoch \d/6", line)) for line in final) == 6
    assert any("mlp finished: trained for 6 epochs" in line for line in final)
    assert not screen.cursor.hidden
