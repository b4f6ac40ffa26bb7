"""The files that are made of a run's state: all that it allows, whatever fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from cifar_tui.report import run_files
from cifar_tui.report.run_files import write_run_files
from cifar_tui.state.run_state import RunState
from cifar_tui.store.predictions import to_bytes
from tests.support.recorded import recorded_state, run_record, some_examples, some_predictions

ALL = {
    "metrics.csv",
    "curves.png",
    "confusion_matrix.csv",
    "confusion_matrix.png",
    "calibration.png",
    "predictions.png",
    "predictions.safetensors",
    "report.md",
}

OF_PREDICTIONS = {"calibration.png", "predictions.safetensors"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_tested_run_leaves_every_file(tmp_path: Path) -> None:
    assert write_run_files(tmp_path, run_record(), recorded_state(), some_examples(), some_predictions()) == []

    assert names(tmp_path) == ALL
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    for picture in tmp_path.glob("*.png"):
        with Image.open(picture) as image:
            image.verify()
        assert f"]({picture.name})" in report


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (RunState(), {"report.md"}),
        (recorded_state([], ending="stopped"), {"metrics.csv", "report.md"}),
        (recorded_state(test=None, ending="stopped"), {"metrics.csv", "report.md", "curves.png"}),
        (recorded_state(), ALL - OF_PREDICTIONS - {"predictions.png"}),
    ],
    ids=["it has not ended, and its recorder keeps its metrics", "no epoch", "no test", "no predictions"],
)
def test_what_was_not_reached_is_not_written(tmp_path: Path, state: RunState, expected: set[str]) -> None:
    assert write_run_files(tmp_path, run_record(), state, None) == []

    assert names(tmp_path) == expected


def test_a_plot_that_fails_is_reported_and_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(state: RunState) -> bytes:
        raise RuntimeError("no\nfont")

    monkeypatch.setattr(run_files, "draw_curves", broken)

    failures = write_run_files(tmp_path, run_record(), recorded_state(), some_examples(), some_predictions())

    assert failures == [r"curves.png could not be written: RuntimeError: no\nfont"]
    assert names(tmp_path) == ALL - {"curves.png"}
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "(curves.png)" not in report
    assert r"warning: curves.png could not be written: RuntimeError: no\\nfont" in report


def test_an_old_picture_is_not_referred_to_when_the_new_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run_files(tmp_path, run_record(), recorded_state(), some_examples(), some_predictions())
    monkeypatch.setattr(run_files, "draw_examples", lambda *_: 1 / 0)

    failures = write_run_files(tmp_path, run_record(), recorded_state(), some_examples(), some_predictions())

    assert failures == ["predictions.png could not be written: ZeroDivisionError: division by zero"]
    assert "(predictions.png)" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_replaced_is_reported_and_the_others_are_written(tmp_path: Path) -> None:
    (tmp_path / "confusion_matrix.png").mkdir()

    failures = write_run_files(tmp_path, run_record(), recorded_state(), some_examples(), some_predictions())

    assert [line.split(" could not be written: ")[0] for line in failures] == ["confusion_matrix.png"]
    assert names(tmp_path) == ALL
    assert "(confusion_matrix.png)" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_folder_that_is_gone_is_reported_for_each_file(tmp_path: Path) -> None:
    failures = write_run_files(tmp_path / "gone", run_record(), recorded_state(), some_examples(), some_predictions())

    assert {line.split(" ")[0] for line in failures} == ALL
    assert all(line.isprintable() for line in failures)


def test_a_report_that_is_written_again_keeps_the_predictions_of_the_test(tmp_path: Path) -> None:
    write_run_files(tmp_path, run_record(), recorded_state(), some_examples(), some_predictions())
    before = (tmp_path / "report.md").read_text(encoding="utf-8")

    write_run_files(tmp_path, run_record(), recorded_state(), None)

    assert names(tmp_path) == ALL
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert report == before
    assert "](predictions.png)" in report
    assert "](calibration.png)" in report


@pytest.mark.parametrize("content", [b"damaged", to_bytes(replace(some_predictions(), epoch=1))])
def test_damaged_or_outdated_predictions_say_nothing_of_confidence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "predictions.safetensors").write_bytes(content)
    (tmp_path / "calibration.png").write_bytes(b"old")

    assert write_run_files(tmp_path, run_record(), recorded_state()) == []

    assert not (tmp_path / "calibration.png").exists()
    assert "## Confidence" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_outdated_files_of_a_resumed_run_are_removed(tmp_path: Path) -> None:
    write_run_files(tmp_path, run_record(), recorded_state(), some_examples(), some_predictions())

    assert write_run_files(tmp_path, run_record(), recorded_state(test=None, ending="stopped"), None) == []

    assert names(tmp_path) == {"metrics.csv", "curves.png", "report.md"}
