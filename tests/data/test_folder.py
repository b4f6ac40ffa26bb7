"""A folder of images: decoded as they look, once; what cannot be used is left out by name or refused in one line."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cifar_tui.data import sources
from cifar_tui.data.dataset import Source, fingerprint
from cifar_tui.data.images import decoder, input_files
from cifar_tui.errors import InputError
from cifar_tui.system.files import open_to_read
from tests.support.images import write_folder, write_image, write_unusable


@pytest.fixture(autouse=True)
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's images are cached."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cifar-tui" / "images"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of two classes with six training and two test images each."""
    return write_folder(tmp_path / "pets", {"train/cat": 6, "train/ant": 6, "test/cat": 2, "test/ant": 2})


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are decoded."""
    paths: list[str] = []
    decode = decoder.decode_with_note

    def remember(path: str | os.PathLike[str], rules: int) -> object:
        paths.append(str(path))
        return decode(path, rules)

    monkeypatch.setattr(decoder, "decode_with_note", remember)
    return paths


@contextmanager
def waiting_writer(pipe: Path) -> Iterator[threading.Event]:
    """A pipe whose writer waits for a reader; the event is set once there has been one."""
    os.mkfifo(pipe)
    opened = threading.Event()

    def write() -> None:
        with pipe.open("wb"):
            opened.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield opened
    finally:
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        writer.join()
        os.close(reader)


def read(path: Path | str) -> Source:
    return sources.read(str(path), None, lambda *_: None)


def refusal(path: Path | str) -> str:
    with pytest.raises(InputError) as raised:
        read(path)
    message = str(raised.value)
    assert message.isprintable()
    return message


# What is read


def test_classes_are_sorted_by_name_and_images_by_path(root: Path) -> None:
    source = read(root)
    assert source.classes == ("ant", "cat")
    assert source.train.labels.tolist() == [0] * 6 + [1] * 6
    assert source.test.labels.tolist() == [0] * 2 + [1] * 2
    for part, folder in ((source.train, "train"), (source.test, "test")):
        paths = sorted((root / folder).rglob("*.png"))
        pixels = np.stack([np.asarray(Image.open(path)) for path in paths]).transpose(0, 3, 1, 2)
        assert torch.equal(part.images, torch.from_numpy(pixels))
    assert source.name == str(root)
    assert source.notes == ()
    assert source.splits == (
        "training images are those of 'train'; validation images: a tenth of each class of these, or one image; "
        "test images: 'test'"
    )
    assert source.flips


def test_images_count_at_any_depth_and_what_is_none_is_named_unless_it_is_hidden(root: Path) -> None:
    write_image(root / "train/cat/deep/er/one.JPG")
    write_image(root / "train/cat/.hidden.png")
    write_image(root / "train/cat/.hidden/two.png")
    write_image(root / "train/.hidden/three.png")
    (root / "train/cat/notes.txt").write_text("no image")
    (root / "train/list.csv").touch()
    source = read(root)
    assert source.train.labels.tolist() == [0] * 6 + [1] * 7
    assert source.notes == (
        "1 file of 'train' is in no class folder: 'list.csv'",
        "1 of 18 files is no image: 'train/cat/notes.txt'",
    )


def test_links_to_files_and_classes_are_followed_and_loops_are_not(root: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "elsewhere/one.png")
    (root / "train/bee").symlink_to(tmp_path / "elsewhere")
    (root / "train/cat/link.png").symlink_to(tmp_path / "elsewhere/one.png")
    (root / "train/cat/loop").symlink_to(root / "train")
    source = read(root)
    assert source.train.labels.bincount().tolist() == [6, 1, 7]


@pytest.mark.parametrize("name", ["pipe.png", "pipe"])
@pytest.mark.parametrize("rules", [1, 2])
def test_a_pipe_is_neither_waited_for_nor_taken_from_its_writer(root: Path, name: str, rules: int) -> None:
    pipe = root / "train/cat" / name
    with waiting_writer(pipe) as opened:
        source = sources.read(str(root), None, lambda *_: None, rules=rules)
        assert not opened.wait(0.1)
    assert len(source.train) == 12
    reason = f"1 of 17 image files is left out: 'train/cat/{name}' (no file, but a folder, a pipe or a device)"
    assert source.notes == ((reason,) if rules > 1 else ())


def test_a_class_of_pipes_is_refused_before_any_is_opened(root: Path, decoded: list[str]) -> None:
    (root / "train/bee").mkdir()
    with waiting_writer(root / "train/bee/pipe.png") as opened:
        assert "class 'bee' has no image" in refusal(root)
        assert not opened.wait(0.1)
    assert not decoded


def test_files_are_predicted_without_a_pipe_among_them_being_opened(root: Path) -> None:
    with waiting_writer(root / "train/cat/pipe.png") as opened:
        found = list(input_files.decode_all([picture.path for picture in input_files.find([str(root)])], 1))
        with pytest.raises(OSError, match="it is no file"):
            open_to_read(root / "train/cat/pipe.png")
        assert not opened.wait(0.1)
    assert [str(each) for each in found if isinstance(each, decoder.UnusableImage)] == [
        "no file, but a folder, a pipe or a device"
    ]


# What is left out


def test_unusable_files_are_left_out_counted_and_the_first_named(root: Path, decoded: list[str]) -> None:
    names = write_unusable(root / "train/cat")
    for _ in range(2):  # from the files, then from the cache
        source = read(root)
        assert source.train.labels.tolist() == [0] * 6 + [1] * 6
        assert source.notes == (
            "1 of 28 files is no image: 'train/cat/text.png'",
            "11 of 27 image files are left out: 'train/cat/animated.gif' (animated, or several pictures in one), "
            "'train/cat/animated.png' (animated, or several pictures in one), "
            "'train/cat/broken-link.png' (No such file or directory) and 8 more",
        )
    assert len(decoded) == 16 + len(names)


def test_usable_images_keep_their_labels_when_others_are_left_out(root: Path) -> None:
    before = read(root)
    (root / "train/ant/000.png").write_bytes(b"")
    (root / "test/ant/001.png").write_bytes(b"")
    after = read(root)
    assert torch.equal(after.train.images, before.train.images[1:])
    assert torch.equal(after.train.labels, before.train.labels[1:])
    assert torch.equal(after.test.images, before.test.images[[0, 2, 3]])
    assert after.test.labels.tolist() == [0, 1, 1]


def test_a_file_name_reaches_no_terminal_as_a_command(root: Path) -> None:
    (root / "train/cat/\x1b[2J\n.png").touch()
    (note,) = read(root).notes
    assert note.isprintable()
    assert r"'train/cat/\x1b[2J\n.png' (empty)" in note


def test_a_file_name_that_is_no_unicode_is_read_and_named(root: Path) -> None:
    name = os.fsdecode(b"train/cat/\xff.png")
    write_image(root / "train/cat/ok.png").rename(root / name)
    assert len(read(root).train) == 13
    (root / name).write_bytes(b"")
    assert r"'train/cat/\udcff.png' (empty)" in read(root).notes[0]


# What is refused


def test_a_name_that_is_nearly_right_gets_a_suggestion() -> None:
    message = refusal("cifar-10")
    assert "'cifar-10' (did you mean 'cifar10'?)" in message
    assert "cifar10, digits or the path of a folder of images" in message


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert f"there is no data set or folder {str(tmp_path / 'nowhere')!r}" in refusal(tmp_path / "nowhere")


def test_a_file_is_refused(tmp_path: Path) -> None:
    assert "x.png' is a file" in refusal(write_image(tmp_path / "x.png"))


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "x.png")
    assert "there is no data set or folder" in refusal(tmp_path / "x.png" / "y")


def test_an_unknown_user_is_refused() -> None:
    refusal("~no-such-user-here/pictures")


def test_an_empty_folder_is_told_the_layout(tmp_path: Path) -> None:
    assert "train/<class>/" in refusal(tmp_path)


@pytest.mark.parametrize("classes", [[], ["cat"]])
def test_fewer_than_two_classes_are_refused(tmp_path: Path, classes: list[str]) -> None:
    write_folder(tmp_path / "pets", {f"train/{name}": 3 for name in classes} | {"test": 0, "train": 0})
    message = refusal(tmp_path / "pets")
    assert "it takes two classes" in message
    assert ("'cat'" if classes else "no class folder") in message


def test_a_class_without_images_is_refused_by_name_before_anything_is_decoded(root: Path, decoded: list[str]) -> None:
    (root / "train/dog").mkdir()
    (root / "train/dog/labels.txt").write_text("no image")
    message = refusal(root)
    assert "class 'dog' has no image" in message
    assert "add some or remove the folder" in message
    assert decoded == []


def test_a_class_without_usable_images_is_refused_by_name(root: Path) -> None:
    write_folder(root, {"train/dog": 0})
    (root / "train/dog/a.png").touch()
    assert "no image of class 'dog' can be used; the first is 'train/dog/a.png' (empty)" in refusal(root)


def test_test_classes_that_are_not_trained_are_refused(root: Path) -> None:
    write_folder(root, {"test/dog": 1})
    message = refusal(root)
    assert "has classes without training images" in message
    assert "'dog'" in message


@pytest.mark.parametrize("part", ["test", "val"])
def test_a_set_of_class_folders_without_images_is_refused(tmp_path: Path, part: str) -> None:
    message = refusal(write_folder(tmp_path, {"train/cat": 3, "train/dog": 3, f"{part}/cat": 0}))
    assert f"has no images; add {part}/<class>/ folders or remove it" in message


def test_a_test_folder_without_usable_images_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, {"train/cat": 3, "train/dog": 3, "test/cat": 0})
    (tmp_path / "test/cat/a.png").touch()
    assert "too few images to test on" in refusal(tmp_path)


def test_single_images_leave_nothing_to_test_on(tmp_path: Path) -> None:
    assert "too few images to test on" in refusal(write_folder(tmp_path, {"train/cat": 1, "train/dog": 1}))


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\nb", os.fsdecode(b"\xff")])
def test_a_class_name_that_cannot_be_shown_is_refused(root: Path, name: str) -> None:
    write_folder(root, {f"train/{name}": 1})
    assert "cannot be shown" in refusal(root)


def test_a_folder_without_permission_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    message = refusal(root)
    assert f"cannot read {str(root)!r}: Permission denied" in message


# The cache


def test_the_second_read_decodes_nothing_and_gives_the_same(root: Path, decoded: list[str]) -> None:
    first = read(root)
    assert len(decoded) == 16
    second = read(root)
    assert len(decoded) == 16
    assert fingerprint(first) == fingerprint(second)
    assert (second.name, second.classes, second.notes) == (first.name, first.classes, first.notes)


@pytest.mark.parametrize("change", ["content", "time", "added", "removed", "renamed class"])
def test_a_changed_folder_is_decoded_again(root: Path, decoded: list[str], change: str) -> None:
    before = fingerprint(read(root))
    decoded.clear()
    path = root / "train/cat/003.png"
    if change == "content":
        write_image(path)
    elif change == "time":
        os.utime(path, ns=(1, 1))
    elif change == "added":
        write_image(root / "train/cat/100.png")
    elif change == "removed":
        path.unlink()
    else:
        for part in ("train", "test"):
            (root / part / "cat").rename(root / part / "dog")
    source = read(root)
    assert len(decoded) == len(source.train) + len(source.test)
    assert (fingerprint(source) == before) == (change == "time")


def test_other_folders_do_not_share_a_cache(root: Path, tmp_path: Path, cached: Path) -> None:
    read(root)
    read(write_folder(tmp_path / "others", {"train/cat": 3, "train/dog": 3}))
    assert len(list(cached.iterdir())) == 2


class CancelledError(Exception):
    pass


def test_decoding_is_cancelled_by_its_progress(
    tmp_path: Path, decoded: list[str], cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "pets", {"train/cat": 200, "train/dog": 200})
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)

    def progress(what: str, done: int, total: int) -> None:
        if what == "decoding images":
            raise CancelledError

    slowly = decoder.decode_with_note

    def decode(path: str, rules: int) -> object:
        import time

        time.sleep(0.01)
        return slowly(path, rules)

    monkeypatch.setattr(decoder, "decode_with_note", decode)
    with pytest.raises(CancelledError):
        sources.read(str(tmp_path / "pets"), None, progress)
    assert len(decoded) < 100
    assert not cached.exists()


def test_progress_counts_up_to_all_images(root: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    sources.read(str(root), None, lambda *call: calls.append(call))
    assert ("looking for images", 16, 0) in calls
    assert calls[-1] == ("decoding images", 16, 16)
