"""The image cache: gives back what it was given, nothing else, takes bounded room, and never stands in the way."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cifar_tui.data import cache
from cifar_tui.data.dataset import Source, Split, fingerprint


@pytest.fixture(autouse=True)
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where images are cached."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "cifar-tui" / "images"


def part(count: int) -> Split:
    generator = torch.Generator().manual_seed(count)
    pixels = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return Split(pixels, torch.arange(count) % 2)


SOURCE = Source(name="pets", train=part(7), test=part(3), classes=("cat", "dög"), flips=False, notes=("one", "two"))


def fail() -> Source:
    raise AssertionError("read again")


def test_what_was_read_once_is_given_again() -> None:
    assert cache.through("key", lambda: SOURCE) == SOURCE
    again = cache.through("key", fail)
    for ours, theirs in ((again.train, SOURCE.train), (again.test, SOURCE.test)):
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)
    assert fingerprint(again) == fingerprint(SOURCE)
    assert (again.name, again.classes, again.flips, again.notes) == ("pets", ("cat", "dög"), False, ("one", "two"))


def test_another_key_is_read_for_itself() -> None:
    cache.through("key", lambda: SOURCE)
    with pytest.raises(AssertionError, match="read again"):
        cache.through("other", fail)


def test_the_key_tells_kind_path_size_and_time_apart() -> None:
    files = [("a", 1, 2), ("b", 3, 4)]
    others = [[("a", 1, 2)], [("a", 1, 2), ("c", 3, 4)], [("a", 1, 2), ("b", 5, 4)], [("a", 1, 2), ("b", 3, 5)]]
    keys = {cache.key("kind", files), cache.key("another", files), *(cache.key("kind", other) for other in others)}
    assert len(keys) == 6
    assert cache.key("kind", iter(files)) == cache.key("kind", files)


@pytest.mark.parametrize("how", ["truncated", "bit flipped", "empty", "foreign", "folder"])
def test_a_damaged_cache_is_noted_and_rebuilt(images: Path, how: str) -> None:
    cache.through("key", lambda: SOURCE)
    path = images / "key.safetensors"
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "bit flipped":
        path.write_bytes(content[:-10] + bytes([content[-10] ^ 1]) + content[-9:])
    else:
        path.write_bytes({"truncated": content[:-10], "empty": b"", "foreign": b"no tensors at all"}[how])
    source = cache.through("key", lambda: SOURCE)
    assert source.train is SOURCE.train
    assert source.notes[:2] == SOURCE.notes
    assert f"the cached images {str(path)!r} could not be used and were read again" in source.notes[2]
    if how != "folder":
        assert cache.through("key", fail).notes == SOURCE.notes


@pytest.mark.parametrize(
    "train",
    [
        Split(part(4).images, torch.tensor([0, 1, 2, 0])),
        Split(part(4).images, torch.tensor([0, 1, -1, 0])),
        Split(part(4).images, torch.tensor([0, 1, 0])),
        Split(part(4).images[:, :1], torch.tensor([0, 1, 0, 1])),
        Split(part(4).images.float(), torch.tensor([0, 1, 0, 1])),
        Split(part(4).images, torch.tensor([0, 1, 0, 1], dtype=torch.int32)),
        Split(part(4).images[:0], torch.tensor([], dtype=torch.int64)),
    ],
)
def test_images_that_no_model_can_take_are_not_given(train: Split) -> None:
    cache.through("key", lambda: replace(SOURCE, train=train))
    assert cache.through("key", lambda: SOURCE).train is SOURCE.train


def test_a_cache_that_cannot_be_written_is_a_note(images: Path) -> None:
    images.parent.mkdir()
    images.touch()
    *kept, note = cache.through("key", lambda: SOURCE).notes
    assert tuple(kept) == SOURCE.notes
    assert "the images could not be cached" in note


def test_only_the_sources_used_last_are_kept(images: Path) -> None:
    cache.through("first", lambda: SOURCE)
    for index in range(cache.KEPT + 2):
        for path in images.iterdir():  # all a minute older, so that the clock's steps do not matter
            os.utime(path, (0, path.stat().st_mtime - 60))
        cache.through(f"other-{index}", lambda: SOURCE)
        cache.through("first", fail)
    assert len(list(images.iterdir())) == cache.KEPT


def test_the_cache_is_replaced_whole(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "save_file", full)
    note = cache.through("key", lambda: SOURCE).notes[-1]
    assert note.endswith("No space left on device")
    assert list(images.iterdir()) == []
