"""CIFAR-10 through the real command: fetched from a server, verified, trained on, and refused where it is damaged."""

from pathlib import Path

import pytest

from tests.support.cifar_archive import Archive, Behaviour, build, lead_here, serve
from tests.support.command import error_line, events, only_run, summary
from tests.support.program import call

TRAIN = ("--no-ui", "--model", "mlp", "--epochs", "1", "--batch-size", "16", "--threads", "1")


@pytest.fixture(scope="module")
def archive() -> Archive:
    return build()


def led(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, archive: Archive, url: str) -> None:
    """Have this process take this archive for CIFAR-10, with no other cache than one in `tmp_path`."""
    lead_here(monkeypatch, archive, url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_it_is_fetched_verified_and_trained_on_and_is_there_the_next_time(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(archive.content) as server:
        led(monkeypatch, tmp_path, archive, server.url)
        first = call(TRAIN, tmp_path)
        fetched = server.requests
    assert first.returncode == 0, first.stderr
    assert fetched > 0
    folder = only_run(tmp_path)
    started = events(folder)[0]
    assert started["classes"] == ["plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    assert (started["train_samples"], started["validation_samples"], started["test_samples"]) == (90, 10, 20)
    assert summary(folder)["data"] == "cifar10"
    second = call([*TRAIN, "--name", "again"], tmp_path)
    assert second.returncode == 0, "without the server"


def test_an_archive_in_the_given_folder_needs_no_server(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write(tmp_path / "mine")
    led(monkeypatch, tmp_path, archive, "http://127.0.0.1:9/none")
    result = call([*TRAIN, "--data-dir", "mine"], tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_damaged_archive_is_said_and_fetched_again(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive.write(tmp_path / "mine")
    path.write_bytes(archive.content[: len(archive.content) // 2])
    with serve(archive.content) as server:
        led(monkeypatch, tmp_path, archive, server.url)
        result = call([*TRAIN, "--data-dir", "mine"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert "damaged" in result.stderr
    assert path.read_bytes() == archive.content


@pytest.mark.parametrize("behaviour", ["gone half-way", "missing"])
def test_a_download_that_fails_names_the_three_ways_on_and_leaves_nothing(
    tmp_path: Path, archive: Archive, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(archive.content, behaviour) as server:
        led(monkeypatch, tmp_path, archive, server.url)
        result = call(TRAIN, tmp_path)
    line = error_line(result)
    assert all(way in line for way in ("--data-dir DIR", "--data PATH", "--data digits"))
    assert not list((tmp_path / "cache").rglob("*.gz*"))
    assert not (tmp_path / "runs").exists()


def test_content_with_another_checksum_is_refused(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    flipped = bytearray(archive.content)
    flipped[len(flipped) // 2] ^= 1
    with serve(bytes(flipped)) as server:
        led(monkeypatch, tmp_path, archive, server.url)
        line = error_line(call(TRAIN, tmp_path))
    assert "--data digits" in line
    assert not list((tmp_path / "cache").rglob("*.gz*"))


def test_without_a_network_the_three_ways_on_are_named(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    led(monkeypatch, tmp_path, archive, "http://127.0.0.1:9/none")
    line = error_line(call(TRAIN, tmp_path))
    assert all(way in line for way in ("--data-dir DIR", "--data PATH", "--data digits"))
