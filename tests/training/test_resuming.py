"""A run that was stopped or paused ends as one without a break, bit for bit."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from cifar_tui.events import Batch, Checkpoint, Epoch, Paused, Resumed
from cifar_tui.state.run_state import RunState
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.control import Control
from tests.support.training_runs import ControlAction, at_batch, run, stop

pytestmark = pytest.mark.usefixtures("every_batch_reported")


@pytest.mark.parametrize("place", [(1, 1), (1, 2), (1, 3), (2, 1), (2, 3), (3, 2), (3, 3)])
def test_a_run_that_was_left_anywhere_goes_on_to_the_same_end_bit_for_bit(
    tmp_path: Path, place: tuple[int, int]
) -> None:
    whole = run(tmp_path / "whole")
    left = run(tmp_path / "left", ControlAction(at_batch(*place), stop))
    assert left.outcome.state == "stopped"
    assert "stopped by the test in epoch" in left.outcome.message
    rest = run(tmp_path / "left", resume=True)
    assert isinstance(rest.events[0], Resumed)
    told = sorted([*left.learning(), *rest.learning()], key=len)
    assert told == sorted(whole.learning(), key=len), "no batch is missing, told twice, or other than it would be"
    assert rest.outcome.test is not None
    assert whole.outcome.test is not None
    assert rest.outcome.test.loss == whole.outcome.test.loss
    for name, tensor in whole.weights().items():
        assert torch.equal(rest.weights()[name], tensor), name


def test_a_run_that_was_left_during_its_test_is_tested_when_it_goes_on(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    last = lambda event: isinstance(event, Checkpoint) and event.epoch == 4  # noqa: E731
    left = run(tmp_path / "left", ControlAction(last, stop))
    assert left.outcome.message == "stopped by the test during the test"
    assert left.outcome.test is None
    rest = run(tmp_path / "left", resume=True)
    assert rest.of(Batch) == []
    assert rest.outcome.test is not None
    assert whole.outcome.test is not None
    assert rest.outcome.test.confusion == whole.outcome.test.confusion


def test_a_pause_changes_no_number_and_counts_in_no_speed(tmp_path: Path) -> None:
    def resume_later(control: Control) -> None:
        threading.Timer(0.3, control.resume).start()

    whole = run(tmp_path / "whole")
    paused = run(
        tmp_path / "paused",
        ControlAction(at_batch(2, 1), Control.pause),
        ControlAction(lambda event: isinstance(event, Paused), resume_later),
    )
    assert paused.learning() == whole.learning()
    (pause_event,), (resumed,) = paused.of(Paused), paused.of(Resumed)
    assert (pause_event.epoch, pause_event.batch) == (resumed.epoch, resumed.batch) == (2, 1)
    pause_seconds = resumed.t - pause_event.t
    assert pause_seconds > 0.1
    first, second = paused.of(Epoch)[:2]
    assert second.seconds < second.t - first.t - pause_seconds / 2
    state = RunState()
    for event in paused.events:
        state.apply(event)
    assert state.seconds == pytest.approx(state.t - pause_seconds)


def test_a_pause_is_saved_and_a_stop_ends_it(tmp_path: Path) -> None:
    def stop_later(control: Control) -> None:
        threading.Timer(0.1, stop, [control]).start()

    recorded = run(
        tmp_path,
        ControlAction(at_batch(1, 2), Control.pause),
        ControlAction(lambda event: isinstance(event, Paused), stop_later),
    )
    assert recorded.outcome.state == "stopped"
    kinds = [type(e) for e in recorded.events if isinstance(e, Paused | Checkpoint | Resumed)]
    assert kinds == [Checkpoint, Paused, Checkpoint]
    assert storage.load(recorded.folder / storage.LAST).progress.batch == 2


@pytest.mark.parametrize("model", ["cnn", "mlp"])
def test_the_fast_recipe_learns_and_goes_on_to_the_same_end_bit_for_bit(tmp_path: Path, model: str) -> None:
    options: dict[str, Any] = {"recipe": "fast", "model": model, "epochs": 2, "batch_size": 16}
    whole = run(tmp_path / "whole", **options)
    left = run(tmp_path / "left", ControlAction(at_batch(2, 1), stop), **options)
    rest = run(tmp_path / "left", resume=True, **options)
    assert left.outcome.state == "stopped"
    assert sorted([*left.learning(), *rest.learning()], key=len) == sorted(whole.learning(), key=len)
    for name, tensor in whole.weights().items():
        assert torch.equal(rest.weights()[name], tensor), name
    assert whole.of(Epoch)[1].train_loss < whole.of(Epoch)[0].train_loss
