"""A run's predictions for its test images are recorded, and computed again where they are not."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.analysis.predictions import Predictions
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.runs.inference import evaluation
from cifar_tui.runs.provenance import predictions_of
from cifar_tui.runs.workspace import Workspace
from cifar_tui.state.run_state import NO_MATRIX
from cifar_tui.store.predictions import FILE, EvaluatedRun, read, to_bytes
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.evaluation import Evaluation
from cifar_tui.training.setup.image_cache import ImageCache
from cifar_tui.training.setup.prepare import Setup, prepare
from tests.support.images import write_folder
from tests.support.training_runs import TINY, TrainedRun, finished_run

KEPT = Predictions(np.array([0, 1, 1]), np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]], np.float32), 4, "ab")

AT_USUAL_PRIORITY = """
from cifar_tui.system import processes
processes.yield_to_others = lambda: None
from cifar_tui.cli.main import main
main()
"""
"""The program as the dashboard starts it, so that a test on a busy machine does not wait for long."""


def quiet(*_: object) -> None:
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunFolder, Setup, TrainedRun]]:
    root = tmp_path_factory.mktemp("predictions")
    counts = {f"{split}/{name}": n for split, n in (("train", 20), ("test", 7)) for name in ("cat", "dog")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        config = replace(TINY, data=str(write_folder(root / "images", counts)), epochs=2)
        setup = prepare(config, ImageCache(), quiet)
        folder, recorded = finished_run(root / "runs", setup)
        yield folder, setup, recorded


def test_predictions_are_read_back_unchanged(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(to_bytes(KEPT))
    back = read(tmp_path / FILE)
    assert np.array_equal(back.labels, KEPT.labels)
    assert np.array_equal(back.probabilities, KEPT.probabilities)
    assert (back.epoch, back.fingerprint) == (4, "ab")
    assert back.predicted.tolist() == [0, 0, 1]
    assert back.confidence.tolist() == pytest.approx([0.5, 0.9, 0.8])


@given(data=st.data())
def test_damaged_predictions_are_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = bytearray(to_bytes(KEPT))
    for place in data.draw(st.sets(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / FILE
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        back = read(path)
    except InputError:
        return
    assert ((back.labels >= 0) & (back.labels < back.probabilities.shape[1])).all()
    assert np.isfinite(back.probabilities).all()


def test_a_pipe_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "predictions")
    with pytest.raises(InputError, match="it is no file"):
        read(tmp_path / "predictions")


def test_only_a_run_without_recorded_predictions_is_evaluated(
    trained: tuple[RunFolder, Setup, TrainedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, setup, recorded = trained
    folder = RunFolder(tmp_path / original.id)
    shutil.copytree(original.path, folder.path)
    test = recorded.outcome.test
    assert test is not None
    best = folder.read_summary().best_epoch or 0

    found = evaluation.predictions(folder, quiet)
    assert np.array_equal(found.predicted, test.predicted.numpy())
    assert found.fingerprint == setup.dataset.fingerprint
    assert found.epoch == best
    assert not (folder.path / FILE).exists(), "a reader changes nothing"

    at_the_end = predictions_of(test, setup.dataset, best)
    assert np.array_equal(at_the_end.probabilities, found.probabilities)
    monkeypatch.setattr(evaluation, "_evaluate", None)
    (folder.path / FILE).write_bytes(to_bytes(at_the_end))
    assert np.array_equal(evaluation.predictions(folder, quiet).probabilities, found.probabilities)

    (folder.path / FILE).write_bytes(to_bytes(replace(at_the_end, epoch=best + 1)))
    with pytest.raises(TypeError):  # They are of other weights than the best: it would be evaluated.
        evaluation.predictions(folder, quiet)


def test_a_session_evaluates_test_images_until_it_is_told_to_stop_and_fetches_nothing(
    trained: tuple[RunFolder, Setup, TrainedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, setup, recorded = trained
    program = tmp_path / "program.py"
    program.write_text(AT_USUAL_PRIORITY)
    monkeypatch.setattr("cifar_tui.runs.inference.evaluation_process.PROGRAM", str(program))
    session, told = Workspace(tmp_path), list[str]()
    found = session.run_images(folder, "test", lambda what, *_: told.append(what))
    assert recorded.outcome.test is not None
    assert np.array_equal(found.images, setup.dataset.test.images.numpy())
    assert np.array_equal(found.predictions.predicted, recorded.outcome.test.predicted.numpy())
    assert (found.classes, found.split) == (("cat", "dog"), "test")
    steps = list(dict.fromkeys(told))
    assert (steps[:2], steps[-2:]) == (["starting", "loading PyTorch"], ["evaluating", "opening its images"])

    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> Any:
        started.append(popen(*arguments, **options))
        return started[-1]

    def stop(*_: object) -> None:
        if started:
            raise KeyError

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(KeyError):
        session.run_images(folder, "test", stop)
    assert started[0].returncode, "it was ended"

    program.write_text("import sys; sys.stderr.write('a warning\\ncifar-tui: no weights\\n'); sys.exit(2)")
    with pytest.raises(InputError, match=r"^no weights$"):
        session.run_images(folder, "test", quiet)

    monkeypatch.setattr("cifar_tui.runs.inference.evaluation_process.MOST_RECEIVED", 1_000)
    # It waits until all of it is received, or for as long as a test may take.
    program.write_text(
        "import os, signal, sys; signal.alarm(20); os.write(int(sys.argv[-1]), bytes(1_000_000)); signal.pause()"
    )
    with pytest.raises(CifarTuiError, match="result is too large"):
        session.run_images(folder, "test", quiet)


def test_a_class_that_is_ahead_by_less_than_rounding_is_predicted_all_the_same() -> None:
    logits = torch.tensor([[0.0, 1e-9, -1.0], [3.0, 3.0, 0.0], [0.0, 1.0, 2.0]])
    made = Evaluation(0.0, 0.0, NO_MATRIX, logits.argmax(dim=1), logits, 0.0)
    assert made.predicted.tolist() == [1, 0, 2]
    assert made.probabilities().argmax(axis=1).tolist() == [1, 0, 2]
    assert made.probabilities() == pytest.approx(logits.softmax(dim=1).numpy())


def test_predictions_for_other_images_are_refused(trained: tuple[RunFolder, Setup, TrainedRun], tmp_path: Path) -> None:
    original, _, _ = trained
    folder = RunFolder(tmp_path / original.id)
    shutil.copytree(original.path, folder.path)
    best = folder.read_summary().best_epoch or 0
    (folder.path / FILE).write_bytes(to_bytes(replace(KEPT, epoch=best)))
    with pytest.raises(InputError, match="was tested on other images"):
        Workspace(tmp_path).run_images(folder, "test", quiet)


def test_a_session_reads_the_images_of_two_runs_with_their_recorded_predictions(
    trained: tuple[RunFolder, Setup, TrainedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, setup, recorded = trained
    test, best = recorded.outcome.test, original.read_summary().best_epoch or 0
    assert test is not None
    predictions = predictions_of(test, setup.dataset, best)
    a, b = runs = tuple(EvaluatedRun(RunFolder(tmp_path / name / original.id), best) for name in "ab")
    for run in runs:
        shutil.copytree(original.path, run.folder.path)
        (run.folder.path / FILE).write_bytes(to_bytes(predictions))
    session = Workspace(tmp_path)
    found = session.paired_images((a, b), quiet)
    assert np.array_equal(found.images, setup.dataset.test.images.numpy())
    assert np.array_equal(found.paired.a.probabilities, found.paired.b.probabilities)
    assert found.classes == ("cat", "dog")

    for changed, why in (
        ({"epoch": best + 1}, "its recorded predictions are of epoch"),
        ({"fingerprint": "ab"}, "were not tested on the same images"),
        ({"labels": 1 - predictions.labels}, "were not tested on the same images"),
    ):
        (b.folder.path / FILE).write_bytes(to_bytes(replace(predictions, **changed)))
        with pytest.raises(InputError, match=why):
            session.paired_images((a, b), quiet)
    for run in runs:
        (run.folder.path / FILE).write_bytes(to_bytes(replace(predictions, labels=1 - predictions.labels)))
    with pytest.raises(InputError, match="was tested on other images"):
        session.paired_images((a, b), quiet)
    (b.folder.path / FILE).unlink()
    with pytest.raises(InputError, match="has no recorded predictions"):
        session.paired_images((a, b), quiet)
