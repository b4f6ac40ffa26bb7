"""Runs of a thousand classes: small on the disk, quick to open, right and readable in every command and view."""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from cifar_tui.analysis.comparison import ComparedRun, compare
from cifar_tui.analysis.predictions import Predictions
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import AnyEvent, Batch, Epoch, Evaluated, RunFinished, RunStarted, SplitName
from cifar_tui.headless.tables import classes_table
from cifar_tui.report import run_files
from cifar_tui.report.comparison_report import comparison_md
from cifar_tui.state.run_state import RunState
from cifar_tui.store import predictions as predictions_file
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.evaluation import confusion_matrix
from tests.support.dashboard import dashboard
from tests.support.program import UNEXPECTED, call, memory_limit
from tests.support.recorded import ID, recorded_state, run_record

K, IMAGES, EPOCHS = 1000, 5000, 12
NAMES = tuple(f"class {k:04}" for k in range(K))


def matrix(seed: int, images: int = IMAGES) -> ConfusionMatrix:
    """Two of three images right; of class 7, sixty more are predicted as class 900."""
    drawn = torch.Generator().manual_seed(seed)
    true = torch.randint(K, (images,), generator=drawn)
    wrong = torch.rand(images, generator=drawn) < 1 / 3
    predicted = torch.where(wrong, torch.randint(K, (images,), generator=drawn), true)
    true, predicted = torch.cat([true, torch.full((60,), 7)]), torch.cat([predicted, torch.full((60,), 900)])
    return confusion_matrix(true, predicted, K)


def evaluated(split: SplitName, epoch: int) -> Evaluated:
    counts = matrix(epoch)
    right = sum(counts.right) / counts.images
    return Evaluated(t=epoch, split=split, epoch=epoch, loss=1.0, accuracy=right, confusion=counts, seconds=1.0)


def a_run() -> Iterator[AnyEvent]:
    yield RunStarted(
        t=0.0, id=ID, model="mlp", data="digits", classes=NAMES, epochs=EPOCHS, batches=1, batch_size=8,
        train_samples=8, validation_samples=IMAGES, test_samples=IMAGES, parameters=1, device="cpu", precision="fp32",
        threads=1, seed=0, max_lr=0.01,
    )  # fmt: skip
    for epoch in range(1, EPOCHS + 1):
        yield Batch(
            t=epoch, epoch=epoch, batch=1, batches=1, samples=8 * epoch, loss=1.0, accuracy=0.5, lr=0.01,
            images_per_second=9.0,
        )  # fmt: skip
        yield evaluated("validation", epoch)
        yield Epoch(
            t=epoch, epoch=epoch, samples=8 * epoch, train_loss=1.0, train_accuracy=0.7, val_loss=1.0,
            val_accuracy=0.66, lr=0.01, seconds=1.0, images_per_second=9.0, best=epoch == 1,
        )  # fmt: skip
    yield evaluated("test", 1)
    yield RunFinished(
        t=EPOCHS, state="finished", message="trained", epochs=EPOCHS, best_epoch=1, best_val_accuracy=0.66,
        test_loss=1.0, test_accuracy=0.66, seconds=12.0,
    )  # fmt: skip


@pytest.fixture(params=["sparse", "dense"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> RunFolder:
    """A run as it is written, or as one that has all counts in its stream and no kept state."""
    made = RunFolder(tmp_path / "runs" / ID)
    made.path.mkdir(parents=True)
    record = run_record(classes=NAMES)
    made.write_record(record)
    recorder = Recorder(made, record, RunState())
    for event in a_run():
        recorder.record(event)
    recorder.close()
    if request.param == "dense":
        lines = [json.loads(line) for line in made.events_file.read_text().splitlines()]
        with made.events_file.open("w") as file:
            for line in lines:
                if "confusion" in line:
                    line["confusion"] = list(ConfusionMatrix.from_json(line["confusion"]))
                file.write(json.dumps(line) + "\n")
        made.state_file.unlink(missing_ok=True)
    return made


def test_every_command_reads_such_a_run_within_memory_and_says_the_right_things(folder: RunFolder) -> None:
    cwd, told = folder.path.parents[1], RunState()
    for event in a_run():
        told.apply(event)
    assert folder.read_state() == told
    assert all(len(each.confusion) == K for each in told.validations)
    commands = (
        ["runs", "--json"], ["report", ID], ["attach", ID, "--no-ui", "--json"],
        ["export", ID, "--format", "csv"], ["export", ID, "--format", "csv", "--json"],
    )  # fmt: skip
    printed = []
    for arguments in commands:
        with memory_limit(170_000_000):
            result = call(arguments, cwd)
        assert result.returncode == 0, result.stderr
        assert UNEXPECTED not in result.stderr
        printed.append(result.stdout)
    assert told.test is not None
    assert json.loads(printed[0])[0]["test_accuracy"] == told.test.accuracy
    assert all(json.loads(line) for line in printed[2].splitlines())

    report = (folder.path / "report.md").read_text()
    assert "The 50 of 1,000 classes with the lowest recall:" in report
    assert report.count("| class 0") < 60
    of_seven = matrix(1)[7]
    assert f"- {of_seven[900]} of {sum(of_seven)} “class 0007” predicted as “class 0900”" in report
    with (folder.path / "confusion_matrix.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][1:] == list(NAMES)
    assert np.array_equal(np.array([row[1:] for row in rows[1:]], dtype=int), np.array(list(matrix(1))))


def test_the_stream_and_the_kept_state_cost_what_is_in_the_matrices(folder: RunFolder) -> None:
    if not folder.events_file.read_text().count("indptr"):
        assert len(list(folder.events())) == 2 + 3 * EPOCHS + 1
        return
    assert folder.events_file.stat().st_size < (EPOCHS + 1) * 60_000
    state = folder.read_state()
    assert state.matrix_cells < EPOCHS * 6200
    begun = time.process_time()
    assert folder.read_state() == state
    assert time.process_time() - begun < 1


async def test_the_dashboard_goes_to_a_class_and_to_the_pairs_that_are_confused_most(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / ID)
    folder.path.mkdir()
    folder.write_record(run_record(classes=NAMES))
    recorder = Recorder(folder, run_record(classes=NAMES), RunState())
    for event in a_run():
        recorder.record(event)
    recorder.close()
    async with dashboard(tmp_path, "mlp", size=(200, 50)) as desk:
        await desk.until(lambda: len(desk.app.runs) == 2)
        await desk.press("down", "2")
        await desk.shows("test, epoch 1", "'class 0007' images predicted as 'class 0900'", "class 0007 predicted as")
        await desk.press("slash", *"0451")
        await desk.shows("class 1 of 1 with '0451'", "'class 0451' images")
        await desk.press("escape", "down", "right")
        await desk.shows("'class 0452' images recognised")
        await desk.press("pagedown", "f", *"07")
        await desk.shows("with '07'", "'class 0007' images recognised")
        await desk.press("enter")
        await desk.shows("class 2 of", "'class 0070' image")
        await desk.press("backspace", "backspace", *"owl")
        await desk.shows("no class with 'owl'")
        await desk.press("escape", "m")
        await desk.shows("'class 0007' images predicted as 'class 0900'")
        assert "owl" not in desk.screen()
        await desk.press("m")
        await desk.until(lambda: "predicted as 'class 0900'" not in desk.screen())
        await desk.press("M")
        await desk.shows("'class 0007' images predicted as 'class 0900'")
        await desk.press("comma")
        await desk.shows(f"validation after epoch {EPOCHS} of {EPOCHS}")
        for _ in range(EPOCHS - 1):
            await desk.press("comma")
        await desk.shows(f"validation after epoch 1 of {EPOCHS}", "predicted as 'class 0900'")
        await desk.press("tab", "slash", *"nothing")
        await desk.until(lambda: len(desk.app.main.table.entries) == 0)


async def test_a_class_is_not_looked_for_any_more_once_another_view_is_on(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "mlp") as desk:
        await desk.press("f", *"x1")
        assert desk.app.main.views is not None
        finder = desk.app.main.views.finder
        assert finder is not None
        assert (desk.view, finder.value) == ("confusion", "x1")
        await desk.press("escape", "1")
        assert not finder.display
        await desk.press("slash", *"ml")
        assert desk.app.main.table.model.filter.typed == "ml"
        assert finder.value == ""


def test_tables_list_a_part_of_many_classes_and_say_so() -> None:
    lines = str(classes_table(matrix(1), NAMES)).splitlines()
    assert len(lines) == 2 + 50 + 1
    assert lines[-1] == "the 50 of 1,000 classes with the lowest accuracy"
    few = str(classes_table(ConfusionMatrix.of([[2, 0], [1, 3]]), ("a", "b"))).splitlines()
    assert len(few) == 4
    states = [recorded_state(classes=NAMES, test=matrix(seed)) for seed in (1, 2)]
    both = compare([ComparedRun(f"2026-1-{n}", state, "x", None, "no") for n, state in enumerate(states)])
    report = comparison_md(both, "", ["classes.png"])
    assert "The 50 of 1,000 classes that differ most:" in report
    assert report.count("| class 0") <= 50


def test_predictions_too_large_to_read_are_not_written_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions_file, "MOST_BYTES", 150_000)
    labels = np.zeros(20, dtype=np.int64)
    small, large = (Predictions(labels[:n], np.full((n, K), 1 / K, np.float32), 2, "x") for n in (10, 20))
    state = recorded_state(classes=NAMES, test=matrix(1))
    record = run_record(classes=NAMES)
    assert run_files.write_run_files(tmp_path, record, state, None, small) == []
    assert predictions_file.read(tmp_path / predictions_file.FILE).probabilities.shape == (10, K)
    (failure,) = run_files.write_run_files(tmp_path, record, state, None, large)
    assert failure.startswith("predictions.safetensors is not written: 20 images of 1,000 classes are more than")
    assert not (tmp_path / predictions_file.FILE).exists(), "not even those of other weights"
    assert "predictions.safetensors is not written" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "calibration.png").exists()


def test_the_matrix_of_ten_thousand_classes_is_counted_within_memory() -> None:
    drawn = random.Random(0)
    pairs = [(drawn.randrange(10_000), drawn.randrange(10_000)) for _ in range(2000)]
    true, predicted = (torch.tensor(column) for column in zip(*pairs, strict=True))
    with memory_limit(50_000_000):
        counts = confusion_matrix(true, predicted, 10_000)
    assert counts.images == 2000
    assert all(counts.count(i, j) for i, j in pairs)
