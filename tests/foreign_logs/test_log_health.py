"""Logs of other tools are checked while they are read; nothing is written there."""

import os
import time
from pathlib import Path

import pytest

from cifar_tui.config import HealthOptions
from cifar_tui.events import AnyEvent, Note
from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail, summary
from cifar_tui.state.run_state import RunState


def log_of(folder: Path, losses: list[float]) -> ForeignRun:
    """A log by the step, in the way of Lightning's."""
    path = folder / "metrics.csv"
    path.write_text("step,train_loss\n" + "".join(f"{n},{loss}\n" for n, loss in enumerate(losses)))
    return ForeignRun("net", path, "csv")


def notes(events: list[AnyEvent]) -> list[str]:
    return [event.topic for event in events if isinstance(event, Note) and event.topic]


def test_a_spike_in_a_log_is_found_when_it_is_read_and_marks_its_summary(tmp_path: Path) -> None:
    run = log_of(tmp_path, [*[1.0 + 0.01 * (n % 7) for n in range(200)], *[3.0] * 20])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    state, _ = run.follow({})
    assert list(state.warnings) == ["loss-spike"]
    assert summary(run, state).warnings == ["loss-spike"]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    muted, _ = run.follow({}, HealthOptions(mute=("all",)))
    assert muted.warnings == {}


def test_a_log_that_stops_growing_is_found_by_the_readers_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, state = log_of(tmp_path, [1.0] * 30), RunState()
    tail = ForeignTail(run, {})

    def read() -> list[str]:
        found: list[AnyEvent] = []
        while events := tail.read():
            found += events
        for event in found:
            state.apply(event)
        return notes(found)

    assert read() == []
    for step in range(30, 36):
        with run.path.open("a") as log:
            log.write(f"{step},1.0\n")
        time.sleep(0.01)
        assert read() == []
    real = time.time
    monkeypatch.setattr("cifar_tui.foreign_logs.foreign_run.time.time", lambda: real() + 700)
    assert read() == ["no-progress"]
    assert read() == []
    with run.path.open("a") as log:
        log.write("36,1.0\n")
    os.utime(run.path, (real() + 699, real() + 699))
    assert read() == ["no-progress"]
    assert state.warnings == {}
