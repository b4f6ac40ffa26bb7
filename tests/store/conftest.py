"""A run's folder, for the tests of what is in it."""

from pathlib import Path

import pytest

from cifar_tui.store import run_folder
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import CREATED, RECORD


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return run_folder.create(tmp_path / "runs", "cnn", CREATED, lambda _: RECORD)
