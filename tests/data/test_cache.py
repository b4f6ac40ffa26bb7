"""The image cache: gives back what it was given, nothing else, takes bounded room, and never stands in the way."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

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
    assert cache.load_or_read("key", lambda: SOURCE) == SOURCE
    again = cache.load_or_read("key", fail)
    for ours, theirs in ((again.train, SOURCE.train), (again.test, SOURCE.test)):
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)
    assert fingerprint(again) == fingerprint(SOURCE)
    assert (again.name, again.classes, again.flips, again.notes) == ("pets", ("cat", "dög"), False, ("one", "two"))


def test_another_key_is_read_for_itself() -> None:
    cache.load_or_read("key", lambda: SOURCE)
    with pytest.raises(AssertionError, match="read again"):
        cache.load_or_read("other", fail)


def test_the_key_tells_kind_path_size_and_time_apart() -> None:
    files = [("a", 1, 2), ("b", 3, 4)]
    others = [[("a", 1, 2)], [("a", 1, 2), ("c", 3, 4)], [("a", 1, 2), ("b", 5, 4)], [("a", 1, 2), ("b", 3, 5)]]
    keys = {cache.key("kind", files), cache.key("another", files), *(cache.key("kind", other) for other in others)}
    assert len(keys) == 6
    assert cache.key("kind", iter(files)) == cache.key("kind", files)


@pytest.mark.parametrize("how", ["truncated", "bit flipped", "empty", "foreign", "folder"])
def test_a_damaged_cache_is_noted_and_rebuilt(images: Path, how: str) -> None:
    cache.load_or_read("key", lambda: SOURCE)
    path = images / "key.safetensors"
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "bit flipped":
        path.write_bytes(content[:-10] + bytes([content[-10] ^ 1]) + content[-9:])
    else:
        path.write_bytes({"truncated": content[:-10], "empty": b"", "foreign": b"no tensors at all"}[how])
    source = cache.load_or_read("key", lambda: SOURCE)
    assert source.train is SOURCE.train
    assert source.notes[:2] == SOURCE.notes
    assert f"the cached images {str(path)!r} could not be used and were read again" in source.notes[2]
    if how != "folder":
        assert cache.load_or_read("key", fail).notes == SOURCE.notes


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
    cache.load_or_read("key", lambda: replace(SOURCE, train=train))
    assert cache.load_or_read("key", lambda: SOURCE).train is SOURCE.train


def test_a_cache_that_cannot_be_written_is_a_note(images: Path) -> None:
    images.parent.mkdir()
    images.touch()
    *kept, note = cache.load_or_read("key", lambda: SOURCE).notes
    assert tuple(kept) == SOURCE.notes
    assert "the images could not be cached" in note


def sized(count: int) -> Source:
    return replace(SOURCE, train=part(count))


def age(images: Path) -> None:
    """All a minute older, so that the clock's steps do not matter."""
    for path in images.iterdir():
        os.utime(path, (0, path.stat().st_mtime - 60))


def test_many_small_sources_leave_a_large_one_where_it_is(images: Path) -> None:
    cache.load_or_read("large", lambda: sized(500))
    for index in range(20):
        age(images)
        cache.load_or_read(f"small-{index}", lambda: SOURCE)
    assert len(list(images.iterdir())) == 21
    cache.load_or_read("large", fail)


def test_what_was_used_last_is_kept_within_so_many_bytes(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.load_or_read("first", lambda: SOURCE)
    each = (images / "first.safetensors").stat().st_size
    monkeypatch.setattr(cache, "MOST_BYTES", 4 * each)
    for index in range(6):
        age(images)
        cache.load_or_read(f"other-{index}", lambda: SOURCE)
        cache.load_or_read("first", fail)
    assert {path.stem for path in images.iterdir()} == {"first", "other-3", "other-4", "other-5"}
    assert sum(path.stat().st_size for path in images.iterdir()) <= 4 * each


def test_a_source_that_is_larger_than_all_that_may_be_cached_turns_nothing_out(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 100_000)
    cache.load_or_read("small", lambda: SOURCE)
    *_, note = cache.load_or_read("large", lambda: sized(40)).notes
    assert "the next start will take as long: the images take 0.0 GB" in note
    assert [path.stem for path in images.iterdir()] == ["small"]
    assert cache.load_or_read("small", fail).notes == SOURCE.notes


def test_no_more_than_a_part_of_a_full_disk_is_taken(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50_000))
    assert "may be cached" in cache.load_or_read("key", lambda: SOURCE).notes[-1]
    assert not images.exists()


def test_what_another_process_removes_meanwhile_is_no_error(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.load_or_read("first", lambda: SOURCE)
    monkeypatch.setattr(cache, "MOST_BYTES", (images / "first.safetensors").stat().st_size)
    unlink = Path.unlink

    def twice(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok=True)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", twice)
    (images / "gone.safetensors").symlink_to("nowhere")
    assert cache.load_or_read("second", lambda: SOURCE).notes == SOURCE.notes


def test_a_validation_set_of_its_own_is_kept_and_how_all_was_read() -> None:
    source = replace(SOURCE, validation=part(5), by_class=True, splits="all of it", rules=1)
    cache.load_or_read("key", lambda: source)
    again = cache.load_or_read("key", fail)
    assert again.validation is not None
    assert torch.equal(again.validation.images, part(5).images)
    assert (again.by_class, again.splits, again.rules) == (True, "all of it", 1)
    assert fingerprint(again) == fingerprint(source) != fingerprint(SOURCE)


def test_images_that_an_earlier_release_cached_are_used(images: Path) -> None:
    names = ("train.images", "train.labels", "test.images", "test.labels")
    tensors = (SOURCE.train.images, SOURCE.train.labels, SOURCE.test.images, SOURCE.test.labels)
    about = {"format": 1, "name": "cifar10", "classes": ["cat", "dög"], "flips": True, "notes": []}
    images.mkdir(parents=True)
    save_file(
        dict(zip(names, tensors, strict=True)),
        images / "key.safetensors",
        metadata={"source": json.dumps(about | {"fingerprint": fingerprint(SOURCE)})},
    )
    source = cache.load_or_read("key", fail)
    assert (source.name, source.notes, source.by_class, source.validation) == ("cifar10", (), False, None)


def test_the_cache_is_replaced_whole(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "save_file", full)
    note = cache.load_or_read("key", lambda: SOURCE).notes[-1]
    assert note.endswith("No space left on device")
    assert list(images.iterdir()) == []
