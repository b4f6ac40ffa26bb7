"""What the tests of classes of users share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cifar_tui.models.user_class import trust


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user who has named nothing yet, and whose path stays as it is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trust, "_now", set())
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [
        name
        for name in sys.modules
        if name.partition(".")[0] in ("payload", "runs", "pkg", "mine", "helper", "nets", "shown", "other")
    ]:
        del sys.modules[name]
