"""The files of a run that a script has recorded, its lines in a log, and its place in tables and comparisons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cifar_tui.analysis.comparison import ComparedRun, compare
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.headless.compare import compare_runs
from cifar_tui.headless.report import report_run
from cifar_tui.headless.tables import comparison_table, runs_table
from cifar_tui.records import NO_OVERRIDES
from cifar_tui.report.comparison_report import comparison_md
from cifar_tui.report.event_lines import event_line, result_line
from cifar_tui.report.run_files import write_run_files
from cifar_tui.state.run_state import RunState
from tests.support.others.script_runs import (
    evaluated,
    metric,
    script_events,
    script_folder,
    script_started,
    script_state,
)
from tests.support.recorded import recorded_state

MATRIX = ConfusionMatrix.of(((5, 1, 0), (2, 7, 0), (0, 0, 9)))


def compared(name: str, state: RunState) -> ComparedRun:
    return ComparedRun(f"20260314-150926-{name}", state, "", None, "not recorded")


def test_the_files_of_a_script_have_numbered_classes_and_the_lowest_loss(tmp_path: Path) -> None:
    folder = script_folder(tmp_path, "net", *script_events(), evaluated(MATRIX, "test"))
    state, record = folder.read_state(), folder.read_any_record()
    assert write_run_files(folder.path, record, state) == []
    assert (folder.path / "confusion_matrix.csv").read_text().splitlines()[:2] == [
        '"true / predicted","0","1","2"',
        '"0",5,1,0',
    ]
    assert (folder.path / "confusion_matrix.png").exists()
    report = (folder.path / "report.md").read_text()
    for words in ("Lowest validation loss | 0.25, after epoch 2", "Steps | 30", "10 steps/s", "2 of 9 “1” predicted"):
        assert words in report
    assert "nan" not in report
    assert "None" not in report


def test_a_test_without_a_matrix_is_reported_without_one(tmp_path: Path) -> None:
    first = script_started(classes=("a", "b", "c"))
    folder = script_folder(tmp_path, "net", *script_events(first=first), evaluated(split="test"))
    assert report_run(folder, NO_OVERRIDES, as_html=True, output=None) == 0
    assert not (folder.path / "confusion_matrix.csv").exists()
    assert "Test loss | 0.5 " in (folder.path / "report.md").read_text()


def test_what_nobody_has_said_is_no_row_of_the_report(tmp_path: Path) -> None:
    folder = script_folder(tmp_path, "agent", script_started(), metric(1, reward=1.0), metric(2, reward=2.0))
    write_run_files(folder.path, folder.read_any_record(), folder.read_state())
    report = (folder.path / "report.md").read_text()
    assert "Steps | 2 " in report
    assert "Epochs" not in report
    assert "–" not in report


def test_a_line_of_a_script_has_what_is_known() -> None:
    state = script_state()
    epoch = state.epochs[1]
    assert event_line(epoch, state) == "epoch 2  train loss 0.25  validation loss 0.25  10 steps/s  1.0 s"
    assert event_line(epoch, state, 50) == "epoch 2  train loss 0.25  validation loss 0.25"
    assert state.finished is not None
    assert "best validation loss 0.25 in epoch 2" in result_line(state, state.finished, Path("x"))


def test_tables_show_losses_steps_and_no_plan_that_nobody_made(tmp_path: Path) -> None:
    script_folder(tmp_path, "net")
    summary = script_folder(tmp_path, "other").read_summary()
    listed = runs_table([summary]).plain.splitlines()[2].split()
    assert listed[1:] == ["finished", "net", "–", "3", "loss", "0.25", "–", "10", "steps/s", "3.0", "s"]
    side_by_side = comparison_table([script_state(), recorded_state()]).plain
    assert "val loss" in side_by_side
    assert "10 steps/s" in side_by_side
    assert "nan" not in side_by_side
    assert "val loss" not in comparison_table([recorded_state(), recorded_state()]).plain


def test_scripts_race_on_what_they_say_is_the_same_data_in_their_own_unit() -> None:
    first = script_started(data="toy")
    states = [script_state(*script_events(accuracies=a, first=first)) for a in ((0.5, 0.6, 0.7), (0.4, 0.7, 0.8))]
    found = compare([compared("a", states[0]), compared("b", states[1])])
    assert [race.runs for race in found.races] == [(0, 1)]
    text = comparison_md(found, "", [])
    assert "first in steps" in text
    assert " images," not in text
    unknown = compare([compared("a", states[0]), compared("b", script_state(*script_events(accuracies=(0.5,) * 3)))])
    assert unknown.races == ()
    assert any("is not known" in gap for gap in unknown.gaps)


def test_numbered_classes_are_the_same_on_the_same_data_alone() -> None:
    def state(data: str) -> RunState:
        return script_state(*script_events(first=script_started(data=data)), evaluated(MATRIX, "test"))

    same = compare([compared("a", state("toy")), compared("b", state("toy"))])
    assert same.same_classes == ((0, 1),)
    others = compare([compared("a", state("toy")), compared("b", state("other"))])
    assert others.same_classes == ((0,), (1,))


def test_runs_of_scripts_are_compared_by_command(tmp_path: Path, capfd: Any) -> None:
    a = script_folder(tmp_path, "a", *script_events(), evaluated(MATRIX, "test"))
    b = script_folder(tmp_path, "b", *script_events(first=script_started(data="toy")))
    compare_runs([a, b], as_json=False, study=False, report=tmp_path / "report.html")
    printed = capfd.readouterr().out
    assert "nan" not in printed
    assert "0.25" in printed
    assert (tmp_path / "report.html").exists()


def test_an_epoch_without_any_figure_is_a_line_all_the_same() -> None:
    state = script_state()
    nan = float("nan")
    epoch = replace(state.epochs[0], train_loss=nan, val_loss=nan, seconds=nan, images_per_second=nan)
    assert event_line(epoch, state) == "epoch 1"
