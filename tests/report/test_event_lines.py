"""What happens to a run, in words that are the same wherever they are read."""

from dataclasses import replace
from pathlib import Path

import pytest

from cifar_tui.events import Checkpoint, Epoch, Note, Paused, Resumed, RunFinished
from cifar_tui.report.event_lines import event_line, result_line
from cifar_tui.state.run_state import RunState
from tests.support.recorded import batch, fold, started, whole_epoch

HOSTILE = "\x1b[2J[red]\x07\u202e"


def test_an_epochs_line_has_its_figures() -> None:
    (event,) = whole_epoch(2, val_accuracy=0.625)[-1:]
    assert event_line(event, fold([started()])) == (
        "epoch 2/5  train loss 0.5000 accuracy 40.00 %  validation loss 0.5500 accuracy 62.50 %"
        "  lr 1.00e-01  20 images/s  4.0 s  best"
    )


def test_several_processes_start_with_their_devices_and_hosts() -> None:
    one, several = started(), replace(started(), device="cuda:0", threads=8, processes=4, hosts=2)
    line = "20260101-000000-cnn: cnn (7 parameters) on digits, 40 training images of 2 classes; {}, batch 10"
    assert event_line(one, RunState()) == line.format("cpu, fp32, 1 thread")
    assert event_line(several, RunState()) == line.format("4 × cuda on 2 hosts, fp32, 8 threads each")


def test_an_epochs_line_names_the_slowest_of_several_processes() -> None:
    (event,) = whole_epoch(2)[-1:]
    assert isinstance(event, Epoch)
    event = replace(event, slowest_images_per_second=8.0, slowest_rank=1)
    assert "  20 images/s, slowest process 8 (rank 1)  4.0 s" in str(event_line(event, fold([started()])))


def test_several_processes_resume_with_their_devices() -> None:
    event = Resumed(t=1.0, epoch=3, batch=0, samples=0, device="cpu", processes=3, hosts=1)
    assert event_line(event, fold([started()])) == "20260101-000000-cnn: resumed at epoch 3, on 3 × cpu"


def test_an_epochs_line_fits_a_narrow_terminal() -> None:
    (event,) = whole_epoch(2, val_accuracy=0.625)[-1:]
    short = "epoch 2/5  train 0.5000 40.00 %  val 0.5500 62.50 %  4.0 s  best"
    assert event_line(event, fold([started()]), 80) == short
    assert event_line(event, fold([started()]), 200) == event_line(event, fold([started()]))


@pytest.mark.parametrize(
    ("epoch", "number", "says"),
    [(2, 3, "in epoch 2, after batch 3 of 4"), (3, 0, "at epoch 3"), (6, 0, "at the test")],
)
def test_a_resumed_run_says_where(epoch: int, number: int, says: str) -> None:
    event = Resumed(t=1.0, epoch=epoch, batch=number, samples=0)
    assert event_line(event, fold([started()])) == f"20260101-000000-cnn: resumed {says}"


@pytest.mark.parametrize(
    ("epoch", "number", "says"),
    [(2, 3, "in epoch 2, after batch 3 of 4"), (3, 0, "before epoch 3"), (6, 0, "before the test")],
)
def test_a_paused_run_says_where(epoch: int, number: int, says: str) -> None:
    event = Paused(t=1.0, epoch=epoch, batch=number)
    assert event_line(event, fold([started()])) == f"20260101-000000-cnn: paused {says}"


def test_notes_are_shown_as_text_and_those_for_debugging_are_not() -> None:
    line = event_line(Note(t=0.0, level="warning", message=f"bad {HOSTILE}"), RunState())
    assert line is not None
    assert line.isprintable()
    assert line.startswith("warning: bad \\x1b[2J[red]")
    assert event_line(Note(t=0.0, level="debug", message="trace"), RunState()) is None
    assert event_line(batch(1, 1), RunState()) is None


def test_an_unfinished_runs_result_says_how_to_resume_it() -> None:
    finished = RunFinished(
        t=9.0,
        state="interrupted",
        message="interrupted by SIGINT in epoch 1, after batch 2 of 4",
        epochs=0,
        best_epoch=None,
        best_val_accuracy=None,
        test_loss=None,
        test_accuracy=None,
        seconds=9.0,
    )
    saved = Checkpoint(t=8.0, epoch=1, batch=2, path="checkpoints/last.pt", best=False)
    state = fold([started(), batch(1, 2), saved, finished])
    line = result_line(state, finished, Path("runs/x"))
    assert line == (
        "cnn interrupted by SIGINT in epoch 1, after batch 2 of 4; 9.0 s; saved in runs/x;"
        " resume with: cifar-tui resume x"
    )
    done = replace(finished, state="finished", message="trained for 5 epochs", test_accuracy=0.5, test_loss=1.0)
    assert "test accuracy 50.00 %, loss 1.0000" in result_line(state, done, Path("runs/x"))
    assert "go on" not in result_line(state, done, Path("runs/x"))
