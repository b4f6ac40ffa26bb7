"""What is printed: tables that fit, lines that read well, and nothing that acts on a terminal."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cifar_tui.events import Checkpoint, Note, Resumed, RunFinished
from cifar_tui.headless.displays import JsonDisplay, event_line, result_line
from cifar_tui.headless.tables import classes_table, comparison_table, runs_table
from cifar_tui.state import RunState
from tests.test_state import batch, fold, started, uninterrupted, whole_epoch

HOSTILE = "\x1b[2J[red]\x07\u202e"


def printed(table: Any, width: int) -> list[str]:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def summary(**values: Any) -> dict[str, Any]:
    return {
        "id": "20260102-030405-cnn",
        "state": "finished",
        "model": "cnn",
        "data": "/home/me/images",
        "epochs": 12,
        "planned_epochs": 50,
        "best_val_accuracy": 0.9,
        "test_accuracy": 0.89,
        "seconds": 4000.0,
        "images_per_second": 123456.0,
    } | values


@given(st.integers(60, 200))
def test_tables_fit_their_width_a_line_a_run(width: int) -> None:
    runs = printed(runs_table([summary(), summary(id="20260102-030405-mlp")], width), width)
    assert len(runs) == 2 + 2
    assert all(len(line) <= width for line in runs)
    assert runs[2].startswith("20260102-030405-cnn ")
    compared = printed(comparison_table([fold(uninterrupted(2)), RunState()], width), width)
    assert all(len(line) <= width for line in compared)
    assert [line.split()[0] for line in compared[2:4]] == ["cnn", "–"]


def test_a_wide_table_has_every_column() -> None:
    assert printed(runs_table([summary()]), 160)[0].split() == [
        *["run", "state", "model", "data", "epochs", "best", "test", "images/s", "time"]
    ]
    assert printed(runs_table([summary()]), 160)[2].split() == [
        *["20260102-030405-cnn", "finished", "cnn", "images", "12/50", "90.00", "%", "89.00", "%", "123,456"],
        *["1", "h", "07", "min"],
    ]


@pytest.mark.parametrize("value", [None, True, [], {}, "x", -1, float("nan"), HOSTILE])
def test_a_damaged_summary_is_listed_as_far_as_it_goes(value: Any) -> None:
    (line,) = printed(runs_table([dict.fromkeys(summary(), value)]), 160)[2:]
    assert line
    assert line.isprintable()
    assert printed(runs_table([{}]), 160)[2].startswith("–")


def test_a_class_is_shown_with_what_it_is_most_often_taken_for() -> None:
    lines = printed(classes_table(((8, 0, 2), (0, 10, 0), (1, 3, 6)), ("a", "b", HOSTILE)), 160)
    assert lines[2].split() == ["a", "10", "8", "80.00", "%", *lines[4].split()[:1], "(2)"]
    assert lines[3].split() == ["b", "10", "10", "100.00", "%"]
    assert lines[4].endswith("b (3)")
    assert all(line.isprintable() for line in lines)


def test_an_epochs_line_has_its_figures() -> None:
    (event,) = whole_epoch(2, val_accuracy=0.625)[-1:]
    assert event_line(event, fold([started()])) == (
        "epoch 2/5  train loss 0.5000 accuracy 40.00 %  validation loss 0.5500 accuracy 62.50 %"
        "  lr 1.00e-01  20 images/s  4.0 s  best"
    )


def test_an_epochs_line_fits_a_narrow_terminal() -> None:
    (event,) = whole_epoch(2, val_accuracy=0.625)[-1:]
    short = "epoch 2/5  train 0.5000 40.00 %  val 0.5500 62.50 %  4.0 s  best"
    assert event_line(event, fold([started()]), 80) == short
    assert event_line(event, fold([started()]), 200) == event_line(event, fold([started()]))


@pytest.mark.parametrize(
    ("epoch", "number", "says"),
    [(2, 3, "in epoch 2, after batch 3 of 4"), (3, 0, "with epoch 3"), (6, 0, "with the test")],
)
def test_a_resumed_run_says_where_it_goes_on(epoch: int, number: int, says: str) -> None:
    event = Resumed(t=1.0, epoch=epoch, batch=number, samples=0)
    line = event_line(event, fold([started()]))
    assert line is not None
    assert line.endswith(f"goes on {says}")


def test_notes_are_shown_as_text_and_those_for_debugging_are_not() -> None:
    line = event_line(Note(t=0.0, level="warning", message=f"bad {HOSTILE}"), RunState())
    assert line is not None
    assert line.isprintable()
    assert line.startswith("warning: bad \\x1b[2J[red]")
    assert event_line(Note(t=0.0, level="debug", message="trace"), RunState()) is None
    assert event_line(batch(1, 1), RunState()) is None


def test_an_unfinished_runs_result_says_how_to_go_on() -> None:
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
        " go on with: cifar-tui resume x"
    )
    done = replace(finished, state="finished", message="trained for 5 epochs", test_accuracy=0.5, test_loss=1.0)
    assert "test accuracy 50.00 %, loss 1.0000" in result_line(state, done, Path("runs/x"))
    assert "go on" not in result_line(state, done, Path("runs/x"))


def test_quiet_json_is_the_last_event_alone(capsys: pytest.CaptureFixture[str]) -> None:
    display, state = JsonDisplay(quiet=True), RunState()
    for event in [*uninterrupted(1)]:
        display.event(event, state)
    assert capsys.readouterr().out == ""
