"""The saved state of a long run stands for its events, unless it is damaged or another's."""

import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.events import (
    Checkpoint,
    DeviceUsage,
    GpuUsage,
    Metric,
    Note,
    Paused,
    Resumed,
    to_json,
)
from cifar_tui.state.run_state import RunState
from cifar_tui.store import state_file
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import (
    batch,
    finished,
    fold,
    record_events,
    state_json_text,
    uninterrupted,
    whole_epoch,
)


@pytest.fixture
def every_length_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "MIN_BYTES", 1)


def eventful() -> list[Any]:
    """A run with something of everything that a state holds."""
    notes = [Note(t=9.0, level="warning", message="odd \u202e text")]
    metric = Metric(t=8.0, samples=30, values={"top5": 0.5}, split="validation")
    return [*uninterrupted(2), metric, *whole_epoch(3), *notes, finished("stopped"), *resumed_and_paused()]


def resumed_and_paused() -> list[Any]:
    return [
        Resumed(t=20.0, epoch=2, batch=1, samples=150),
        replace(batch(2, 2, math.nan), t=20.5),
        Checkpoint(t=20.6, epoch=2, batch=2, path="checkpoints/last.pt", best=False),
        Metric(t=20.7, samples=60, values={"grad_norm": 1.5, "other": math.nan}),
        DeviceUsage(t=20.8, host="h", process_cpu=0.5, cores=(0.25,), gpus=(GpuUsage(index=0, power=9.0),)),
        Paused(t=21.0, epoch=2, batch=2),
    ]


@pytest.mark.usefixtures("every_length_is_long")
def test_the_state_of_a_long_run_is_saved_and_read_without_its_events(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for length in range(1, len(eventful()) + 1):
        for file in (folder.events_file, folder.state_file):
            file.unlink(missing_ok=True)
        record_events(folder, eventful()[:length])
        told = fold(eventful()[:length])
        read: list[int] = []

        def nothing(_: RunFolder, start: int, read: list[int] = read) -> Iterator[Any]:
            read.append(start)
            return iter(())

        with monkeypatch.context() as patch:
            patch.setattr(RunFolder, "events", nothing)
            assert repr(folder.read_state()) == repr(told)
        assert read == [folder.events_file.stat().st_size], "none is read"
        later = Note(t=99.0, level="info", message="later")
        with folder.events_file.open("a") as events_file:
            events_file.write(to_json(later) + "\n")
        assert folder.read_state().notes[-1:] == [later], "and what came since is taken in"


@pytest.mark.usefixtures("every_length_is_long")
@given(st.data())
def test_a_saved_state_that_is_damaged_or_of_another_run_is_ignored(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place))
        record_events(folder, eventful())
        told = repr(folder.read_state())
        kept = json.loads(folder.state_file.read_text())
        wrong: st.SearchStrategy[Any] = st.sampled_from([None, -1, 10**9, "x", [], {}, [1], [[1]]])
        where = data.draw(st.sampled_from([*kept, *kept["state"]]))
        (kept if where in kept else kept["state"])[where] = data.draw(wrong)
        text = state_json_text(kept)
        folder.state_file.write_text(data.draw(st.sampled_from([text, text[: len(text) // 2], "", "[]", "null"])))
        state = folder.read_state()
        assert isinstance(state, RunState)
        if where in kept or folder.state_file.stat().st_size < len(text):
            assert repr(state) == told


def in_one_line(folder: RunFolder) -> dict[str, Any]:
    """The kept state with its validations among the rest, as strings."""
    content: dict[str, Any] = json.loads(folder.state_file.read_text())
    validations = [json.dumps(each) for each in content.pop("validations")]
    return content | {"state": content["state"] | {"validations": validations}}


@pytest.mark.usefixtures("every_length_is_long")
def test_a_saved_state_of_one_line_is_read_unless_it_lacks_a_matrix(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_events(folder, eventful())
    told = repr(folder.read_state())
    content = in_one_line(folder)
    folder.state_file.write_text(json.dumps(content) + "\n")
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "events", lambda *_: iter(()))
        assert repr(folder.read_state()) == told
    first = json.loads(content["state"]["validations"][0])
    content["state"]["validations"][0] = json.dumps(first | {"confusion": []})
    folder.state_file.write_text(json.dumps(content) + "\n")
    assert repr(folder.read_state()) == told, "by its events"


@pytest.mark.usefixtures("every_length_is_long")
@pytest.mark.parametrize(
    "lines",
    [
        ['{"type":"note","t":1,"level":"info","message":"x"}\n]}\n'],
        ["[]\n]}\n"],
        ["\n" * 9],
        [""],
        ["x" * 20_000_000],
        [" " * 70_000_000],
    ],
    ids=lambda lines: f"{len(lines[0])} characters",
)
def test_a_saved_state_with_other_lines_than_validations_is_ignored(folder: RunFolder, lines: list[str]) -> None:
    record_events(folder, eventful())
    told = repr(folder.read_state())
    head, _, _ = folder.state_file.read_text().partition("\n")
    folder.state_file.write_text(head + "\n" + lines[0])
    assert repr(folder.read_state()) == told


def test_short_runs_save_no_state(folder: RunFolder) -> None:
    record_events(folder, uninterrupted(3))
    assert not folder.state_file.exists()


@pytest.mark.usefixtures("every_length_is_long")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("t", None),
        ("paused_seconds", None),
        ("paused_at", -1.0),
        ("speed", {}),
        ("batch_loss", {"values_per_point": 0}),
    ],
)
def test_a_saved_state_with_what_no_events_make_is_left_aside(folder: RunFolder, field: str, value: object) -> None:
    events = eventful()
    record_events(folder, events)
    folder.save_state(fold(events))
    head, _, rest = folder.state_file.read_text().partition('"validations":[')
    content = json.loads(head + '"validations":[]}')
    content.pop("validations")
    old = content["state"][field]
    content["state"][field] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    folder.state_file.write_text(json.dumps(content, separators=(",", ":"))[:-1] + ',"validations":[' + rest)
    assert state_file.read(folder.files)[1] == 0
    content["state"][field] = old
    folder.state_file.write_text(json.dumps(content, separators=(",", ":"))[:-1] + ',"validations":[' + rest)
    assert state_file.read(folder.files)[1] > 0, "it was the value"
