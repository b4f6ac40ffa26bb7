"""Folders as people have them: what is used as what is right and said, or it is refused before anything is trained."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest

from cifar_tui.data.dataset import split
from cifar_tui.data.image_folder.class_names import class_of
from tests.support.images import CLASSES, SCRIPTS, folders_of, in_words, read, refusal, write, write_folder, write_image

pytestmark = pytest.mark.usefixtures("own_image_cache")


# Sets


@pytest.mark.parametrize("name", ["val", "valid", "validation", "dev", "Val", "VALID", "val_set", "validation-images"])
def test_a_validation_set_is_used_and_nothing_is_split_off(tmp_path: Path, name: str) -> None:
    source = read(write(tmp_path, {"train": 10, name: 3, "test": 2}))
    dataset = split(source, 0)
    assert [folders_of(part) for part in (dataset.train, dataset.validation, dataset.test)] == [{0}, {1}, {2}]
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [30, 9, 6]
    assert dataset.splits == in_words("'train'", f"{name!r}", "'test'")
    assert dataset.notes[0] == dataset.splits


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "Test"),
        ("TRAIN", "TEST"),
        ("training", "testing"),
        ("training_set", "test_set"),
        ("train2017", "test2017"),
    ],
)
def test_the_sets_are_found_however_they_are_called(tmp_path: Path, train: str, test: str) -> None:
    source = read(write(tmp_path, {train: 10, test: 2}))
    assert (folders_of(source.train), folders_of(source.test)) == ({0}, {1})
    assert source.splits == in_words(f"{train!r}", test=f"{test!r}")


@pytest.mark.parametrize("wrapper", ["archive", "a/b/c", "pets/pets"])
def test_the_sets_may_be_in_folders_that_hold_nothing_else(tmp_path: Path, wrapper: str) -> None:
    write(tmp_path / wrapper, {"train": 10, "test": 2})
    write_image(tmp_path / "__MACOSX" / "train" / "ant" / "._0.png")
    (tmp_path / ".DS_Store").touch()
    (tmp_path / "README.md").touch()
    source = read(tmp_path)
    assert (folders_of(source.train), folders_of(source.test)) == ({0}, {1})
    assert source.splits == in_words(f"'{wrapper}/train'", test=f"'{wrapper}/test'")
    assert source.notes == ()


def test_each_set_may_be_in_a_folder_of_the_same_name(tmp_path: Path) -> None:
    source = read(write(tmp_path, {"training_set/training_set": 10, "test_set/test_set": 2}))
    assert (folders_of(source.train), folders_of(source.test)) == ({0}, {1})


def test_sets_beside_what_holds_no_images_are_found_and_the_rest_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"data/train": 10, "data/test": 2})
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "licence.txt").touch()
    write(tmp_path, {"data/extra": 1})
    assert read(tmp_path).notes == ("not used: 'docs', 'extra'",)


def test_without_a_test_set_one_is_split_off_from_the_training_images_alone(tmp_path: Path) -> None:
    source = read(write(tmp_path, {"train": 10, "val": 3}))
    dataset = split(source, 0)
    assert [folders_of(part) for part in (dataset.train, dataset.validation, dataset.test)] == [{0}, {1}, {0}]
    assert [part.labels.bincount().tolist() for part in (dataset.train, dataset.test)] == [[8] * 3, [2] * 3]
    assert dataset.splits == in_words("'train'", "'val'")


def test_class_folders_alone_are_split(tmp_path: Path) -> None:
    dataset = split(read(write(tmp_path / "pets", {".": 20})), 0)
    assert [part.labels.bincount().tolist() for part in (dataset.train, dataset.validation, dataset.test)] == [
        [14] * 3,
        [2] * 3,
        [4] * 3,
    ]
    assert dataset.splits == in_words("the class folders of 'pets'")


@pytest.mark.parametrize("layout", ["flat", "unknown", "empty"])
@pytest.mark.parametrize("role", ["test", "val"])
def test_a_set_without_classes_is_none_and_that_is_said(tmp_path: Path, role: str, layout: str) -> None:
    write(tmp_path, {"train": 10})
    (tmp_path / role).mkdir()
    if layout != "empty":
        write_image(tmp_path / role / ("1.jpg" if layout == "flat" else "unknown/1.jpg"))
    source = read(tmp_path)
    what = "validation" if role == "val" else "test"
    assert source.notes == (
        f"'{role}' is not used as {what} images: they are in no folders that are named after the classes",
    )
    assert source.splits == in_words("'train'")


# What is refused


def test_two_folders_for_one_set_are_refused(tmp_path: Path) -> None:
    for index, (first, second) in enumerate([("val", "valid"), ("train", "Train"), ("test", "testing")]):
        root = write(tmp_path / str(index), {"train": 3, first: 3, second: 3})
        message = refusal(root)
        assert "rename or remove all but one" in message
        assert first in message
        assert second in message


@pytest.mark.parametrize("sets", [["test"], ["test", "val"], ["Test", "dev"]])
def test_sets_without_training_images_are_never_said_to_be_moved_among_these(tmp_path: Path, sets: list[str]) -> None:
    message = refusal(write(tmp_path, dict.fromkeys(sets, 2)))
    assert "has no folder 'train' beside" in message
    assert "move" not in message


def test_a_set_beside_class_folders_is_refused_with_advice_that_is_right_either_way(tmp_path: Path) -> None:
    write(tmp_path, {".": 5})
    write(tmp_path, {"test": 2})
    message = refusal(tmp_path)
    assert "'test' beside 'ant', 'bee', 'cat'" in message
    assert "move the class folders with training images into it" in message
    (tmp_path / "train").mkdir()
    for name in CLASSES:
        (tmp_path / name).rename(tmp_path / "train" / name)
    assert len(read(tmp_path).test) == 6


def test_a_class_that_is_called_train_is_refused_with_advice_that_makes_it_one(tmp_path: Path) -> None:
    write(tmp_path, {".": 5}, ("car", "plane", "train"))
    message = refusal(tmp_path)
    assert "if 'train' is a class, as 'car', 'plane', move all of them into one folder 'train'" in message
    for name in ("car", "plane", "train"):
        (tmp_path / name).rename(tmp_path / f"{name}-")
    (tmp_path / "train").mkdir()
    for name in ("car", "plane", "train"):
        (tmp_path / f"{name}-").rename(tmp_path / "train" / name)
    assert read(tmp_path).classes == ("car", "plane", "train")


@pytest.mark.parametrize("sets", [("seg_a", "seg_b"), ("site 1/site 1", "site 2/site 2")])
def test_folders_that_may_be_classes_or_hold_them_are_refused(tmp_path: Path, sets: tuple[str, str]) -> None:
    message = refusal(write(tmp_path, dict.fromkeys(sets, 2)))
    assert "hold folders of the same names" in message


def test_sets_within_classes_are_refused(tmp_path: Path) -> None:
    for name in CLASSES:
        write_folder(tmp_path, {f"{name}/train": 2, f"{name}/test": 2})
    assert "hold folders of the names of sets, 'test', 'train'" in refusal(tmp_path)


def test_two_folders_that_hold_sets_are_refused(tmp_path: Path) -> None:
    for name in ("pets", "cars"):
        write(tmp_path / name, {"train": 2, "test": 1})
    assert "hold a folder of training images, beside others; give the path of one of them" in refusal(tmp_path)


def test_flat_files_without_classes_are_refused(tmp_path: Path) -> None:
    for index in range(3):
        write_image(tmp_path / "train" / f"cat.{index}.jpg")
        write_image(tmp_path / "test" / f"{index}.jpg")
    assert "holds no class folder" in refusal(tmp_path)


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "pets.zip").touch()
    assert "pets.zip' is a file; unpack it" in refusal(tmp_path / "pets.zip")


# Sets within sets


@pytest.mark.parametrize(
    ("sets", "splits"),
    [
        ({"train/train": 10, "train/val": 3}, in_words("'train/train'", "'train/val'")),
        ({"train/train": 10, "train/test": 3}, in_words("'train/train'", test="'train/test'")),
        ({"training_data/test": 3, "training_data/train": 10}, None),
        ({"d/training_set/Train": 10, "d/training_set/valid": 3, "d/training_set/test": 2}, None),
        ({"test/train": 10, "test/test": 3}, in_words("'test/train'", test="'test/test'")),
        ({"val/train/train": 10, "val/val/val": 3}, in_words("'val/train/train'", "'val/val/val'")),
        ({"images/train": 10, "images/test": 2}, in_words("'images/train'", test="'images/test'")),
    ],
)
def test_sets_within_one_folder_are_the_sets(tmp_path: Path, sets: dict[str, int], splits: str | None) -> None:
    write(tmp_path, sets)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "labels.txt").touch()
    source = read(tmp_path)
    assert source.classes == CLASSES
    assert source.notes == ("not used: 'docs'",)
    assert splits is None or source.splits == splits
    names = [name.casefold().rpartition("/")[2] for name in sets]
    for part, beginning in ((source.train, "train"), (source.validation, "val"), (source.test, "test")):
        numbers = {number for number, name in enumerate(names) if name.startswith(beginning)}
        if numbers:
            assert folders_of(part) == numbers


@pytest.mark.parametrize(
    "sets",
    [
        ["train/train", "train/val", "test"],
        ["train/train", "train/val", "test/test"],
        ["train/train", "train/test", "test/train", "test/test"],
        ["train", "test/train", "test/test"],
        ["train", "test/train"],
        ["train", "val/test", "val/val"],
        ["train", "val", "val/val"],
        ["train", "train/val"],
        ["train", "train/train"],
        ["train", "train/more"],
        ["train/train", "train/extra"],
        ["train/val", "train/test"],
        ["train", "pets/train"],
        ["train", "val", "pets/train", "pets/val"],
        ["images/train", "images/test", "labels/train", "labels/test"],
        [".", "more"],
        ["a/train", "a/val", "b/0"],
    ],
)
def test_sets_beside_or_within_others_are_refused(tmp_path: Path, sets: list[str]) -> None:
    write(tmp_path / "pets", dict.fromkeys(sets, 3))
    message = refusal(tmp_path)
    assert str(tmp_path / "pets") in message
    assert "has no image" not in message


@pytest.mark.parametrize("outer", ["images", "train", "training_data", "d/test"])
@pytest.mark.parametrize("beside", ["", "labels", "masks"])
def test_sets_of_images_without_classes_are_refused(tmp_path: Path, outer: str, beside: str) -> None:
    for name in ("train", "test", "val")[: 1 if beside == "masks" else 3]:
        for index in range(3):
            write_image(tmp_path / outer / name / f"{index}.png")
            if beside:
                (tmp_path / beside / name).mkdir(parents=True, exist_ok=True)
                (tmp_path / beside / name / f"{index}.txt").touch()
            if beside == "masks":
                write_image(tmp_path / beside / name / f"{index}.png")
    message = refusal(tmp_path)
    assert any(word in message for word in ("class folder", "train/<class>/"))


def test_a_class_may_be_called_as_a_set_is(tmp_path: Path) -> None:
    names = ("car", "test", "train")
    source = read(write(tmp_path, {"train": 3, "test": 2}, ("car", "train")))
    assert (source.classes, len(source.test)) == (("car", "train"), 4)
    source = read(write(tmp_path / "flat", {"train": 3, "test": 2}, ("control", "test")))
    assert (source.classes, len(source.test)) == (("control", "test"), 4)
    shutil.rmtree(tmp_path / "flat" / "test" / "control")
    source = read(tmp_path / "flat")
    assert source.test.labels.tolist() == [1, 1]
    assert "train/<class>/" in refusal(write(tmp_path / "both", {"train": 3}, names))


# Names


def test_a_name_in_either_form_of_unicode_is_one_class(tmp_path: Path) -> None:
    names = ("café", "한국", "naïve")
    decomposed = tuple(unicodedata.normalize("NFD", name) for name in names)
    assert decomposed != names
    classes = tuple(sorted(names))
    for folder, forms in (("train", decomposed), ("val", names), ("test", names)):
        for name, form in zip(names, forms, strict=True):
            for index in range(3):
                write_image(tmp_path / folder / form / f"{index}.png", (classes.index(name), 0, index))
    source = read(tmp_path)
    assert source.classes == classes
    assert source.notes == ()


def test_both_forms_of_a_name_in_one_set_are_merged_and_that_is_said(tmp_path: Path) -> None:
    for label, name in enumerate(("bee", "cafe\u0301", "caf\u00e9")):
        for index in range(4):
            write_image(tmp_path / "train" / name / f"{index}.png", (min(label, 1), 0, index))
    source = read(tmp_path)
    assert source.classes == ("bee", "caf\u00e9")
    assert source.train.labels.bincount().tolist() == [4 - 1, 8 - 2]
    assert source.notes == ("folders of 'train' whose names are the same class: 'café'",)


def test_names_in_other_scripts_are_classes_as_they_are_written(tmp_path: Path) -> None:
    names = tuple(sorted(SCRIPTS))
    source = read(write(tmp_path, {"train": 3, "test": 1}, names))
    assert source.classes == names
    assert source.notes == ()


def test_folders_of_other_sets_may_differ_in_upper_case_where_that_is_no_class_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"train": 3}, ("Ant", "bee"))
    write(tmp_path, {"test": 1}, ("ant", "BEE"))
    source = read(tmp_path)
    assert source.classes == ("Ant", "bee")
    assert source.test.labels.tolist() == [0, 1]
    assert class_of("CAT", ["Cat", "cat"]) is None
    assert class_of("cat", ["Cat", "cat"]) == "cat"
