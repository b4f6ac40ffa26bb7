"""CIFAR-10 is downloaded once, whole or not at all, and every failure is one line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cifar_tui.data import cifar10, download, sources
from cifar_tui.errors import CifarTuiError, InputError
from tests.support import cifar_archive
from tests.support.cifar_archive import (
    FILENAME,
    Archive,
    Heard,
    assert_is,
    assert_one_line_with_the_ways_on,
    damaged,
    files_under,
    read,
)

pytestmark = pytest.mark.usefixtures("home")


def test_it_is_fetched_into_the_users_cache(
    archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    heard = Heard()
    with cifar_archive.serve(archive.content) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        source = read(progress=heard)
    assert_is(source, archive)
    assert source.notes == ()
    assert (home / FILENAME).read_bytes() == archive.content
    fetching = [(done, total) for what, done, total in heard.calls if what == f"fetching {FILENAME}"]
    assert fetching[-1] == (len(archive.content), len(archive.content))
    assert heard.calls[-1] == ("reading CIFAR-10", 6, 6)
    assert capfd.readouterr() == ("", "")


def test_it_is_fetched_into_data_dir_where_that_is_given(
    archive: Archive, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "given" / "deeper"
    with cifar_archive.serve(archive.content) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        assert_is(read(target), archive)
    assert files_under(target) == {FILENAME}
    assert not (home / FILENAME).exists()


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("missing", "the server answers 404 Not Found"),
        ("babbling", "no HTTP"),
        ("gone half-way", "went away after"),
        ("stalled", r"nothing came for 0\.2 s"),
    ],
)
def test_a_server_that_fails_is_one_line_and_leaves_nothing(
    archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch, behaviour: cifar_archive.Behaviour, reason: str
) -> None:
    monkeypatch.setattr(download, "STALL_SECONDS", 0.2)
    with cifar_archive.serve(archive.content, behaviour) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        with pytest.raises(InputError, match=reason) as raised:
            read()
    assert_one_line_with_the_ways_on(raised.value)
    assert server.url in str(raised.value)
    assert files_under(home) == set()


def test_no_server_is_one_line(home: Path, offline: None) -> None:
    with pytest.raises(InputError, match="Connection refused") as raised:
        read()
    assert_one_line_with_the_ways_on(raised.value)
    assert files_under(home) == set()


@pytest.mark.parametrize("how", ["truncated", "bit flipped"])
def test_a_download_that_arrives_damaged_is_not_kept(
    archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with cifar_archive.serve(damaged(archive.content, how)) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        with pytest.raises(InputError, match="wrong checksum") as raised:
            read()
    assert_one_line_with_the_ways_on(raised.value)
    assert files_under(home) == set()


class CancelledError(Exception):
    pass


@pytest.mark.parametrize("behaviour", ["slow", "stalled"])
def test_a_download_is_cancelled_by_its_progress_at_once(
    archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch, behaviour: cifar_archive.Behaviour
) -> None:
    def progress(what: str, done: int, total: int) -> None:
        if done > 0:
            raise CancelledError

    with cifar_archive.serve(archive.content, behaviour) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        began = time.monotonic()
        with pytest.raises(CancelledError):
            sources.read("cifar10", None, progress)
    assert time.monotonic() - began < 2
    assert files_under(home) == set()


def test_a_folder_that_cannot_hold_the_archive_is_one_line(archive: Archive, offline: None, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot put CIFAR-10 into .*file") as raised:
        read(tmp_path / "file")
    assert_one_line_with_the_ways_on(raised.value)


def test_a_full_disk_is_one_line_and_leaves_nothing(
    archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, count: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download._Transfer, "add", full)
    with cifar_archive.serve(archive.content) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        with pytest.raises(InputError, match=r"cannot put CIFAR-10 into .*: No space left on device") as raised:
            read()
    assert_one_line_with_the_ways_on(raised.value)
    assert files_under(home) == set()


@pytest.mark.parametrize("name", [f".{FILENAME}", "images/.0123.safetensors"])
def test_what_a_killed_process_left_half_written_is_removed_after_an_hour(
    archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (home / "images").mkdir(parents=True)
    old, young = home / f"{name}.1.tmp", home / f"{name}.2.tmp"
    old.touch()
    young.touch()
    os.utime(old, (1, 1))
    with cifar_archive.serve(archive.content) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        read()
    assert not old.exists()
    assert young.exists()


def test_no_hidden_file_of_somebody_elses_is_removed_from_data_dir(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given").mkdir()
    other = tmp_path / "given/.editor.tmp"
    other.touch()
    os.utime(other, (1, 1))
    with cifar_archive.serve(archive.content) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        read(tmp_path / "given")
    assert other.exists()


def test_a_download_of_another_sha256_is_not_kept(
    archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cifar_archive.serve(archive.content) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", "0" * 64)
        with pytest.raises(InputError, match="what came has a wrong checksum"):
            read()
    assert files_under(home) == set()


def test_no_more_is_fetched_than_the_archive_has(archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "ARCHIVE_BYTES", 1_000_000)
    with cifar_archive.serve(archive.content + bytes(8_000_000)) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        with pytest.raises(InputError, match="the server sends more than 1 MB"):
            read()
    assert files_under(home) == set()


def test_an_archive_that_is_right_by_its_checksum_but_unusable_is_no_endless_fetching(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = cifar_archive.build(replaced={"test_batch": b""})
    with cifar_archive.serve(archive.content) as server:
        cifar_archive.lead_here(monkeypatch, archive, server.url)
        with pytest.raises(CifarTuiError, match="test_batch fails its checksum"):
            read()
