"""`--tensorboard` mirrors a run's events while it trains, and costs the training nothing, whatever goes wrong."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError
from cifar_tui.events import Epoch, Note, RunFinished
from cifar_tui.runs import detached
from cifar_tui.runs.messages import Message
from cifar_tui.runs.sinks.tensorboard import EventFile
from cifar_tui.runs.workspace import Workspace
from cifar_tui.store.run_folder import RunFolder
from tests.support.program import invoke
from tests.support.training_runs import TINY, TinyImageCache, curves_of, tensorboard_curves


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cifar_tui.runs.run.write_run_files", lambda *_: [])


def trained(runs: Path, *, tensorboard: bool, resume: RunFolder | None = None, stop_in: int = 0) -> RunFolder:
    """Train to the end, or to that of the epoch `stop_in`; in a session as the command line makes one."""
    owner = Workspace(runs, tensorboard=tensorboard)
    owner._image_cache = TinyImageCache()  # type: ignore[assignment]

    def listen(message: Message) -> None:
        if isinstance(message, Epoch) and message.epoch == stop_in:
            run.stop("stopped", "stopped")

    run = owner.resumed_run(resume, listen) if resume else owner.new_run(TINY, listen)
    run.start()
    assert run.join(60)
    assert run.error is None
    assert run.folder is not None
    return run.folder


def test_curves_are_there_while_it_trains_and_go_on_when_it_is_resumed(tmp_path: Path) -> None:
    folder = trained(tmp_path, tensorboard=True, stop_in=2)
    place = folder.path / "tensorboard"
    assert len(tensorboard_curves(place)["loss/train"]) == 2
    trained(tmp_path, tensorboard=False, resume=folder)
    assert len(list(place.iterdir())) == 2
    curves, whole = tensorboard_curves(place), curves_of(list(folder.events()))
    epochs = ("loss/train", "loss/validation", "accuracy/train", "accuracy/validation", "lr", "loss/test")
    assert {name: curves[name] for name in epochs} == {name: whole[name] for name in epochs}
    assert len(curves["accuracy/validation"]) == TINY.epochs
    assert curves["batch/loss"][0] == whole["batch/loss"][0]


def test_a_run_that_was_not_asked_to_writes_nothing_for_tensorboard(tmp_path: Path) -> None:
    folder = trained(tmp_path, tensorboard=False, stop_in=1)
    assert not (folder.path / "tensorboard").exists()


def notes(folder: RunFolder) -> list[str]:
    return [event.message for event in folder.events() if isinstance(event, Note) and event.level == "warning"]


@pytest.mark.parametrize("missing", [True, False])
def test_what_goes_wrong_with_it_is_told_once_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    calls = []

    def full(self: EventFile, event: Any) -> None:
        calls.append(event)
        raise OSError(errno.ENOSPC, "No space left on device")

    if missing:
        monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    else:
        monkeypatch.setattr(EventFile, "write", full)
    folder = trained(tmp_path, tensorboard=True)
    *_, last = folder.events()
    assert isinstance(last, RunFinished)
    assert last.state == "finished"
    (note,) = notes(folder)
    assert note.startswith("nothing more is written for TensorBoard: ")
    assert ("cifar-tui[tensorboard]" if missing else "No space left on device") in note
    assert len(calls) == (0 if missing else 1)


def test_without_the_package_the_option_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CifarTuiError, match=r"pip install 'cifar-tui\[tensorboard\]'"):
        invoke("--no-ui", "--tensorboard", "--data", "digits")
    assert not list(tmp_path.iterdir())


def test_a_detached_run_is_told_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def refuse(invoke: list[str], **_: Any) -> None:
        commands.append(invoke)
        raise CifarTuiError("not now")

    monkeypatch.setattr("subprocess.Popen", refuse)
    for tensorboard in (True, False):
        with pytest.raises(CifarTuiError, match="not now"):
            detached.start([TrainingConfig(data="digits")], tmp_path, print, tensorboard=tensorboard)
    assert ["--tensorboard" in invoke for invoke in commands] == [True, False]
