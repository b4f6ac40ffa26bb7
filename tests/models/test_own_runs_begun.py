"""Models that cannot be resumed bit for bit are trained with a warning; runs that have begun are refused no more."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cifar_tui.events import Note
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.control import Control
from tests.support.images import write_image
from tests.support.own_kinds import (
    BEGUN,
    BEGUN_ALL,
    LONGEST_REFUSAL,
    PREDICTED,
    REFUSED,
    TRAIN,
    WARNED,
    net,
    write_model,
)
from tests.support.program import UNEXPECTED, call, prepare_project
from tests.support.training_runs import ControlAction, at_batch, run


@pytest.fixture(autouse=True)
def the_path_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


def stop(control: Control) -> None:
    control.stop("stopped", "stopped by the test")


@pytest.mark.parametrize(("code", "says"), WARNED.values(), ids=WARNED.keys())
def test_it_is_trained_with_a_warning_when_it_begins_and_when_it_is_resumed(
    tmp_path: Path, code: str, says: str
) -> None:
    model = write_model(tmp_path, code)
    left = run(tmp_path, ControlAction(at_batch(1, 2), stop), epochs=2, **model)
    rest = run(tmp_path, resume=True, epochs=2, **model)
    assert rest.outcome.state == "finished"
    for part in (left, rest):
        (warning,) = [note.message for note in part.of(Note) if note.level == "warning"]
        assert warning.startswith(
            "--model kind:Net: a resumed run is not the same, bit for bit, as one without a break"
        )
        assert says in warning
        assert len(warning) <= LONGEST_REFUSAL + 60


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run of one epoch of two, in the folder `runs` of `tmp_path`, whose class may be changed."""
    cwd = prepare_project(tmp_path, monkeypatch)
    write_model(cwd, net())
    write_image(cwd / "some.png")
    assert call([*TRAIN, "--epochs", "2"], cwd).returncode == 0
    (folder,) = (cwd / "runs").iterdir()
    events = (folder / "events.jsonl").read_text()
    (folder / "events.jsonl").write_text(events.replace('"run_finished"', '"unknown"'))
    (folder / "checkpoints" / storage.PREVIOUS).replace(folder / "checkpoints" / storage.LAST)
    return RunFolder(folder)


@pytest.mark.parametrize("kind", [*WARNED, *BEGUN_ALL, *PREDICTED])
def test_a_run_that_has_begun_is_evaluated_predicted_and_exported_all_the_same(begun: RunFolder, kind: str) -> None:
    cwd = begun.path.parents[1]
    write_model(cwd, {**WARNED, **REFUSED}[kind][0])
    for command, *more in (["evaluate"], ["predict", "some.png", "some.png"], ["export", "--format", "safetensors"]):
        done = call([command, begun.id, *more], cwd)
        if done.returncode:
            assert (command, kind) in {
                ("predict", "one image alone"),
                ("export", "one image alone"),
                ("export", "draws in evaluation from outside the module"),
                ("export", "state beside the state"),
            }, done.stderr
        assert UNEXPECTED not in done.stderr


@pytest.mark.parametrize("kind", [*WARNED, *BEGUN_ALL])
def test_a_run_that_has_begun_is_resumed_all_the_same(begun: RunFolder, kind: str) -> None:
    code, says = {**WARNED, **REFUSED}[kind]
    write_model(begun.path.parents[1], code)
    done = call(["resume", begun.id], begun.path.parents[1])
    assert done.returncode == 0, done.stderr
    state = begun.read_state()
    assert begun.events_file.read_text().count('"type":"epoch"') == 3
    assert (state.status, len(state.epochs)) == ("finished", 2)
    warnings = [note.message for note in state.notes if note.level == "warning"]
    assert [says in warning for warning in warnings] == ([True] if kind in (*WARNED, *BEGUN) else [])
