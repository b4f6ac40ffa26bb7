"""Standard output holds what the program prints and nothing else, whatever a model or a library prints."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import cifar_tui
from tests.support.command import only_run, run
from tests.support.hostile import LOUD_TEXT, write_loud_model
from tests.support.images import write_folder, write_image
from tests.support.program import call, prepare_project
from tests.support.terminal import Terminal

TRAIN = ["--data", "images", "--epochs", "1", "--batch-size", "8", "--threads", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with one run of such a class, and what its training printed."""
    cwd = tmp_path_factory.mktemp("loud")
    write_folder(cwd / "images", {f"{split}/{name}": 8 for split in ("train", "test") for name in ("cat", "dog")})
    write_image(cwd / "x.png")
    return cwd, run(["--no-ui", "--json", *write_loud_model(cwd / "models"), *TRAIN], cwd)


def of_json(result: subprocess.CompletedProcess[str]) -> list[object]:
    """Each line of standard output; what the model said is on standard error."""
    assert result.returncode == 0, result.stderr
    assert LOUD_TEXT not in result.stdout
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines
    return lines


def test_a_training_prints_its_events_alone(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, result = trained
    kinds = [event["type"] for event in of_json(result)]  # type: ignore[index]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_finished"
    for way in ("import print", "exit print", "file 1", "C", "C, at the end", "a child", "bytes", "logging", "forward"):
        assert f"{LOUD_TEXT}: {way}" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "loud", "--json"],
        ["predict", "loud", "x.png", "--json"],
        ["export", "loud", "--format", "torch-export", "--json"],
        ["export", "loud", "--format", "onnx", "--json"],
        ["--detach", "--json"],
    ],
    ids=lambda arguments: " ".join(arguments[:4]),
)
def test_each_command_that_runs_a_class_prints_json_alone(
    trained: tuple[Path, subprocess.CompletedProcess[str]], arguments: Sequence[str]
) -> None:
    cwd, _ = trained
    name = only_run(cwd).name
    if arguments[0] == "--detach":
        arguments = [*arguments, *write_loud_model(cwd / "models"), *TRAIN, "--runs-dir", "others"]
    (line,) = of_json(run([name if word == "loud" else word for word in arguments], cwd))
    told = line[0] if isinstance(line, list) else line
    assert isinstance(told, dict)
    assert told["file" if arguments[0] == "predict" else "id"]


def test_in_words_a_result_stands_alone_too(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    cwd, _ = trained
    result = run(["evaluate", only_run(cwd).name], cwd)
    assert result.returncode == 0
    assert LOUD_TEXT not in result.stdout
    assert "test accuracy" in result.stdout
    assert LOUD_TEXT in result.stderr


def test_the_dashboard_stays_whole_and_shows_in_its_log_what_a_model_prints(tmp_path: Path) -> None:
    write_folder(tmp_path / "images", {f"{split}/{name}": 8 for split in ("train", "test") for name in ("cat", "dog")})
    command = [sys.executable, "-m", "cifar_tui", *write_loud_model(tmp_path / "models"), *TRAIN, "--start"]
    with Terminal(command, cwd=tmp_path, rows=120, env={"OMP_NUM_THREADS": "1"}) as terminal:
        terminal.wait_for("✓ finished", 60)
        terminal.resize(140, 130)
        assert LOUD_TEXT not in terminal.text()
        terminal.press("5")
        terminal.wait_for(f"{LOUD_TEXT}: forward")
        terminal.wait_for(lambda _: terminal.text().splitlines()[-1].split())  # The footer stands where it stood.
        log = terminal.text()
        terminal.press("1")
        terminal.wait_for(lambda _: LOUD_TEXT not in terminal.text())
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.restored, terminal.unrestored
    for way in ("file 2", "bytes", "the first standard output", "the first standard error", "a bar 100 %", "a child"):
        assert f"{LOUD_TEXT}: {way}" in log or f"{LOUD_TEXT}: import {way}" in log
    assert "a bar  10 %" not in log


FLOOD = """
import ctypes, os, threading, time
from cifar_tui.tui.runtime.output_capture import OutputCapture
taken = []
with OutputCapture(taken.append):
    # The library holds the interpreter's lock while it prints.
    ctypes.PyDLL(None).puts(b"x" * 500_000)
    ctypes.PyDLL(None).fflush(None)
    os.write(1, b"line\\n" * 10_000)
shown = [line for line in taken if line == "line"]
print(len(shown), taken[-1][:1], sum(int(line.split()[1].replace(",", "")) for line in taken if line[0] == "…"))
"""


def test_a_flood_neither_stops_the_dashboard_nor_fills_its_log() -> None:
    result = subprocess.run(
        [sys.executable, "-c", FLOOD], capture_output=True, text=True, timeout=60, check=True, env=os.environ
    )
    shown, last, left_out = result.stdout.split()
    assert int(shown) < 200
    assert last == "…"
    assert int(left_out) > 9000


# Where it goes


def test_a_full_disk_is_one_line_and_a_failure(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no full disk here")
    for arguments in (["doctor"], ["--help"], ["runs", "--json"], ["--version"]):
        with Path("/dev/full").open("w") as full:
            result = subprocess.run(
                [sys.executable, "-m", "cifar_tui", *arguments], cwd=tmp_path, stdout=full, stderr=-1, text=True
            )
        assert result.stderr == "cifar-tui: standard output cannot be written: No space left on device\n"
        assert result.returncode == 1


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_a_closed_file_is_no_error_and_nothing_else_gets_its_number(tmp_path: Path, closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    result = run(["runs", "--json"], tmp_path, prepare=close)
    assert result.returncode == 0
    assert result.stdout == ("" if 1 in closed else "[]\n")


@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["--version"]])
def test_help_is_a_result(tmp_path: Path, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    result = call(arguments, prepare_project(tmp_path, monkeypatch))
    assert result.stdout.strip()
    assert result.stderr == ""


def test_nothing_of_ours_prints_to_standard_output_by_itself() -> None:
    by_itself = [
        f"{path}:{node.lineno}"
        for path in Path(cifar_tui.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "Console")
        and "file" not in {keyword.arg for keyword in node.keywords}
    ]
    assert by_itself == []
