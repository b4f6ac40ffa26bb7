"""A folder of made-up runs, for the commands that keep it in order."""

from pathlib import Path

import pytest

from cifar_tui.store import run_folder
from tests.support.recorded import CREATED, RECORD, finished, record_events, uninterrupted

NAMES = ("cnn", "mlp", "vit")


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    """A folder with three finished runs, the newest named first."""
    for day, name in enumerate(reversed(NAMES), 1):
        folder = run_folder.create(tmp_path / "runs", name, CREATED.replace(day=day), lambda _: RECORD)
        record_events(folder, [*uninterrupted(1), finished()])
    return tmp_path


@pytest.fixture
def ids(cwd: Path) -> list[str]:
    """Their ids, newest first."""
    return sorted((path.name for path in (cwd / "runs").iterdir()), reverse=True)
