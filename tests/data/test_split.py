"""Images are split into training, validation and test sets, class by class."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.data import sources
from cifar_tui.data.dataset import Source, Split, fingerprint, hold_out_test_images, split
from tests.support.images import read, write, write_folder

pytestmark = pytest.mark.usefixtures("own_image_cache")


def read_folder(root: Path) -> Source:
    return sources.read(str(root), None, lambda *_: None)


def test_every_class_has_training_images_and_validation_ones_where_it_has_two(tmp_path: Path) -> None:
    counts = {"train/1": 1, "train/2": 2, "train/3": 3, "train/30": 30}
    root = write_folder(tmp_path, counts | {name.replace("train", "test"): 1 for name in counts})
    for seed in range(5):
        dataset = split(read_folder(root), seed)
        assert dataset.train.labels.bincount().tolist() == [1, 1, 2, 27]
        assert dataset.validation.labels.bincount(minlength=4).tolist() == [0, 1, 1, 3]
        assert dataset.notes[1:] == ("no validation images of '1'",)


def test_small_classes_give_their_second_image_to_validation_and_their_third_to_the_test(tmp_path: Path) -> None:
    root = write_folder(tmp_path, {"1": 1, "2": 2, "3": 3, "9": 9})
    dataset = split(read_folder(root), 0)
    parts = (dataset.train, dataset.validation, dataset.test)
    assert [part.labels.bincount(minlength=4).tolist() for part in parts] == [[1, 1, 1, 6], [0, 1, 1, 1], [0, 0, 1, 2]]
    assert "no test images of '1', '2'" in dataset.notes


@pytest.mark.parametrize(
    ("counts", "validation", "test"),
    [
        ([2, 2], [0, 1], [1, 0]),
        ([2, 2, 2], [0, 1, 0], [1, 0, 1]),
        ([1, 2, 2, 1], [0, 0, 1, 0], [0, 1, 0, 0]),
    ],
)
def test_where_no_class_has_three_images_those_of_two_take_turns_with_test_and_validation(
    tmp_path: Path, counts: list[int], validation: list[int], test: list[int]
) -> None:
    root = write_folder(tmp_path, {f"train/{name}": count for name, count in zip("abcd", counts, strict=False)})
    for seed in range(3):
        dataset = split(read_folder(root), seed)
        parts = (dataset.train, dataset.validation, dataset.test)
        assert [part.labels.bincount(minlength=len(counts)).tolist() for part in parts] == [
            [1] * len(counts),
            validation,
            test,
        ]


def test_beside_a_validation_set_every_class_of_two_gives_one_to_the_test(tmp_path: Path) -> None:
    dataset = split(sources.read(str(write(tmp_path, {"train": 2, "val": 1})), None, lambda *_: None), 0)
    assert [part.labels.tolist() for part in (dataset.train, dataset.validation, dataset.test)] == [[0, 1, 2]] * 3


def test_the_split_depends_on_the_seed_alone(tmp_path: Path) -> None:
    source = read(write(tmp_path, {"train": 30}))

    def held_out(seed: int) -> list[int]:
        return split(source, seed).validation.images[:, 2, 0, 0].tolist()

    assert held_out(3) == held_out(3) != held_out(4)


def test_other_sources_are_split_as_ever() -> None:
    labels = torch.arange(50) % 2
    images = torch.arange(50, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    source = Source("x", Split(images, labels), Split(images[:2], labels[:2]), ("a", "b"))
    assert split(source, 0).validation.images[:, 0, 0, 0].tolist() == [6, 7, 17, 39, 44]
    assert fingerprint(source) == "fd58101e263f59eecc0ed159b5e88690ad61d0ec4cda5fa2837442359461a135"


def test_without_a_test_folder_a_fifth_of_each_class_is_for_the_test(tmp_path: Path) -> None:
    source = read_folder(write_folder(tmp_path / "pets", {"train/cat": 10, "train/dog": 25}))
    assert source.train.labels.bincount().tolist() == [8, 20]
    assert source.test.labels.bincount().tolist() == [2, 5]
    assert source.splits.endswith("test images: a fifth of each class of these")
    assert source.notes == ()


def test_which_images_are_for_the_test_does_not_depend_on_the_seed(tmp_path: Path) -> None:
    write_folder(tmp_path / "pets", {"train/cat": 10, "train/dog": 25})
    first, second = split(read_folder(tmp_path / "pets"), 1), split(read_folder(tmp_path / "pets"), 2)
    assert torch.equal(first.test.images, second.test.images)
    assert not torch.equal(first.validation.images, second.validation.images)
    assert first.fingerprint == second.fingerprint


def test_a_class_without_test_images_is_noted(tmp_path: Path) -> None:
    source = read_folder(write_folder(tmp_path, {"train/cat": 3, "train/dog": 3, "test/cat": 1}))
    assert source.notes == ("no test images of 'dog'",)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_own_test_set_is_a_stratified_fifth(drawn: list[int]) -> None:
    labels = torch.tensor(drawn)
    images = torch.arange(len(drawn)).reshape(-1, 1)
    train, test = hold_out_test_images(Split(images, labels))
    for label in set(drawn):
        count = drawn.count(label)
        tested = int((test.labels == label).sum())
        assert abs(tested - count / 5) < 1
        assert (tested > 0) == (count > 1)
    assert sorted([*train.images.flatten().tolist(), *test.images.flatten().tolist()]) == list(range(len(drawn)))
    assert torch.equal(labels[test.images.flatten()], test.labels)
    assert torch.equal(labels[train.images.flatten()], train.labels)
