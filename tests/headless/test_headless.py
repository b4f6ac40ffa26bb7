"""What is printed: tables that fit, lines that read well, and nothing that acts on a terminal."""

import json
import signal
import sys
from dataclasses import fields, replace
from io import StringIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cifar_tui.config import TrainingConfig
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.errors import DivergedError
from cifar_tui.events import Note, RunFinished, RunStatus
from cifar_tui.headless import driver
from cifar_tui.headless.displays import JsonDisplay, PlainDisplay
from cifar_tui.headless.tables import classes_table, comparison_table, runs_table
from cifar_tui.records import Summary
from cifar_tui.runs.messages import Ended, Loading, Message
from cifar_tui.runs.run import Run
from cifar_tui.runs.workspace import Workspace
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import batch, fold, started, uninterrupted, whole_epoch

GOING_ON: Any = {"ended": (), "keep_training": True, "hung_up": False, "debug": False}
"""How runs are followed whose dashboard was left."""
HOSTILE = "\x1b[2J[red]\x07\u202e"


def printed(table: Any, width: int) -> list[str]:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


SUMMARY = Summary(
    id="20260102-030405-cnn",
    state="finished",
    model="cnn",
    data="/home/me/images",
    epochs=12,
    planned_epochs=50,
    best_val_accuracy=0.9,
    test_accuracy=0.89,
    seconds=4000.0,
    images_per_second=123456.0,
)


@given(st.integers(60, 200))
def test_tables_fit_their_width_a_line_a_run(width: int) -> None:
    runs = printed(runs_table([SUMMARY, replace(SUMMARY, id="20260102-030405-mlp")], width), width)
    assert len(runs) == 2 + 2
    assert all(len(line) <= width for line in runs)
    assert runs[2].startswith("20260102-030405-cnn ")
    compared = printed(comparison_table([fold(uninterrupted(2)), RunState()], width), width)
    assert all(len(line) <= width for line in compared)
    assert [line.split()[0] for line in compared[2:4]] == ["cnn", "–"]


def test_a_wide_table_has_every_column() -> None:
    assert printed(runs_table([SUMMARY]), 160)[0].split() == [
        *["run", "state", "model", "data", "epochs", "best", "test", "images/s", "time"]
    ]
    assert printed(runs_table([SUMMARY]), 160)[2].split() == [
        *["20260102-030405-cnn", "finished", "cnn", "images", "12/50", "90.00", "%", "89.00", "%", "123,456"],
        *["1", "h", "07", "min"],
    ]


def test_the_devices_are_listed_where_a_run_had_several_processes() -> None:
    several = replace(SUMMARY, device="cuda:0", processes=8, hosts=2)
    lines = printed(runs_table([several, replace(SUMMARY, device="cpu"), SUMMARY]), 160)
    assert lines[0].endswith("devices")
    assert [line.partition(" min")[2].strip() for line in lines[2:]] == ["8 × cuda on 2 hosts", "cpu", "–"]
    assert "devices" not in printed(runs_table([several]), 80)[0]


@pytest.mark.parametrize("value", [None, True, [], {}, "x", -1, float("nan"), HOSTILE])
def test_a_damaged_summary_is_listed_as_far_as_it_goes(tmp_path: Path, value: Any) -> None:
    folder = RunFolder(tmp_path)
    folder.summary_file.write_text(json.dumps(dict.fromkeys([each.name for each in fields(SUMMARY)], value)))
    (line,) = printed(runs_table([folder.read_summary()]), 160)[2:]
    assert line.startswith(folder.id)
    assert line.isprintable()


def test_a_class_is_shown_with_what_it_is_most_often_predicted_as() -> None:
    lines = printed(classes_table(ConfusionMatrix.of(((8, 0, 2), (0, 10, 0), (1, 3, 6))), ("a", "b", HOSTILE)), 160)
    assert lines[2].split() == ["a", "10", "8", "80.00", "%", *lines[4].split()[:1], "(2)"]
    assert lines[3].split() == ["b", "10", "10", "100.00", "%"]
    assert lines[4].endswith("b (3)")
    assert all(line.isprintable() for line in lines)


def test_quiet_json_is_the_last_event_alone(capsys: pytest.CaptureFixture[str]) -> None:
    display, state = JsonDisplay(quiet=True), RunState()
    for event in [*uninterrupted(1)]:
        display.event(event, state)
    assert capsys.readouterr().out == ""


class FakeRun(Run):
    """A run without a thread: what it is asked for is noted, and a stop is answered at once."""

    def __init__(self, queue: "SimpleQueue[tuple[Run, Message]]", folder: RunFolder | None, name: str = "cnn") -> None:
        super().__init__(Workspace(Path("runs")), TrainingConfig(name=name), folder, lambda _: None)
        self.queue = queue
        self.asked: list[object] = []

    def emit(self, *messages: Message) -> None:
        for message in messages:
            self.queue.put((self, message))

    def stop(self, state: RunStatus, why: str) -> None:
        self.asked.append((state, why))
        self.emit(finished(state, why), Ended(None))

    def resume(self) -> None:
        self.asked.append("resume")


def finished(state: RunStatus, message: str) -> RunFinished:
    return RunFinished(
        t=20.0,
        state=state,
        message=message,
        epochs=1,
        best_epoch=1,
        best_val_accuracy=0.5,
        test_loss=None,
        test_accuracy=None,
        seconds=20.0,
    )


def folder(name: str = "cnn") -> RunFolder:
    return RunFolder(Path("runs") / f"20260101-000000-{name}")


def test_runs_under_way_go_on_in_lines_that_name_them(capsys: pytest.CaptureFixture[str]) -> None:
    queue: SimpleQueue[tuple[Run, Message]] = SimpleQueue()
    cnn, mlp = FakeRun(queue, folder("cnn")), FakeRun(queue, None, "mlp")
    under_way = [(cnn, fold([started(), batch(1, 1)])), (mlp, RunState())]
    mlp.emit(Loading("reading digits", 0, 0))
    cnn.emit(*whole_epoch(1))
    mlp.emit(Note(t=0.0, level="warning", message="odd"), Ended(None))
    cnn.emit(finished("finished", "trained for 1 epoch"), Ended(None))
    assert driver.follow(under_way, queue, **GOING_ON) == 0
    out, err = capsys.readouterr()
    first, second, last = out.splitlines()
    assert first.startswith("cnn: epoch 1/5  train loss 1.0000")
    assert second == "mlp: warning: odd"
    assert last.startswith("cnn finished: trained for 1 epoch; ")
    assert err.splitlines() == [
        "cifar-tui: training continues here: cnn, mlp; Ctrl+C saves and stops",
        "cifar-tui: dashboard, in another terminal: cifar-tui attach RUN",
        "mlp: reading digits …",
        "cifar-tui: mlp: ended before training started; nothing was changed",
    ]
    assert cnn.asked == mlp.asked == ["resume"], "a pause would have no end: there is no key to end it with"


def test_runs_of_one_name_are_told_apart_by_their_ids(capsys: pytest.CaptureFixture[str]) -> None:
    queue: SimpleQueue[tuple[Run, Message]] = SimpleQueue()
    runs = [FakeRun(queue, folder("cnn")), FakeRun(queue, RunFolder(Path("runs/20260202-000000-cnn")))]
    for run in runs:
        run.emit(*whole_epoch(1), finished("finished", "trained"), Ended(None))
    assert (
        driver.follow(
            [(run, fold([started()])) for run in runs], queue, ended=(), keep_training=True, hung_up=False, debug=False
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "\n20260202-000000-cnn: epoch 1/5 " in out
    assert "1st epoch, best" in out, "they are compared"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_runs_that_went_on(
    number: signal.Signals, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    class Signalled(FakeRun):
        def resume(self) -> None:
            signal.raise_signal(number)

    queue: SimpleQueue[tuple[Run, Message]] = SimpleQueue()
    before = signal.getsignal(number)
    runs = [FakeRun(queue, folder("cnn")), Signalled(queue, folder("mlp"))]
    assert (
        driver.follow(
            [(run, fold([started()])) for run in runs], queue, ended=(), keep_training=True, hung_up=False, debug=False
        )
        == status
    )
    assert [run.asked[-1] for run in runs] == [("interrupted", f"interrupted by {number.name}")] * 2
    assert signal.getsignal(number) is before
    out, err = capsys.readouterr()
    assert f"{number.name}: saving and stopping; a second signal aborts at once" in err
    assert out.count("interrupted by") == 2


def test_the_first_run_that_failed_gives_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    queue: SimpleQueue[tuple[Run, Message]] = SimpleQueue()
    fine, diverged, failed = (FakeRun(queue, folder(name)) for name in ("a", "b", "c"))
    diverged.error, failed.error = DivergedError("the loss is NaN"), ValueError("broken")
    fine.emit(finished("finished", "trained"), Ended(None))
    diverged.emit(finished("diverged", "the loss is NaN"), Ended(diverged.error))
    failed.emit(finished("failed", "broken"), Ended(failed.error))
    under_way: list[tuple[Run, RunState]] = [(run, fold([started()])) for run in (fine, failed, diverged)]
    assert driver.follow(under_way, queue, **GOING_ON) == 1
    assert "20260101-000000-b: the loss is NaN" in capsys.readouterr().err


def test_a_run_that_ends_as_it_is_handed_over_has_its_result_printed(capsys: pytest.CaptureFixture[str]) -> None:
    queue: SimpleQueue[tuple[Run, Message]] = SimpleQueue()
    run = FakeRun(queue, folder())
    run.emit(Ended(None))
    ended = fold([started(), finished("stopped", "stopped by hand")])
    assert driver.follow([(run, ended)], queue, **GOING_ON) == 0
    assert "cnn stopped by hand; " in capsys.readouterr().out


def test_lines_are_short_on_a_narrow_terminal_and_whole_off_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (event,) = whole_epoch(2)[-1:]
    display = PlainDisplay("cnn")
    display.event(event, fold([started()]))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    display.event(event, fold([started()]))
    whole, short = capsys.readouterr().out.splitlines()
    assert len(whole) > 120
    assert len(short) <= 80
    assert short.startswith("cnn: epoch 2/5 ")


def test_what_ended_before_is_printed_first_and_compared_with_what_is_saved_and_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue: SimpleQueue[tuple[Run, Message]] = SimpleQueue()
    run = FakeRun(queue, folder("mlp"))
    run.emit(finished("stopped", "stopped on leaving"), Ended(None))
    before = fold([started(), finished("finished", "trained for 5 epochs")])
    under_way: list[tuple[Run, RunState]] = [(run, fold([started()]))]
    ended = [(Path("runs/20260101-000000-cnn"), before)]
    assert driver.follow(under_way, queue, ended=ended, keep_training=False, hung_up=False, debug=False) == 0
    out, err = capsys.readouterr()
    first, second, *table = out.splitlines()
    assert first.startswith("cnn finished: trained for 5 epochs; ")
    assert second.startswith("cnn stopped on leaving; ")
    assert len([line for line in table if line.startswith("cnn ")]) == 2
    assert err == "cifar-tui: saving mlp …\n"
    assert run.asked == [], "it was asked to end: nothing lets it go on"
