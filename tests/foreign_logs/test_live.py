"""Logs that grow, that are rewritten, and that end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.events import Batch, Epoch, Resumed, RunFinished, RunStarted
from cifar_tui.foreign_logs import foreign_run
from cifar_tui.foreign_logs.foreign_run import ForeignTail
from cifar_tui.state.run_state import RunState
from tests.support.foreign_logs.written_logs import KERAS, LIGHTNING, all_events, run_at, trainer_state


def tail_of(path: Path) -> ForeignTail:
    return ForeignTail(run_at(path), {})


def losses(tail: ForeignTail) -> list[float]:
    return [event.loss for event in all_events(tail) if isinstance(event, Batch)]


def age(path: Path, seconds: float) -> None:
    """Set when a log was last written to."""
    os.utime(path, (time.time() - seconds,) * 2)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_rows_are_read_as_they_are_appended_and_a_torn_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\n2,0.2")
    tail = tail_of(path)
    assert losses(tail) == [0.5]
    append(path, "5\n3,0.125\n")
    assert losses(tail) == [0.25, 0.125]
    assert losses(tail) == []


def test_a_last_line_without_its_end_is_whole_when_the_log_no_longer_grows(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\n2,0.25")
    age(path, 600)
    tail = tail_of(path)
    assert losses(tail) == [0.5]
    age(path, 3600)
    assert losses(tail) == [0.25]
    append(path, "\n3,0.125\n")
    assert [type(event) for event in all_events(tail)] == [Resumed, Batch]


def test_a_last_line_that_is_continued_after_all_is_read_again_with_all_before_it(tmp_path: Path) -> None:
    """Python's `csv.writer` writes every eight kilobytes, wherever a line is then."""
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n" + "".join(f"{step},1.0\n" for step in range(1, 500)) + "50")
    age(path, 3600)
    tail, state = tail_of(path), RunState()
    for event in all_events(tail):
        state.apply(event)
    append(path, "0,1.0\n" + "".join(f"{step},1.0\n" for step in range(501, 520)))
    for event in all_events(tail):
        state.apply(event)
    assert [point.last for point in state.batch_loss.points] == list(range(1, 520))


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("rows", [1, 50])
def test_a_log_that_is_rewritten_starts_the_run_over(tmp_path: Path, *, in_place: bool, rows: int) -> None:
    """Shorter than before and longer; Lightning rewrites all of it when there are more columns."""
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\n2,0.25\n3,0.125\n")
    tail, state = tail_of(path), RunState()
    for event in all_events(tail):
        state.apply(event)
    new = path if in_place else tmp_path / "new"
    new.write_text("step,loss,norm\n" + "".join(f"{n},{n},1\n" for n in range(1, rows + 1)))
    new.replace(path)
    events = all_events(tail)
    for event in events:
        state.apply(event)
    assert isinstance(events[0], RunStarted)
    assert [point.mean for point in state.batch_loss.points] == list(range(1, rows + 1))
    assert len(state.metrics["norm"].points) == rows


def test_a_log_that_is_gone_keeps_what_was_read_and_may_come_back(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\n")
    tail = tail_of(path)
    assert losses(tail) == [0.5]
    path.unlink()
    assert losses(tail) == []
    path.write_text("step,loss\n7,0.75\n")
    assert losses(tail) == [0.75]


def test_lightnings_epoch_is_shown_with_its_validation(tmp_path: Path) -> None:
    lines = LIGHTNING.splitlines(keepends=True)
    (tmp_path / "metrics.csv").write_text("".join(lines[:5]))
    tail = tail_of(tmp_path / "metrics.csv")
    assert not [e for e in all_events(tail) if isinstance(e, Epoch)]
    append(tmp_path / "metrics.csv", lines[5])
    assert [(e.epoch, e.val_loss) for e in all_events(tail) if isinstance(e, Epoch)] == [(1, 1.75)]
    append(tmp_path / "metrics.csv", "".join(lines[7:]))
    assert [(e.epoch, e.val_loss) for e in all_events(tail) if isinstance(e, Epoch)] == [(2, 1.5)]


def test_the_newest_checkpoints_history_continues_the_one_before(tmp_path: Path) -> None:
    for steps in (10, 20):
        folder = tmp_path / "out" / f"checkpoint-{steps}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(json.dumps(trainer_state(steps)))
        if steps == 10:
            tail = tail_of(tmp_path)
            assert [type(e) for e in all_events(tail) if isinstance(e, RunStarted | Batch)] == [
                RunStarted,
                Batch,
                Batch,
            ]
    assert [type(e) for e in all_events(tail) if isinstance(e, RunStarted | Batch)] == [Batch, Batch]


def test_a_checkpoint_of_an_earlier_training_in_the_folder_is_not_the_newest(tmp_path: Path) -> None:
    for steps, ago in ((1000, 86_400), (100, 0), (50, 5)):
        path = tmp_path / f"checkpoint-{steps}" / "trainer_state.json"
        path.parent.mkdir()
        path.write_text(json.dumps(trainer_state(steps, max_steps=1000)))
        age(path, ago)
    tail, state = tail_of(tmp_path), RunState()
    for event in all_events(tail):
        state.apply(event)
    assert (state.samples, state.status) == (100, "running")
    (tmp_path / "trainer_state.json").write_text(json.dumps(trainer_state(105, max_steps=1000)))
    age(tmp_path / "trainer_state.json", 10)
    assert [e.samples for e in all_events(tail) if isinstance(e, Batch)] == [105]


def test_a_history_with_nan_is_continued(tmp_path: Path) -> None:
    for steps in (1, 2):
        log = [{"step": step, "loss": float("nan")} for step in range(1, steps + 1)]
        (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": log}))
        if steps == 1:
            tail = tail_of(tmp_path)
            all_events(tail)
    assert [type(event) for event in all_events(tail)] == [Batch]


def test_a_log_that_no_longer_grows_is_that_of_a_finished_training_until_it_does(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(KERAS)
    age(path, 3600)
    tail, state = tail_of(path), RunState()
    events = all_events(tail)
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert (finished.state, finished.epochs, finished.best_epoch, finished.best_val_accuracy) == (
        "finished",
        3,
        2,
        0.52,
    )
    append(path, "3,0.6,0.0005,1.1,0.6,1.2\n")
    continued = all_events(tail)
    assert isinstance(continued[0], Resumed)
    for event in [*events, *continued]:
        state.apply(event)
    assert (state.status, state.finished, [e.epoch for e in state.epochs]) == ("running", None, [1, 2, 3, 4])


def test_what_was_the_best_of_epochs_that_are_void_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,epoch,loss,val_acc,test_acc\n10,1,1,,\n10,1,,.5,\n20,2,1,,\n20,2,,.9,.9\n")
    tail, state = tail_of(path), RunState()
    for event in all_events(tail):
        state.apply(event)
    append(path, "14,2,4,,\n18,2,2,,\n20,2,,.4,\n")
    age(path, 3600)
    for event in all_events(tail):
        state.apply(event)
    assert [(e.val_accuracy, e.train_loss, e.best) for e in state.epochs] == [(0.5, 1, True), (0.4, 3, False)]
    assert state.finished is not None
    assert (state.finished.best_epoch, state.finished.best_val_accuracy) == (1, 0.5)
    assert (state.test, state.finished.test_accuracy) == (None, None)


def test_a_log_by_epochs_that_goes_back_continues_from_there(tmp_path: Path) -> None:
    path, header = tmp_path / "log.csv", "epoch,loss,val_loss\n"
    path.write_text(header + "1,1,1\n2,1,1\n3,1,1\n" + "2,9,9\n")
    tail, state = tail_of(path), RunState()
    appended = ["3,9,9\n", header + "1,5,5\n"]
    for expected in ([(1, 1), (2, 9)], [(1, 1), (2, 9), (3, 9)], [(1, 5)]):
        for event in all_events(tail):
            state.apply(event)
        assert [(e.epoch, e.train_loss) for e in state.epochs] == expected
        append(path, appended.pop(0) if appended else "")
    assert [(each.epoch, each.samples) for each in state.resumptions] == [(2, 1), (1, 0)]


def test_many_rows_between_two_looks_are_thinned(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\n")
    tail = tail_of(path)
    all_events(tail)
    append(path, "".join(f"{step},0.5\n" for step in range(2, 20_000)))
    found = [event for event in all_events(tail) if isinstance(event, Batch)]
    assert len(found) <= foreign_run.MOST_LIVE + 1
    assert found[-1].samples == 19_999


def test_a_log_that_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\n")
    tail = tail_of(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match="no file"):
        tail.read()
