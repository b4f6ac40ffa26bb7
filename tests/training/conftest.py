"""What the tests of the training loop share."""

from __future__ import annotations

import pytest

from cifar_tui.training import emitter


@pytest.fixture
def every_batch_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are reported as they come, not a few times a second."""
    monkeypatch.setattr(emitter, "REPORT_SECONDS", 0.0)
