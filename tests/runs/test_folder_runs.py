"""Runs on folders of images: what is used as what is reported and recorded, and a resumed run reads it the same way."""

from __future__ import annotations

import json
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.errors import InputError
from cifar_tui.training.control import StopTraining
from cifar_tui.training.evaluation import evaluate
from cifar_tui.training.setup.image_cache import ImageCache
from tests.support.images import CLASSES, SCRIPTS, in_words, read, write, write_image
from tests.support.program import TRAIN, call, prepare_project


@pytest.fixture(autouse=True)
def own_image_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def test_two_classes_of_two_images_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = prepare_project(tmp_path, monkeypatch)
    write(cwd / "few", {".": 2}, ("cat", "dog"))
    done = call([*TRAIN, "--data", "few", "--epochs", "1"], cwd)
    assert done.returncode == 0, done.stderr
    assert [config(cwd)[part] for part in ("train", "validation", "test")] == [2, 1, 1]


def config(cwd: Path) -> dict[str, object]:
    (folder,) = (cwd / "runs").iterdir()
    content: dict[str, object] = json.loads((folder / "config.json").read_text())["dataset"]
    return content


def test_what_is_used_as_what_is_said_recorded_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = prepare_project(tmp_path, monkeypatch)
    write(cwd / "zip" / "pets", {"Training": 10, "Valid": 3, "Testing": 2}, SCRIPTS)
    done = call([*TRAIN, "--data", "zip", "--epochs", "1"], cwd)
    assert done.returncode == 0, done.stderr
    line = in_words("'pets/Training'", "'pets/Valid'", "'pets/Testing'")
    assert (done.stdout + done.stderr).count(line) == 1
    recorded = config(cwd)
    assert (recorded["splits"], recorded["rules"]) == (line, 2)
    assert [recorded[part] for part in ("train", "validation", "test")] == [90, 27, 18]
    (folder,) = (cwd / "runs").iterdir()
    report = (folder / "report.md").read_text()
    assert "Training images are those of 'pets/Training'; validation images: 'pets/Valid'" in report
    assert call(["evaluate", folder.name], cwd).returncode == 0


def test_sets_within_a_set_train_or_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = prepare_project(tmp_path, monkeypatch)
    write(cwd / "zip" / "training_images", {"train": 10, "dev": 3})
    done = call([*TRAIN, "--data", "zip", "--epochs", "1"], cwd)
    assert done.returncode == 0, done.stderr
    recorded = config(cwd)
    assert recorded["classes"] == list(CLASSES)
    assert recorded["splits"] == in_words("'training_images/train'", "'training_images/dev'")
    write(cwd / "zip", {"test": 2})
    done = call([*TRAIN, "--data", "zip", "--epochs", "1"], cwd)
    assert (done.returncode, done.stderr.count("give the path of one of them")) == (2, 1)


def learned(cwd: Path) -> list[list[str]]:
    """The columns of metrics.csv of the only run that are the same each time."""
    (folder,) = (cwd / "runs").iterdir()
    return [row.split(",")[:7] for row in (folder / "metrics.csv").read_text().splitlines()]


def read_by_the_first_rules(patch: pytest.MonkeyPatch) -> None:
    """Have new runs read their images as they once did."""
    patch.setattr(ImageCache, "load", partialmethod(ImageCache.load, rules=1))


@pytest.fixture
def recorded_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was left in its second epoch, in a folder that says nothing of any rules, with all that they see."""
    cwd = prepare_project(tmp_path, monkeypatch)
    images = write(cwd / "images", {"train": 20, "test": 3}, ("cat", "dog"))
    evaluations = 0

    def stopping(*arguments: Any) -> Any:
        nonlocal evaluations
        evaluations += 1
        if evaluations == 2:
            raise StopTraining("stopped", "by the test")
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        read_by_the_first_rules(patch)
        patch.setattr("cifar_tui.training.loop.evaluate", stopping)
        assert call([*TRAIN, "--epochs", "3"], cwd).returncode == 0
    (folder,) = (cwd / "runs").iterdir()
    record = json.loads((folder / "config.json").read_text())
    for name in ("rules", "splits"):
        del record["dataset"][name]
    (folder / "config.json").write_text(json.dumps(record))
    # What the first rules did not see.
    write(images, {"val": 3}, ("cat", "dog"))
    write_image(images / "train" / "cat" / "new.png").rename(images / "train" / "cat" / "new")
    return cwd


def test_a_run_that_was_recorded_before_resumes_to_the_end_that_it_would_have_had(
    recorded_before: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cwd, (folder,) = recorded_before, list((recorded_before / "runs").iterdir())
    for command in (["resume", folder.name], ["evaluate", folder.name], ["report", folder.name]):
        done = call(command, cwd)
        assert done.returncode == 0, done.stderr
    ended = learned(cwd)
    folder.rename(cwd / "kept")
    read_by_the_first_rules(monkeypatch)
    assert call([*TRAIN, "--epochs", "3"], cwd).returncode == 0
    assert learned(cwd) == ended


def test_a_run_of_now_is_not_read_by_the_first_rules(recorded_before: Path) -> None:
    (folder,) = (recorded_before / "runs").iterdir()
    record = json.loads((folder / "config.json").read_text())
    record["dataset"]["rules"] = 2
    (folder / "config.json").write_text(json.dumps(record))
    done = call(["resume", folder.name], recorded_before)
    assert done.returncode == 2
    assert "other images" in done.stderr


@pytest.mark.parametrize("rules", [-1, 0, 3])
def test_rules_of_another_release_are_refused(tmp_path: Path, rules: int) -> None:
    with pytest.raises(InputError, match=f"by rules {rules}, and this release knows rules 1 to 2 alone"):
        read(write(tmp_path, {"train": 3}), rules=rules)
