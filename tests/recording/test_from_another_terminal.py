"""A script's training, seen and stopped by commands in another terminal."""

import runpy
import sys
from pathlib import Path

import pytest

from cifar_tui.store.run_folder import RunFolder
from tests.support import command
from tests.support.others.recorded_script import start_endless
from tests.support.others.script_runs import script_folder
from tests.support.program import call

EXAMPLE = Path(__file__).parents[2] / "examples" / "plain_loop.py"


def test_it_is_listed_paused_resumed_watched_and_stopped(tmp_path: Path) -> None:
    script = start_endless(tmp_path)
    folder = command.only_run(tmp_path)
    listed = call(["runs"], tmp_path)
    assert "endless" in listed.stdout
    assert "running" in listed.stdout
    watching = command.start(["attach", folder.name, "--no-ui"], tmp_path)
    for request, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        assert call([request, folder.name], tmp_path).returncode == 0
        command.eventually(lambda state=state: command.summary(folder)["state"] == state)  # type: ignore[misc]
    assert script.wait(60) == 0
    script.communicate()
    output, errors = watching.communicate(timeout=60)
    assert watching.returncode == 0, errors
    assert "endless" in output
    assert "stopped by request" in output


@pytest.mark.parametrize("arguments", [["resume"], ["checkpoint"], ["evaluate"], ["export", "--format", "safetensors"]])
def test_what_only_this_programs_runs_can_do_is_refused_in_a_line(tmp_path: Path, arguments: list[str]) -> None:
    folder = script_folder(tmp_path / "runs", "net")
    name, *options = arguments
    result = call([name, folder.id, *options, *(["--no-ui"] if name == "resume" else [])], tmp_path)
    assert "was recorded by a script" in command.error_line(result)


def test_the_example_trains_and_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["plain_loop.py", "--epochs", "2"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    state = RunFolder(command.only_run(tmp_path)).read_state()
    assert (state.status, len(state.epochs)) == ("finished", 2)
    assert state.best is not None
    assert state.best.val_accuracy > 0.5
