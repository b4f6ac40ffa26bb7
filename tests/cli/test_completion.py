"""The shells' completion: what bash offers at the end of a line."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cifar_tui.cli.completion import SHELLS
from tests.support.command import run

OFFER = """
eval "$(cifar-tui completion bash)"
compopt() { local IFS=" "; KINDS+=("$*"); }
offer() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); KINDS=()
    _cifar_tui_completion cifar-tui
    local IFS=" "
    echo "${COMPREPLY[*]}${KINDS[*]}"
}
"""
LINES = {
    "re": "resume report rename",
    "--ep": "--epochs",
    "--model e": "efficientnet_b0",
    "--precision ''": "auto fp32 bf16",
    "--device c": "cpu cuda",
    "--theme d": "dark",
    "--data d": "digits",
    "--data im": "-o dirnames",
    "--config ''": "-o default",
    "resume 2026": "20260315-090000-mlp 20260314-150926-cnn",
    "--runs-dir others attach ''": "20260101-000000-other",
    "attach --runs-dir others 20": "20260101-000000-other",
    "attach --runs-dir '$NOT_SET_ANYWHERE' ''": "20260315-090000-mlp 20260314-150926-cnn",
    "attach ./runs/20": "-o dirnames",
    "compare 20260314-150926-cnn 20260315": "20260315-090000-mlp",
    "tag 20260314-150926-cnn 20260315": "20260315-090000-mlp",
    "export 2026 --format t": "torch-export tensorboard",
    "predict 2026 x": "-o default",
    "completion ''": "bash zsh fish",
}
RUNS = ("runs/20260314-150926-cnn", "runs/20260315-090000-mlp", "runs/20260316\nx", "others/20260101-000000-other")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_commands_options_values_and_runs(tmp_path: Path) -> None:
    for name in RUNS:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").touch()
    (tmp_path / "runs" / "20260317-no-run").mkdir()
    program = tmp_path / "bin" / "cifar-tui"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m cifar_tui "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    script = OFFER + "\n".join(f"offer cifar-tui {line}" for line in LINES)
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.stderr == ""
    assert dict(zip(LINES, result.stdout.splitlines(), strict=True)) == LINES


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(tmp_path: Path, shell: str) -> None:
    result = run(["completion", shell], tmp_path)
    assert result.returncode == 0
    assert "_CIFAR_TUI_COMPLETE" in result.stdout
    assert result.stderr == ""


def test_completing_a_run_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "runs" / "20260314-150926-cnn").mkdir(parents=True)
    (tmp_path / "runs" / "20260314-150926-cnn" / "config.json").touch()
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(sorted({'torch', 'textual', 'numpy', 'rich'} & {*sys.modules})))\n"
        "from cifar_tui.cli.main import main; main()"
    )
    line = {"_CIFAR_TUI_COMPLETE": "bash_complete", "COMP_WORDS": "cifar-tui resume ", "COMP_CWORD": "2"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | line, capture_output=True, text=True, check=True
    )
    assert result.stdout == "plain,20260314-150926-cnn\n[]\n"
