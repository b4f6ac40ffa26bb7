"""What the tests of data sources share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import cifar_archive
from tests.support.cifar_archive import NOWHERE, Archive


@pytest.fixture(scope="module")
def archive() -> Archive:
    return cifar_archive.build()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and an empty user's cache beside it, which is returned."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cifar-tui"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, archive: Archive) -> None:
    cifar_archive.lead_here(monkeypatch, archive, NOWHERE)


@pytest.fixture
def own_image_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of images that no other test has written to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
