"""CIFAR-10: found, checked, never loaded damaged, and quick the second time."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from cifar_tui.data import cifar10
from cifar_tui.data.dataset import fingerprint
from cifar_tui.errors import InputError
from tests.support import cifar_archive
from tests.support.cifar_archive import (
    BASE,
    FILENAME,
    NOWHERE,
    Archive,
    Heard,
    assert_is,
    assert_one_line_with_the_ways_on,
    damaged,
    files_under,
    read,
)

pytestmark = pytest.mark.usefixtures("home")


def test_the_names_known_without_torchvision_are_torchvisions() -> None:
    from torchvision.datasets import CIFAR10

    assert CIFAR10.filename == cifar10.ARCHIVE
    assert CIFAR10.base_folder == cifar10.BATCHES
    assert list(cifar10.BATCH_FILES) == [name for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)]


# Found


@pytest.mark.parametrize("place", ["given", "./data", "cache"])
@pytest.mark.parametrize("kind", ["folder", "archive"])
@pytest.mark.usefixtures("offline")
def test_it_is_found_where_it_lies_and_left_as_it_is(
    archive: Archive, home: Path, tmp_path: Path, place: str, kind: Literal["folder", "archive"]
) -> None:
    data_dir = tmp_path / "given"
    folder = {"given": data_dir, "./data": Path("data").absolute(), "cache": home}[place]
    path = archive.write(folder) if kind == "archive" else archive.extract(folder)
    before = files_under(folder)
    assert cifar10.locate(str(data_dir)) == cifar10.Found(kind, path)
    assert_is(read(data_dir), archive)
    assert {name for name in files_under(folder) if not name.startswith("images")} == before


@pytest.mark.usefixtures("offline")
def test_data_dir_comes_before_the_working_folder_and_that_before_the_cache(
    archive: Archive, home: Path, tmp_path: Path
) -> None:
    places = [tmp_path / "given", Path("data").absolute(), home]
    for place in reversed(places):
        archive.write(place)
        assert cifar10.locate(str(places[0])) == cifar10.Found("archive", place / FILENAME)


def test_nothing_is_located_where_nothing_is() -> None:
    assert cifar10.locate(None) is None
    assert cifar10.locate("/nowhere") is None


# Checked


@pytest.mark.parametrize("how", ["truncated", "bit flipped", "empty"])
def test_a_damaged_archive_is_named_and_fetched_again(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = archive.write(tmp_path / "given")
    path.write_bytes(damaged(archive.content, how))
    heard = Heard()
    with cifar_archive.serve(archive.content) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        assert_is(read(path.parent, heard), archive)
    assert heard.said(f"{str(path)!r} is not used: it is incomplete or damaged")
    assert path.read_bytes() == archive.content


@pytest.mark.parametrize("how", ["truncated", "bit flipped", "empty", "missing"])
@pytest.mark.usefixtures("offline")
def test_a_damaged_batch_is_named_and_a_whole_copy_used(archive: Archive, home: Path, how: str) -> None:
    batch = archive.extract(Path("data")) / "data_batch_3"
    archive.write(home)
    if how == "missing":
        batch.unlink()
    else:
        batch.write_bytes(damaged(batch.read_bytes(), how))
    for _ in range(2):  # from the source, then from the cache
        source = read()
        assert_is(source, archive)
        assert len(source.notes) == 1
        assert BASE in source.notes[0]
        assert "data_batch_3" in source.notes[0]


def test_damage_that_cannot_be_made_good_is_said_in_the_error(archive: Archive, offline: None) -> None:
    path = archive.write(Path("data"))
    path.write_bytes(damaged(archive.content, "truncated"))
    with pytest.raises(InputError, match=r"is not used: it is incomplete or damaged.*cannot download") as raised:
        read()
    assert_one_line_with_the_ways_on(raised.value)


class Malicious:
    """Unpickling it makes a folder."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("pickle-was-executed",)


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_pickle_with_a_wrong_checksum_is_not_executed(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    archive = cifar_archive.build(replaced={"data_batch_1": pickle.dumps(Malicious())})
    cifar_archive.lead_here(monkeypatch, archive, NOWHERE)
    archive.extract(Path("data")) if kind == "folder" else archive.write(Path("data"))
    with pytest.raises(InputError, match="data_batch_1 fails its checksum"):
        read()
    assert not Path("pickle-was-executed").exists()


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_pickle_whose_checksums_hold_is_not_executed_either(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    archive = cifar_archive.build(forged={"data_batch_1": pickle.dumps(Malicious())})
    cifar_archive.lead_here(monkeypatch, archive, NOWHERE)
    archive.extract(Path("data")) if kind == "folder" else archive.write(Path("data"))
    with pytest.raises(InputError, match=r"data_batch_1 cannot be read: it names posix\.mkdir"):
        read()
    assert not Path("pickle-was-executed").exists()


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_arrays_are_unpickled_however_numpy_spells_them(
    monkeypatch: pytest.MonkeyPatch, archive: Archive, module: str
) -> None:
    content = archive.files["data_batch_1"].replace(b"cnumpy.core.multiarray", b"c" + module.encode())
    cifar_archive.lead_here(monkeypatch, led := cifar_archive.build(forged={"data_batch_1": content}), NOWHERE)
    led.write(Path("data"))
    assert_is(read(), archive)


def test_arrays_that_todays_numpy_pickles_are_unpickled(monkeypatch: pytest.MonkeyPatch, archive: Archive) -> None:
    images, labels = archive.batches["data_batch_1"]
    batch = pickle.dumps({"data": images.reshape(-1, 3072), "labels": labels}, protocol=2)
    cifar_archive.lead_here(monkeypatch, led := cifar_archive.build(forged={"data_batch_1": batch}), NOWHERE)
    led.write(Path("data"))
    assert_is(read(), archive)


@pytest.mark.parametrize("kind", ["folder", "archive"])
@pytest.mark.parametrize("checksum", ["MD5", "SHA-256"])
def test_both_checksums_have_to_hold(
    archive: Archive, offline: None, monkeypatch: pytest.MonkeyPatch, kind: str, checksum: str
) -> None:
    from torchvision.datasets import CIFAR10

    archive.extract(Path("data")) if kind == "folder" else archive.write(Path("data"))
    if checksum == "MD5":
        monkeypatch.setattr(CIFAR10, "tgz_md5", "0" * 32)
        monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", "0" * 32]])
    else:
        monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", "0" * 64)
        monkeypatch.setattr(cifar10, "SHA256", archive.constants["SHA256"] | {"test_batch": "0" * 64})
    with pytest.raises(InputError, match=r"test_batch fails its checksum|its checksum does not hold"):
        read()


@pytest.mark.parametrize("kind", ["batch", "archive", "batch in an archive"])
def test_what_is_far_larger_than_the_real_one_is_not_read(
    archive: Archive, offline: None, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "batch":
        os.truncate(archive.extract(Path("data")) / "data_batch_1", 40 << 30)
        what = "data_batch_1 is larger than CIFAR-10's"
    elif kind == "archive":
        os.truncate(archive.write(Path("data")), 40 << 30)
        what = "it is larger than CIFAR-10's"
    else:
        monkeypatch.setattr(cifar10, "BATCH_BYTES", 10_000)
        archive.write(Path("data"))
        what = "data_batch_1 is larger than CIFAR-10's"
    began = time.monotonic()
    with pytest.raises(InputError, match=what):
        read()
    assert time.monotonic() - began < 5


def test_what_is_no_file_in_the_place_of_one_is_passed_over(archive: Archive, offline: None, home: Path) -> None:
    batch = archive.extract(Path("data")) / "data_batch_1"
    batch.unlink()
    os.mkfifo(batch)
    os.mkfifo(Path("data") / FILENAME)
    archive.write(home)
    assert_is(read(), archive)


def test_the_limits_leave_room_for_the_real_files() -> None:
    assert 170_498_071 < cifar10.ARCHIVE_BYTES < 200_000_000
    assert 31_035_999 < cifar10.BATCH_BYTES < 40_000_000
    assert set(cifar10.SHA256) == set(cifar10.BATCH_FILES)
    assert all(len(checksum) == 64 for checksum in (cifar10.ARCHIVE_SHA256, *cifar10.SHA256.values()))


# Quick the second time


def test_the_second_read_neither_verifies_nor_unpickles(
    archive: Archive, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write(Path("data"))
    first = read()

    def fail() -> None:
        raise AssertionError("torchvision is asked")

    monkeypatch.setattr(cifar10, "_torchvision_cifar10", fail)
    second = read()
    assert_is(second, archive)
    assert fingerprint(second) == fingerprint(first)
    assert second.notes == ()


def test_a_changed_archive_is_read_again(archive: Archive, offline: None) -> None:
    path = archive.write(Path("data"))
    read()
    os.utime(path, ns=(1, 1))
    heard = Heard()
    assert_is(read(progress=heard), archive)
    assert heard.said("reading CIFAR-10")


def test_another_process_can_be_led_here_and_starts_from_the_cache_without_torchvision(
    archive: Archive, tmp_path: Path
) -> None:
    program = (
        "import sys; from cifar_tui.data import sources\n"
        "s = sources.read('cifar10', None, lambda *_: None)\n"
        "print(len(s.train), len(s.test), 'torchvision' in sys.modules)"
    )
    with cifar_archive.serve(archive.content) as server:
        led = cifar_archive.lead_subprocess(tmp_path / "site", archive, server.url)
        answers = [
            subprocess.run(
                [sys.executable, "-W", "error", "-c", program],
                env=os.environ | led,
                check=True,
                capture_output=True,
                text=True,
                timeout=120,
            )
            for _ in range(2)
        ]
    assert [answer.stdout for answer in answers] == ["100 20 True\n", "100 20 False\n"]
    assert [answer.stderr for answer in answers] == ["", ""]
    assert server.requests == 1
