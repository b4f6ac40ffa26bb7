"""A run writes what its best weights predict for its validation images, which is shown without computing anything."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.analysis.predictions import Predictions, TopPredictions
from cifar_tui.errors import InputError
from cifar_tui.events import Checkpoint, Epoch, Evaluated, Note
from cifar_tui.runs.workspace import Workspace
from cifar_tui.state.run_state import NO_MATRIX
from cifar_tui.store.predictions import (
    VALIDATION_FILE,
    ValidationPredictions,
    parse_top,
    read_validation,
    save_validation,
    top_to_bytes,
)
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.checkpoints.writer import BestPredictions, CheckpointWriter
from cifar_tui.training.evaluation import Evaluation
from cifar_tui.training.progress import Progress
from cifar_tui.training.setup.image_cache import ImageCache
from cifar_tui.training.setup.prepare import prepare
from tests.support.images import write_folder
from tests.support.training_runs import TINY, ControlAction, TrainedRun, at_batch, finished_run, run, stop

KEPT = ValidationPredictions(
    TopPredictions(
        np.array([0, 1, 1]),
        np.array([[0, 1], [0, 1], [1, 0]]),
        np.array([[0.5, 0.5], [0.9, 0.1], [0.8, 0.2]], np.float32),
        2,
        4,
        "ab",
    ),
    np.array([7, 0, 3]),
)
LOAD_WITHOUT_TORCH = """
import sys
from pathlib import Path
from cifar_tui.runs.workspace import Workspace
from cifar_tui.store.run_folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
found = Workspace(folder.path.parent).run_images(folder, "validation", lambda *_: None)
assert "torch" not in sys.modules
print(found.split, found.predictions.epoch, *found.pixels(0).ravel()[:3])
"""


def quiet(*_: object) -> None:
    pass


@pytest.fixture(scope="module", params=["held out", "of its own"])
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunFolder, TrainedRun, dict[str, str]]:
    """A run on a folder of images, with or without a validation set, and the environment with the images' cache."""
    root = tmp_path_factory.mktemp("validation")
    parts = ("train", "test", *(("val",) if request.param == "of its own" else ()))
    counts = {f"{split}/{name}": 15 for split in parts for name in ("cat", "dog", "owl", "rat")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        config = replace(TINY, data=str(write_folder(root / "images", counts)), epochs=3)
        setup = prepare(config, ImageCache(), quiet)
        return *finished_run(root / "runs", setup), {"XDG_CACHE_HOME": str(root / "cache")}


def test_they_are_those_of_the_best_epochs_matrix_and_their_images_are_found(
    trained: tuple[RunFolder, TrainedRun, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, recorded, environment = trained
    monkeypatch.setenv(*next(iter(environment.items())))
    best = [epoch.epoch for epoch in recorded.of(Epoch) if epoch.best][-1]
    (matrix,) = [e.confusion for e in recorded.of(Evaluated) if (e.split, e.epoch) == ("validation", best)]
    found = Workspace(folder.path.parent).run_images(folder, "validation", quiet)
    assert (found.split, found.predictions.epoch) == ("validation", best)
    cells = Counter(zip(found.predictions.labels.tolist(), found.predictions.predicted.tolist(), strict=True))
    assert cells == {(true, predicted): count for true, predicted, count in matrix.cells()}
    validation = recorded.setup.dataset.validation
    assert len(found.predictions.labels) == len(validation)
    for index in range(len(validation)):
        assert np.array_equal(found.pixels(index), validation.images[index].numpy())
    assert found.predictions.classes.shape[1] == 3
    assert (np.diff(found.predictions.probabilities, axis=1) <= 0).all()


def test_they_are_shown_without_pytorch_and_without_the_data(
    trained: tuple[RunFolder, TrainedRun, dict[str, str]], tmp_path: Path
) -> None:
    folder, recorded, environment = trained
    command = [sys.executable, "-c", LOAD_WITHOUT_TORCH, str(folder.path)]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    pixels = recorded.setup.dataset.validation.images[0].flatten()[:3].tolist()
    assert shown == ["validation", str(read_validation(folder).top.epoch), *map(str, pixels)]


def test_what_is_shown_unasked_is_never_computed_while_it_is_recorded(
    trained: tuple[RunFolder, TrainedRun, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, _, environment = trained
    monkeypatch.setenv(*next(iter(environment.items())))
    monkeypatch.setattr("cifar_tui.runs.inference.evaluation_process.run", lambda *_: pytest.fail("it evaluates"))
    folder = RunFolder(tmp_path / original.id)
    shutil.copytree(original.path, folder.path)
    session = Workspace(tmp_path)
    assert session.run_images(folder, None, quiet).split == "validation", "the test's are not recorded"
    (folder.path / VALIDATION_FILE).unlink()
    with pytest.raises(InputError, match="has not recorded what it predicts for its validation images"):
        session.run_images(folder, "validation", quiet)
    found = read_validation(original)
    save_validation(folder, replace(found, top=replace(found.top, labels=(found.top.labels + 1) % 4)))
    with pytest.raises(InputError, match="was validated on other images than"):
        session.run_images(folder, "validation", quiet)


def test_a_resumed_run_leaves_the_same_ones(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    run(tmp_path / "left", ControlAction(at_batch(2, 2), stop))
    run(tmp_path / "left", resume=True)
    whole, resumed = (read_validation(RunFolder(tmp_path / name)).top for name in ("whole", "left"))
    assert np.array_equal(whole.classes, resumed.classes)
    assert np.array_equal(whole.probabilities, resumed.probabilities)
    assert whole.epoch == resumed.epoch


def test_a_run_whose_predictions_cannot_be_written_says_so_and_continues(tmp_path: Path) -> None:
    (tmp_path / VALIDATION_FILE / "in the way").mkdir(parents=True)
    recorded = run(tmp_path)
    assert recorded.outcome.state == "finished"
    assert any(event.best for event in recorded.of(Checkpoint))
    (note,) = [event.message for event in recorded.of(Note) if "predictions" in event.message]
    assert note == "the predictions for the validation images could not be written: Is a directory"


def test_those_that_a_full_disk_refuses_are_written_with_the_next_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    saved: list[int] = []

    def save(best: BestPredictions) -> None:
        saved.append(best.epoch)
        if len(saved) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    setup = storage.Identity("mlp", ("a",), "ab", 0)
    weights = {"w": torch.zeros(1)}
    snapshot = storage.Snapshot(setup, Progress(epoch=2), 0.0, weights, {}, {}, weights)
    writer = CheckpointWriter(tmp_path / "checkpoints", save)
    problems = []
    for predictions in (BestPredictions(1, torch.zeros(2, 1), torch.zeros(2, 1)), None, None):
        writer.write(snapshot, best=predictions is not None, predictions=predictions)
        written = writer.written(wait=True)
        assert written is not None
        problems.append(written.problem)
    writer.close()
    assert problems == ["No space left on device", "", ""]
    assert saved == [1, 1]


def test_the_predicted_class_comes_first_and_parts_of_thousands_of_classes_are_as_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cifar_tui.training.evaluation.TOP_ROWS", 3)
    logits = torch.randn(8, 2000, generator=torch.Generator().manual_seed(3))
    logits[0, [5, 7, 9]] = 100.0
    predicted = logits.argmax(dim=1)
    predicted[0] = 7
    classes, probabilities = Evaluation(0, 0, NO_MATRIX, predicted, logits, 0).most_probable(3)
    expected = logits.softmax(dim=1).sort(dim=1, descending=True)
    assert torch.equal(classes[:, 0], predicted)
    assert torch.equal(classes[1:], expected.indices[1:, :3])
    assert set(classes[0].tolist()) == {5, 7, 9}
    assert torch.allclose(probabilities, expected.values[:, :3])
    few = Evaluation(0, 0, NO_MATRIX, torch.zeros(1, dtype=torch.int64), torch.zeros(1, 2), 0).most_probable(3)
    assert few[0].tolist() == [[0, 1]]


@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=5, max_size=5), min_size=1, max_size=9))
def test_the_most_probable_of_all_classes_are_those_that_are_kept(rows: list[list[float]]) -> None:
    probabilities = np.array(rows, np.float32)
    whole = Predictions(np.zeros(len(rows), np.int64), probabilities, 1, "ab")
    top = whole.top()
    assert np.array_equal(top.classes, (-probabilities).argsort(axis=1, kind="stable")[:, :3])
    assert np.array_equal(top.predicted, whole.predicted)
    assert np.array_equal(top.confidence, whole.confidence)


@given(data=st.data())
def test_damaged_ones_are_refused(data: st.DataObject) -> None:
    content = bytearray(top_to_bytes(KEPT))
    assert np.array_equal(parse_top(bytes(content), "x").top.classes, KEPT.top.classes)
    for place in data.draw(st.sets(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        back = parse_top(bytes(content[: data.draw(st.integers(0, len(content)))]), "x")
    except InputError:
        return
    assert ((back.top.classes >= 0) & (back.top.classes < back.top.num_classes)).all()
    assert back.held_out is None or (back.held_out >= 0).all()
    assert np.isfinite(back.top.probabilities).all()
