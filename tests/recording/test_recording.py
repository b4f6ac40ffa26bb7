"""A training of a script as a run: what it logs, how it ends, and what it is asked for from outside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cifar_tui import record
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.errors import InputError
from cifar_tui.events import AnyEvent, Batch, Epoch, Evaluated, Metric, Note, Paused, Resumed
from cifar_tui.recording import writer
from cifar_tui.recording.recording import Recording
from cifar_tui.records import ScriptRecord
from cifar_tui.state.run_state import RunState
from cifar_tui.store import catalog, requests
from cifar_tui.store.run_folder import RunFolder
from tests.support.command import eventually
from tests.support.others.recorded_script import killed_run


def recording(cwd: Path, **options: Any) -> Recording:
    given: dict[str, Any] = {"name": "net", "quiet": True, "runs_dir": cwd / "runs"}
    return record(**(given | options))


def folder_of(run: Recording) -> RunFolder:
    assert run.folder is not None
    return RunFolder(run.folder)


def events_of(run: Recording, kind: type[AnyEvent]) -> list[Any]:
    return [event for event in folder_of(run).events() if isinstance(event, kind)]


def state_of(run: Recording) -> RunState:
    return folder_of(run).read_state()


def test_a_loop_with_epochs_and_batches_is_recorded_as_it_went(tmp_path: Path) -> None:
    with recording(tmp_path, epochs=3, batch_size=10, config={"lr": 0.5, "model": {"depth": 4}}) as run:
        for epoch in run.epochs():
            for batch in run.batches([1.0, 2.0, 3.0]):
                run.log(loss=batch / epoch, lr=0.5)
            run.validated(loss=1 / epoch, accuracy=0.3 * epoch)
    state = state_of(run)
    assert [each.epoch for each in state.epochs] == [1, 2, 3]
    assert [each.train_loss for each in state.epochs] == [2.0, 1.0, pytest.approx(2 / 3)]
    assert [each.samples for each in state.epochs] == [30, 60, 90]
    assert [each.best for each in state.epochs] == [True, True, True]
    assert state.started is not None
    assert (state.started.epochs, state.started.batches, state.started.train_samples) == (3, 3, 30)
    assert (state.status, state.progress, state.lr) == ("finished", 1.0, 0.5)
    record_ = folder_of(run).read_any_record()
    assert isinstance(record_, ScriptRecord)
    assert record_.config == {"lr": "0.5", "model.depth": "4"}
    assert {"config.json", "summary.json", "metrics.csv", "curves.png", "report.md"} <= {
        path.name for path in folder_of(run).path.iterdir()
    }


def test_a_loop_that_only_logs_counts_its_calls_or_takes_the_steps_that_it_gives(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        run.log(loss=3.0)
        run.log(loss=2.0)
        run.log({"loss/box": 0.25}, step=10, reward=-1)
    state = state_of(run)
    assert state.samples == 10
    assert {name: curve.points[-1].mean for name, curve in state.metrics.items()} == {"loss/box": 0.25, "reward": -1}
    assert state.epochs == []
    assert state.started is not None
    assert (state.started.epochs, state.started.batches, state.started.unit) == (None, None, "steps")


def test_without_epochs_each_validation_ends_one(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        for loss in (2.0, 1.0):
            run.log(loss=loss)
            run.validated(loss=loss, accuracy=0.5)
    assert [(each.epoch, each.train_loss, each.val_loss) for each in state_of(run).epochs] == [(1, 2, 2), (2, 1, 1)]


def test_a_validation_has_a_matrix_and_metrics_of_its_own(tmp_path: Path) -> None:
    with recording(tmp_path, classes=["cat", "dog"]) as run:
        run.log(loss=1.0)
        run.validated(accuracy=torch.tensor(0.75), confusion=torch.tensor([[3, 1], [0, 4]]), top5=0.9)
        run.tested(loss=0.5, accuracy=0.8)
    (evaluated,) = [each for each in events_of(run, Evaluated) if each.split == "validation"]
    assert evaluated.confusion == ConfusionMatrix.of([[3, 1], [0, 4]])
    (metric,) = events_of(run, Metric)
    assert (metric.split, metric.values) == ("validation", {"top5": 0.9})
    assert list(state_of(run).metrics) == ["validation/top5"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda run: run.log(loss=[1.0, 2.0]),
        lambda run: run.log(loss=torch.zeros(3)),
        lambda run: run.log(loss="low"),
        lambda run: run.log({"": 1.0}),
        lambda run: run.log({"x" * 300: 1.0}),
        lambda run: run.log(step=-1, loss=1.0),
        lambda run: run.log(0.5),
        lambda run: run.log(step=10**30, loss=1.0),
        lambda run: run.log(accuracy=93.5),
        lambda run: run.log(loss=10**400),
        lambda run: run.log(loss=torch.tensor(1j)),
        lambda run: run.finish("running"),
        lambda run: run.validated(confusion=[[1, 2]]),
        lambda run: run.validated(confusion=[[10**30]]),
        lambda run: recording(run.folder, classes="cat"),
        lambda run: recording(
            run.folder, config={"text": "é" * 1000, "more": {str(n): "é" * 1000 for n in range(900)}}
        ),
        lambda run: run.validated(confusion=[[0.5]]),
        lambda run: run.start(),
        lambda run: recording(run.folder, epochs=0),
        lambda run: recording(run.folder, name="no/name"),
        lambda run: recording(run.folder, config=3),
    ],
)
def test_what_is_given_wrongly_is_one_clear_error_and_the_run_goes_on(tmp_path: Path, wrong: Any) -> None:
    with recording(tmp_path) as run:
        with pytest.raises(InputError) as raised:
            wrong(run)
        assert "\n" not in str(raised.value)
        run.log(loss=1.0)
    assert state_of(run).status == "finished"


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (None, "finished", "the script has ended"),
        (ValueError("no more ideas"), "failed", "ValueError: no more ideas"),
        (KeyboardInterrupt(), "interrupted", "interrupted by SIGINT"),
        (SystemExit(0), "finished", "the script has ended"),
        (SystemExit(3), "failed", "SystemExit: 3"),
    ],
)
def test_the_end_of_the_block_is_the_runs(
    tmp_path: Path, error: BaseException | None, state: str, message: str
) -> None:
    run = recording(tmp_path)
    with pytest.raises(type(error)) if error is not None else contextlib.nullcontext(), run:
        run.log(loss=1.0)
        if error is not None:
            raise error
    summary = folder_of(run).read_summary()
    assert (summary.state, summary.message) == (state, message)


def test_an_epoch_that_is_left_once_it_is_validated_counts(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        for epoch in run.epochs():
            for _ in run.batches(range(2)):
                run.log(loss=1.0)
            run.validated(loss=1.0, accuracy=epoch / 10)
            if epoch == 3:
                break
    summary = folder_of(run).read_summary()
    assert (summary.epochs, summary.best_epoch) == (3, 3)


def test_the_last_step_is_recorded_however_soon_it_follows(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        run.log(loss=2.0)
        eventually(lambda: events_of(run, Batch))
        run.log(loss=1.0)
        run.note("this parts it from the next one")
        run.log(loss=0.5)
    assert (state_of(run).samples, state_of(run).loss) == (3, 0.5)


def test_batches_without_epochs_begin_again_behind_each_validation(tmp_path: Path) -> None:
    with recording(tmp_path, epochs=2) as run:
        for _ in range(2):
            for _ in run.batches(range(5)):
                run.log(loss=1.0)
            run.validated(loss=1.0)
    assert max(batch.batch for batch in events_of(run, Batch)) == 5
    assert state_of(run).progress == 1.0


def test_a_step_that_is_given_within_batches_is_that_of_its_call_alone(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        for epoch in run.epochs():
            for _ in run.batches(range(10)):
                run.log(loss=1.0)
            run.log(step=np.int64(epoch), reward=1.0)
            run.validated(loss=1.0)
            if epoch == 2:
                break
    assert [epoch.samples for epoch in state_of(run).epochs] == [10, 20]
    assert [point.last for point in state_of(run).metrics["reward"].points] == [1, 2]


def test_a_test_behind_the_end_belongs_to_the_run(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        run.validated(loss=1.0, accuracy=0.5)
    run.tested(loss=0.5, accuracy=0.75)
    run.log(loss=9.0)
    summary = folder_of(run).read_summary()
    assert (summary.state, summary.test_accuracy, summary.epochs) == ("finished", 0.75, 1)
    assert not events_of(run, Batch), "the training is over"


def test_many_validations_a_second_are_all_in_the_table(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        for _ in range(300):
            run.validated(loss=1.0)
    assert len((folder_of(run).path / "metrics.csv").read_text().splitlines()) == 301


def test_a_request_that_the_script_does_not_handle_is_noted_and_does_not_change_how_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "UNHANDLED_SECONDS", 0.1)
    with recording(tmp_path) as run:
        run.log(loss=1.0)
        requests.send(folder_of(run).path, "stop")
        eventually(lambda: writer.UNHANDLED in [note.message for note in events_of(run, Note)])
    assert folder_of(run).read_summary().state == "finished"


def test_a_stop_from_another_process_ends_the_batches_and_the_epochs(tmp_path: Path) -> None:
    seen = []
    with recording(tmp_path, epochs=5) as run:
        for epoch in run.epochs():
            for batch in run.batches(range(1000)):
                run.log(loss=1.0)
                if (epoch, batch) == (2, 10):
                    requests.send(folder_of(run).path, "stop")
                    eventually(lambda: run.stop_requested)
                seen.append((epoch, batch))
            run.validated(loss=1.0)
    assert seen[-1] == (2, 10)
    assert [each.epoch for each in state_of(run).epochs] == [1], "one that is cut short is no epoch"
    summary = folder_of(run).read_summary()
    assert (summary.state, summary.message) == ("stopped", "stopped by request")


def test_a_pause_waits_between_two_batches_and_takes_no_time(tmp_path: Path) -> None:
    with recording(tmp_path, epochs=1) as run:
        for batch in [batch for _ in run.epochs() for batch in paused_at(run, 3)]:
            assert batch < 5
    (paused,), (resumed,) = events_of(run, Paused), events_of(run, Resumed)
    assert (paused.batch, resumed.batch) == (3, 3)
    assert folder_of(run).read_state().paused_seconds == pytest.approx(resumed.t - paused.t)


def paused_at(run: Recording, at: int) -> Iterator[int]:
    """Batches, of which the run is paused behind the `at`-th, and resumed once its folder says so."""
    for batch in run.batches(range(5)):
        run.log(loss=1.0)
        if batch + 1 == at:
            requests.send(folder_of(run).path, "pause")
            eventually(lambda: any(isinstance(e, Note) and "pause" in e.message for e in folder_of(run).events()))
            threading.Thread(target=resume_once_paused, args=(run,)).start()
        yield batch


def resume_once_paused(run: Recording) -> None:
    eventually(lambda: events_of(run, Paused))
    requests.send(folder_of(run).path, "resume")


def test_two_threads_record_runs_of_their_own_at_once(tmp_path: Path) -> None:
    runs: dict[int, Recording] = {}

    def train(number: int) -> None:
        with recording(tmp_path, name=f"net{number}") as runs[number]:
            for _ in range(100):
                runs[number].log(loss=float(number))

    threads = [threading.Thread(target=train, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, run in runs.items():
        assert state_of(run).samples == 100
        assert {each.loss for each in events_of(run, Batch)} == {float(number)}


def test_of_several_processes_the_first_one_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with recording(tmp_path, epochs=2) as run:
        batches = [batch for _ in run.epochs() for batch in run.batches([1, 2])]
        run.log(loss=1.0)
        run.validated(loss=1.0)
    assert batches == [1, 2, 1, 2]
    assert run.folder is None
    assert not (tmp_path / "runs").exists()


def test_an_unfinished_one_is_interrupted_once_its_process_is_gone(tmp_path: Path) -> None:
    folder = killed_run(tmp_path)
    assert catalog.summary_of(folder).state == "interrupted"
    assert folder.read_state().samples > 0


def test_a_loss_that_is_not_finite_is_recorded_as_such(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        run.log(loss=float("nan"), grad_norm=float("inf"))
        run.validated(loss=float("nan"))
    (epoch,) = events_of(run, Epoch)
    assert epoch.train_loss != epoch.train_loss
    assert state_of(run).status == "finished"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
def test_values_on_a_gpu_are_those_that_were_computed(tmp_path: Path) -> None:
    with recording(tmp_path) as run:
        value = torch.zeros((), device="cuda")
        for _ in range(1000):
            value = value + 1
            run.log(loss=value)
        run.validated(loss=value)
    (epoch,) = events_of(run, Epoch)
    assert (epoch.train_loss, epoch.val_loss) == (500.5, 1000.0)
