"""A run's status: what its summary, its events, its thread and what it was asked for make of it."""

from __future__ import annotations

import pytest

from cifar_tui.events import Paused, RunStatus
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.runs.entry import Asked, Status, run_status
from tests.support.panel_states import begun
from tests.support.recorded import recorded_state


def paused() -> RunState:
    state = begun(2)
    state.apply(Paused(t=state.t, epoch=1, batch=2))
    return state


EMPTY, TRAINING, PAUSED = RunState(), begun(2), paused()
STOPPED, FINISHED = recorded_state([(0.4, 0.5)], ending="stopped", test=None), recorded_state()
HERE = {"active": True}

CASES: list[tuple[Status, RunStatus | None, RunState | None, dict[str, bool], Asked]] = [
    # Of this process, before it has a summary.
    ("ready", None, None, {}, ""),
    ("failed", None, None, {"failed": True}, ""),
    ("loading", None, None, HERE, ""),
    ("loading", None, EMPTY, HERE | {"loading": True}, ""),
    ("loading", None, STOPPED, HERE | {"loading": True}, ""),
    # Trained by this process.
    ("running", None, TRAINING, HERE, ""),
    ("pausing", None, TRAINING, HERE, "pausing"),
    ("paused", None, PAUSED, HERE, ""),
    ("stopping", None, PAUSED, HERE, "stopping"),
    ("stopping", None, EMPTY, HERE | {"loading": True}, "stopping"),
    ("stopped", None, STOPPED, HERE, ""),
    ("finished", None, FINISHED, {}, ""),
    # Resumed by this process, after its own process had died.
    ("running", "interrupted", TRAINING, HERE, ""),
    # Ended earlier: by its summary until its events are read.
    ("finished", "finished", None, {}, ""),
    ("failed", "failed", None, {"failed": True}, ""),
    ("interrupted", "interrupted", None, {}, ""),
    ("finished", "finished", FINISHED, {}, ""),
    ("stopped", "stopped", EMPTY, {}, ""),
    # Its process died, which its events do not say.
    ("interrupted", "interrupted", TRAINING, {}, ""),
    ("stopped", "interrupted", STOPPED, {}, ""),
    # Trained by another process.
    ("running", "running", None, {}, ""),
    ("paused", "paused", None, {}, ""),
    ("running", "running", TRAINING, {}, ""),
    ("paused", "running", PAUSED, {}, ""),
    ("pausing", "running", TRAINING, {}, "pausing"),
    ("stopping", "paused", PAUSED, {}, "stopping"),
    # Resumed there, which the events that are read do not say yet.
    ("running", "running", STOPPED, {}, ""),
    ("paused", "paused", STOPPED, {}, ""),
    # Asked for something, and gone before it could do it.
    ("finished", "finished", FINISHED, {}, "stopping"),
    ("interrupted", "interrupted", TRAINING, {}, "pausing"),
]


@pytest.mark.parametrize(("status", "recorded_state", "state", "facts", "asked"), CASES)
def test_the_status_follows_from_what_is_known(
    status: Status, recorded_state: RunStatus | None, state: RunState | None, facts: dict[str, bool], asked: Asked
) -> None:
    assert run_status(recorded_state, state, asked=asked, **facts) == status
