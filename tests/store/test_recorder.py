"""What a run records is on the disk in time, and whole, also where the disk was full for a while."""

import errno
import json
import os
from dataclasses import replace

import pytest

from cifar_tui.events import (
    Batch,
    BatchThrottle,
    Epoch,
    RunStarted,
)
from cifar_tui.state.run_state import RunState
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import (
    RECORD,
    batch,
    finished,
    fold,
    record_events,
    started,
    uninterrupted,
    whole_epoch,
)


def test_recorded_events_make_the_same_state(folder: RunFolder) -> None:
    events = [*uninterrupted(2), finished()]
    record_events(folder, events)
    assert folder.read_state() == fold(events)
    lines = [json.loads(line) for line in folder.events_file.read_text().splitlines()]
    assert [line["type"] for line in lines] == [event.type for event in events]
    assert all(isinstance(line["t"], float) for line in lines)


def test_batches_reach_the_disk_ten_times_a_second_at_most(folder: RunFolder) -> None:

    batches = [replace(batch(1, 1), t=n / 100, samples=n) for n in range(1, 101)]
    record_events(folder, [started(), *batches, *whole_epoch(1)[-1:]])
    written = list(folder.events())
    assert 9 <= sum(isinstance(e, Batch) for e in written) <= 11
    assert isinstance(written[0], RunStarted)
    assert isinstance(written[-1], Epoch)


def test_metrics_and_summary_are_there_after_every_epoch(folder: RunFolder) -> None:
    recorder = Recorder(folder, RECORD, RunState())
    recorder.record(started())
    assert folder.read_summary().state == "running"
    for epoch in (1, 2):
        for event in whole_epoch(epoch, val_accuracy=epoch / 10):
            recorder.record(event)
        assert len(folder.metrics_file.read_text().splitlines()) == 1 + epoch
        assert folder.read_summary().epochs == epoch
        assert folder.read_summary().best_val_accuracy == epoch / 10
    recorder.close()


def test_the_summary_is_final_before_the_last_event_is_seen(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(folder, RECORD, fold(uninterrupted(1)))
    seen = []
    write = os.write

    def look_and_write(descriptor: int, line: bytes) -> int:
        seen.append(folder.read_summary().state)
        return write(descriptor, line)

    monkeypatch.setattr(os, "write", look_and_write)
    recorder.record(finished("stopped"))
    recorder.close()
    assert seen == ["stopped"]


def test_a_summary_has_every_field_of_the_contract(folder: RunFolder) -> None:
    record_events(folder, [*uninterrupted(2), finished()])
    wanted = (
        "id model state epochs best_epoch best_val_accuracy test_loss test_accuracy seconds images_per_second"
        " parameters device precision seed"
    )
    assert set(wanted.split()) <= json.loads(folder.summary_file.read_text()).keys()


def test_events_are_buffered_while_the_disk_is_full_and_none_is_lost(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, room = os.write, [400]

    def limited(descriptor: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = write(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    recorder = Recorder(folder, RECORD, RunState())
    monkeypatch.setattr(os, "write", limited)
    told = uninterrupted(3)
    notes = []
    for number, event in enumerate(told):
        if number == len(told) - 4:
            room[0] = 1_000_000
        recorder.record(event)
        notes += recorder.trouble(event.t)
    assert [note.level for note in notes] == ["warning", "info"]
    assert "No space left" in notes[0].message
    recorder.close()
    fresh = RunState()
    throttle = BatchThrottle()
    for event in told:
        if throttle.admits(event):
            fresh.apply(event)
    assert folder.read_state() == fresh
    assert all(line.startswith("{") for line in folder.events_file.read_text().splitlines())


def test_a_disk_that_is_full_at_the_runs_end_is_an_error(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    recorder = Recorder(folder, RECORD, RunState())
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        recorder.record(started())
        with pytest.raises(OSError, match="No space left"):
            recorder.record(finished("finished"))
    recorder.close()
