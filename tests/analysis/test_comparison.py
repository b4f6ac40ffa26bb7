"""Runs are compared by figures that can be found again from their folders, as far as they can be compared at all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from safetensors.numpy import load_file
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, recall_score

from cifar_tui.analysis.class_scores import ClassScore
from cifar_tui.analysis.comparison import LEVELS, ComparedRun, Comparison, compare
from cifar_tui.analysis.predictions import Predictions
from cifar_tui.analysis.study import STUDY
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.errors import InputError
from cifar_tui.formatting import count, duration, percent, points, printable
from cifar_tui.headless import compare as headless
from cifar_tui.report import comparison_files
from cifar_tui.report.comparison_report import comparison_md
from cifar_tui.report.plots.comparison import draw_classes_of_runs, draw_curves_of_runs
from cifar_tui.runs.provenance import predictions_of
from cifar_tui.state.run_state import RunState
from cifar_tui.store.predictions import FILE, to_bytes
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.setup.prepare import prepare
from tests.support.hostile import HOSTILE, Page
from tests.support.program import invoke
from tests.support.recorded import recorded_state
from tests.support.training_runs import TINY, TinyImageCache, finished_run, tiny_source

CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a CNN that was trained for a short time and an MLP for a long one, tested on the same 100 images."""
    root = tmp_path_factory.mktemp("compare")
    (root / "runs").mkdir()
    for name, epochs in (("cnn", 1), ("mlp", 3)):
        config = replace(TINY, model=name, epochs=epochs, seed=epochs, batch_size=64)
        setup = prepare(config, TinyImageCache(tiny_source(400, classes=5)), lambda *_: None)  # type: ignore[arg-type]
        folder, trained = finished_run(root / name, setup)
        assert trained.outcome.test is not None
        best = folder.read_summary().best_epoch or 0
        predictions = predictions_of(trained.outcome.test, setup.dataset, best)
        (folder.path / FILE).write_bytes(to_bytes(predictions))
        folder.path.rename(root / "runs" / f"20260314-150926-{name}")
    return root / "runs"


class Folder:
    """A run as its files have it, read without the program."""

    def __init__(self, path: Path) -> None:
        with (path / "metrics.csv").open(newline="") as file:
            self.rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        tensors = load_file(path / FILE)
        self.labels, self.probabilities = tensors["labels"], tensors["probabilities"].astype(float)
        self.predicted = self.probabilities.argmax(axis=1)
        self.right = self.predicted == self.labels
        self.best = max(self.rows, key=lambda row: (row["val_accuracy"], -row["epoch"]))
        self.config: dict[str, Any] = json.loads((path / "config.json").read_text())

    def calibration_error(self) -> float:
        confidence = self.probabilities.max(axis=1)
        total = 0.0
        for m in range(15):
            inside = (confidence > m / 15) & (confidence <= (m + 1) / 15)
            if inside.any():
                total += inside.sum() * abs(confidence[inside].mean() - self.right[inside].mean())
        return total / len(confidence)

    def reach(self, accuracy: float) -> tuple[int, int, float]:
        seconds = 0.0
        for row in self.rows:
            seconds += row["seconds"]
            if row["val_accuracy"] >= accuracy:
                return int(row["epoch"]), int(row["samples"]), seconds
        raise AssertionError


def test_every_figure_follows_from_the_files_of_the_runs(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cnn, mlp = (Folder(runs / f"20260314-150926-{name}") for name in ("cnn", "mlp"))
    assert invoke("compare", "cnn", "mlp", "--json", "--runs-dir", runs) == 0
    found = json.loads(capsys.readouterr().out)
    assert invoke("compare", "cnn", "mlp", "--report", tmp_path / "both.md", "--runs-dir", runs) == 0
    told = capsys.readouterr().out
    report = (tmp_path / "both.md").read_text(encoding="utf-8")

    for name, folder, run in zip(("cnn", "mlp"), (cnn, mlp), found["runs"], strict=True):
        first, best = folder.rows[0], folder.best
        test = accuracy_score(folder.labels, folder.predicted)
        recalls = recall_score(folder.labels, folder.predicted, average=None, labels=range(5))
        assert (run["id"], run["label"], run["model"]) == (f"20260314-150926-{name}", name, name)
        assert run["parameters"] == folder.config["parameters"]
        assert run["epochs"] == len(folder.rows)
        assert run["best_epoch"] == best["epoch"]
        speed = sum(
            (row["samples"] - before) / row["images_per_second"]
            for row, before in zip(folder.rows, [0, *(r["samples"] for r in folder.rows)], strict=False)
        )
        for key, value in (
            ("first_val_accuracy", first["val_accuracy"]),
            ("best_val_accuracy", best["val_accuracy"]),
            ("gap", best["train_accuracy"] - best["val_accuracy"]),
            ("test_accuracy", test),
            ("images_per_second", folder.rows[-1]["samples"] / speed),
        ):
            assert run[key] == pytest.approx(value), key
        assert run["calibration"]["error"] == pytest.approx(folder.calibration_error())
        assert [each["recall"] for each in run["classes"]] == pytest.approx(list(recalls))
        mistakes = Counter(zip(folder.labels[~folder.right], folder.predicted[~folder.right], strict=True))
        assert [each["count"] for each in run["confused"]] == sorted(mistakes.values(), reverse=True)[:3]
        for text in (told, report):
            for value in (first["val_accuracy"], best["val_accuracy"], test, *recalls):
                assert percent(value) in text
            assert count(folder.config["parameters"]) in text
        assert percent(folder.calibration_error()) in report

    (pair,) = found["pairs"]
    a, b = cnn.right, mlp.right
    assert np.array_equal(cnn.labels, mlp.labels)
    assert (pair["a"], pair["b"]) == ("20260314-150926-cnn", "20260314-150926-mlp")
    whole = pair["overall"]
    counts = [int(n) for n in ((a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum())]
    assert [whole[key] for key in ("both", "only_a", "only_b", "neither")] == counts
    assert counts[1] + counts[2] > 0, "they differ, or this shows nothing"
    assert whole["p_value"] == pytest.approx(binomtest(counts[1], counts[1] + counts[2]).pvalue)
    assert whole["difference"] == pytest.approx(a.mean() - b.mean())
    for k, each in enumerate(pair["classes"]):
        mine = cnn.labels == k
        assert each["name"] == f"class {k}"
        assert each["images"] == mine.sum()
        assert each["only_a"] == (a & ~b)[mine].sum()
        assert each["difference"] == pytest.approx(a[mine].mean() - b[mine].mean())
        row = f"| class {k} | {(a & b)[mine].sum()} | {each['only_a']} | {(~a & b)[mine].sum()} |"
        assert f"{row} {(~a & ~b)[mine].sum()} | {points(each['difference'])} |" in report
    assert f"differ by {points(a.mean() - b.mean())} points" in report

    (race,) = found["races"]
    common = min(cnn.best["val_accuracy"], mlp.best["val_accuracy"])
    assert [level["accuracy"] for level in race["levels"]] == pytest.approx([share * common for share in LEVELS])
    for level in race["levels"]:
        for folder, reach in zip((cnn, mlp), level["reached"], strict=True):
            epoch, samples, seconds = folder.reach(level["accuracy"])
            assert reach == {"epoch": epoch, "samples": samples, "seconds": pytest.approx(seconds)}
            for text in (told, report):
                assert f"epoch {epoch}, {count(samples)} images, {duration(seconds)}" in text
    for name in ("both-curves.png", "both-classes.png"):
        with Image.open(tmp_path / name) as image:
            image.verify()
        assert f"]({name})" in report


def test_predictions_that_are_not_recorded_are_computed_or_reported_as_unknown(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = (runs / "20260314-150926-mlp" / FILE).rename(runs / "hidden")
    try:
        assert invoke("compare", "cnn", "mlp", "--runs-dir", runs) == 0
    finally:
        hidden.rename(runs / "20260314-150926-mlp" / FILE)
    out, err = capsys.readouterr()
    assert "mlp: its predictions for the test images are not known: " in err  # Its images are made up.
    assert "both right" not in out
    assert "class 0" in out


@pytest.mark.parametrize("columns", [60, 100])
def test_a_narrow_terminal_has_a_row_for_each_run_that_reached_a_level(
    runs: Path, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(headless, "console", lambda: Console(width=columns, color_system=None))
    invoke("compare", "cnn", "mlp", "--runs-dir", runs)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert (["val", "accuracy", "run", "epoch", "images", "time"] in rows) == (columns == 60)
    for name in ("cnn", "mlp"):
        epoch, samples, seconds = Folder(runs / f"20260314-150926-{name}").reach(0)
        words = [str(epoch), count(samples), *duration(seconds).split()]
        assert any(row[-len(words) :] == words for row in rows) == (columns == 60)


def test_what_cannot_be_compared_or_written_is_refused(runs: Path, tmp_path: Path) -> None:
    at = ("--runs-dir", runs)
    for names in (["cnn"], ["cnn", "cnn"], ["cnn", "mlp", "20260314-150926-mlp"]):
        with pytest.raises(InputError, match="two different runs or more"):
            invoke("compare", *names, *at)
    with pytest.raises(InputError, match=r"ends in \.md or \.html"):
        invoke("compare", "cnn", "mlp", "--report", tmp_path / "x.pdf", *at)
    with pytest.raises(InputError, match="there is no folder"):
        invoke("compare", "cnn", "mlp", "--report", tmp_path / "none" / "x.md", *at)
    (tmp_path / "taken.html").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        invoke("compare", "cnn", "mlp", "--report", tmp_path / "taken.html", *at)


def compared_run(
    model: str, predicted: Sequence[int] | None = None, *, names: Sequence[str] = CLASSES, data: str = "f" * 64
) -> ComparedRun:
    """A run that was tested on two images of each class, or on none."""
    k = len(names)
    labels = np.repeat(np.arange(k), 2)
    if predicted is None:
        state, predictions = recorded_state(classes=names, test=None, ending="stopped"), None
    else:
        matrix = np.zeros((k, k), int)
        np.add.at(matrix, (labels, np.array(predicted)), 1)
        state = recorded_state(classes=names, test=ConfusionMatrix.of(matrix.tolist()))
        probabilities = np.full((2 * k, k), 0.1 / k, np.float32)
        probabilities[np.arange(2 * k), list(predicted)] += 0.9
        predictions = Predictions(labels, probabilities, 2, data)
    assert state.started is not None
    state.started = replace(state.started, model=model)
    return ComparedRun(f"20260314-150926-{model}", state, data, predictions, "" if predictions else "no test result")


GOOD = [n // 2 for n in range(20)]
ALL_PLANES = [0] * 20


def written(comparison: Comparison) -> str:
    return comparison_md(comparison, "", ["x.png" for _ in comparison.same_classes])


def test_a_class_that_is_never_predicted_is_a_class_that_is_never_right() -> None:
    found = compare([compared_run("cnn", GOOD), compared_run("mlp", ALL_PLANES)])

    (pair,) = found.pairs
    assert (pair.overall.only_a, pair.overall.only_b) == (18, 0)
    assert (pair.classes[0].difference, pair.classes[1].difference) == (0.0, 1.0)
    assert math.isnan(found.runs[1].classes[1].precision)
    assert "NaN" not in json.dumps(found.to_dict())
    assert "nan" not in written(found)


def test_a_run_without_a_test_is_compared_by_its_learning() -> None:
    found = compare([compared_run("cnn", GOOD), compared_run("mlp")])

    assert found.pairs == ()
    assert found.gaps == ("mlp: no test result",)
    assert len(found.races) == 1
    report = written(found)
    assert "- mlp: no test result." in report
    assert "Test accuracy is 100.00 % (cnn)." in report


def test_runs_without_an_epoch_are_compared_too() -> None:
    empty = ComparedRun("20260314-150926-cnn", RunState(), "", None, "no test result; the run is failed")
    found = compare([empty, replace(empty, id="20260315-150926-cnn")])

    assert [run.label for run in found.runs] == ["20260314-150926-cnn", "20260315-150926-cnn"]
    assert found.races == ()
    assert "## Learning" not in written(found)


def test_other_test_images_are_not_compared_one_by_one() -> None:
    found = compare([compared_run("cnn", GOOD), compared_run("mlp", ALL_PLANES, data="0" * 64)])

    assert found.pairs == ()
    assert found.races == ()
    assert found.same_classes == ((0, 1),)
    assert found.gaps == (
        "cnn and mlp were tested on different images: their predictions cannot be compared",
        "not all were trained on the same data: their validation accuracies are not of the same images",
    )


def test_three_runs_make_three_pairs_and_other_classes_a_table_of_their_own() -> None:
    found = compare([compared_run("a", GOOD), compared_run("b", ALL_PLANES), compared_run("c", GOOD)])
    assert [(pair.a, pair.b) for pair in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert "these images show no difference between the two" in written(found), "a and c are right on the same ones"

    found = compare([compared_run("a", GOOD), compared_run("b", [0, 1, 1, 1], names=("x", "y"), data="0")])
    assert found.same_classes == ((0,), (1,))


def test_the_study_is_shown_beside_runs_on_its_classes() -> None:
    found = compare([compared_run("cnn", GOOD), compared_run("mlp", ALL_PLANES)], STUDY)
    report = written(found)

    assert "| **Test accuracy** | **100.00 %** | **10.00 %** | 91.95 % | 56.54 % |" in report
    assert "| Validation accuracy after epoch 1 | 50.00 % | 50.00 % | 48.76 % | 34.70 % |" in report
    assert "| bird | 100.00 % | 0.00 % | – | 46.70 % |" in report
    assert "- study’s cnn: 27 of 1,000 “bird” predicted as “plane” (2.70 %)" in report
    assert "In the test, cnn is 8.05 points above the study’s cnn, 91.95 %." in report
    assert "In the test, mlp is 46.54 points below the study’s mlp, 56.54 %." in report

    full_names = ("airplane", "automobile", *CLASSES[2:])
    full = written(compare([compared_run(name, GOOD, names=full_names) for name in ("cnn", "mlp")], STUDY))
    assert "| automobile | 100.00 % | 100.00 % | 96.60 % | 71.30 % |" in full
    assert "In the test, cnn is 8.05 points above the study’s cnn, 91.95 %." in full
    assert "no measure" not in full

    other = compare([compared_run(name, [0, 1, 1, 1], names=("x", "y")) for name in ("cnn", "mlp")], STUDY)
    assert len(other.gaps) == 2
    assert "“bird”" not in written(other)


def test_any_runs_can_be_drawn() -> None:
    wild = recorded_state([(0.5, 0.4), (math.nan, 0.6)], losses=[(1e300, -1.0), (1e-9, math.inf)])
    long = recorded_state([(0.5, 0.4)] * 70, batches=False)
    states = [recorded_state([(0.1, 0.2)]), wild, long, RunState(), *[recorded_state(batches=False)] * 8]
    labels = ["$a$", "_b", HOSTILE[1], *(f"run-{n}" for n in range(9))]
    with Image.open(io.BytesIO(draw_curves_of_runs(labels, states))) as image:
        assert image.width == 1800

    few = [[ClassScore(HOSTILE[1], 9, right, right / 9, math.nan)] * 30 for right in (3, 9)]
    many = [[*each, *[ClassScore("none", 0, 0, math.nan, math.nan)] * 30] for each in few]
    heights = []
    for scores in (few, many):
        with Image.open(io.BytesIO(draw_classes_of_runs(labels[:2], scores))) as image:
            assert image.width == 1350
            heights.append(image.height)
    assert heights[1] - heights[0] == pytest.approx(10 * 0.32 * 150, abs=1), "no more than forty are shown"


@pytest.mark.parametrize("name", ["both.html", "a [b] (c) *d* ü.html", "a [b] (c) *d* ü.md"])
def test_hostile_names_are_text_in_every_form_of_the_report(tmp_path: Path, name: str) -> None:
    predicted = [0, 0, 0, 2, 2, 2]
    found = [compared_run("cnn", predicted, names=HOSTILE), compared_run(HOSTILE[1], [0] * 6, names=HOSTILE)]
    comparison_files.write(tmp_path / name, compare(found), [each.state for each in found])

    text = (tmp_path / name).read_text(encoding="utf-8")
    if name.endswith(".md"):
        assert len(list(tmp_path.iterdir())) == 3
        from cifar_tui.report.html import page

        text = page(text, lambda link: b"" if link.startswith("a%20%5Bb%5D") else None)
    shown = Page(text)
    for hostile in HOSTILE:
        assert shown.text.count(printable(hostile)) >= 2
    assert shown.tags["img"] == 2
    assert not shown.tags.keys() & {"script", "a", "link", "iframe", "object"}
    assert all(reference.startswith("data:image/png;base64,") for reference in shown.refers)


def test_nothing_is_changed_in_the_folders(runs: Path) -> None:
    folder = RunFolder(runs / "20260314-150926-cnn")
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")}
    invoke("compare", "cnn", "mlp", "--json", "--runs-dir", runs)
    assert {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")} == before
