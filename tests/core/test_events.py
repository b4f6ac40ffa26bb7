"""Events keep their values through a line of JSON, and hostile lines are refused with one kind of error."""

import json
import math
from contextlib import suppress
from dataclasses import fields
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.confusion_matrix import MAX_CLASSES, ConfusionMatrix
from cifar_tui.events import (
    MAX_SECONDS,
    AnyEvent,
    Batch,
    BatchThrottle,
    Epoch,
    EventError,
    Note,
    Resumed,
    RunFinished,
    from_json,
    to_json,
)
from cifar_tui.system.untrusted.codec import MAX_INT, MAX_NUMBER, MAX_TEXT
from tests.support.recorded import metric, started, whole_epoch

finite = st.floats(allow_nan=False, allow_infinity=False)
wholes = st.integers(1, MAX_INT)
numbers = st.one_of(st.floats(-MAX_NUMBER, MAX_NUMBER), st.sampled_from([math.nan, math.inf]))
matrices = (
    st.integers(0, 5)
    .flatmap(lambda k: st.lists(st.lists(st.integers(0, 2**32 - 1), min_size=k, max_size=k), min_size=k, max_size=k))
    .map(ConfusionMatrix.of)
)
BY_TYPE = {
    "int": wholes,
    "Planned": wholes,
    "Processes": wholes,
    "float": numbers,
    "int | None": st.none() | wholes,
    "Planned | None": st.none() | wholes,
    "Annotated[dict[str, float], AtMost(MAX_VALUES)]": st.dictionaries(
        st.text(max_size=20), st.floats(-1e300, 1e300), max_size=5
    ),
    "float | None": st.none() | numbers,
    "ConfusionMatrix": matrices,
}


def event_of(kind: type[AnyEvent]) -> st.SearchStrategy[AnyEvent]:
    drawn = {field.name: BY_TYPE[str(field.type)] for field in fields(kind) if field.type in BY_TYPE}
    return st.builds(kind, **drawn | {"t": st.floats(0, MAX_SECONDS)})


events = st.one_of(*map(event_of, get_args(AnyEvent)))


def batch(t: float, loss: float = 1.0) -> Batch:
    return Batch(t=t, epoch=1, batch=1, batches=9, samples=8, loss=loss, accuracy=0.5, lr=0.1, images_per_second=9.0)


def without_nonfinite(event: AnyEvent) -> dict[str, Any]:
    """The event's fields, with what JSON cannot hold as None."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


@given(events)
def test_an_event_survives_its_line(event: AnyEvent) -> None:
    line = to_json(event)
    assert "\n" not in line
    again = from_json(line)
    assert type(again) is type(event)
    assert without_nonfinite(again) == without_nonfinite(event)


@given(events)
def test_a_line_is_strict_json_with_type_and_t(event: AnyEvent) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    record = json.loads(to_json(event), parse_constant=refuse)
    assert list(record)[:1] == ["type"]
    assert record["type"] == type(event).type
    assert "t" in record


def test_a_loss_that_is_not_finite_is_null_on_the_line_and_nan_when_read() -> None:
    line = to_json(batch(1.0, math.inf))
    assert json.loads(line)["loss"] is None
    again = from_json(line)
    assert isinstance(again, Batch)
    assert math.isnan(again.loss)


def test_metrics_that_were_not_reached_stay_none() -> None:
    event = RunFinished(
        t=1.0,
        state="failed",
        message="x",
        epochs=0,
        best_epoch=None,
        best_val_accuracy=None,
        test_loss=None,
        test_accuracy=None,
        seconds=1.0,
    )
    assert from_json(to_json(event)) == event


def test_fields_of_a_later_version_are_ignored() -> None:
    record = json.loads(to_json(Note(t=0.0, level="info", message="hi"))) | {"colour": "red"}
    assert from_json(json.dumps(record)) == Note(t=0.0, level="info", message="hi")


def test_the_events_of_an_earlier_version_are_those_of_a_single_process() -> None:
    later = {"processes", "hosts", "slowest_images_per_second", "slowest_rank"}
    resumed = Resumed(t=1.0, epoch=1, batch=1, samples=10)
    for event in (started(), resumed, *whole_epoch(1)):
        record = json.loads(to_json(event))
        assert from_json(json.dumps({name: value for name, value in record.items() if name not in later})) == event
    with pytest.raises(EventError, match="processes"):
        from_json(json.dumps(json.loads(to_json(started())) | {"processes": 0}))


@given(st.text())
def test_any_text_is_an_event_or_an_event_error(line: str) -> None:
    with suppress(EventError):
        from_json(line)


@given(events, st.data())
def test_a_record_with_a_field_of_another_type_is_refused(event: AnyEvent, data: st.DataObject) -> None:
    record = json.loads(to_json(event))
    field = data.draw(st.sampled_from(sorted(record)))
    record[field] = ["no values"] if isinstance(record[field], dict) else {"not": "a value"}
    with pytest.raises(EventError):
        from_json(json.dumps(record))


@pytest.mark.parametrize("line", ["", "[]", "1", '{"type":[]}', '{"type":"batch"}', '{"type":"x","t":1}', "[" * 99999])
def test_a_line_that_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(EventError):
        from_json(line)


def test_a_text_is_cut_and_a_run_has_a_bounded_number_of_classes() -> None:
    note = from_json(json.dumps({"type": "note", "t": 1, "level": "info", "message": "x" * 1_000_000}))
    assert isinstance(note, Note)
    assert len(note.message) == MAX_TEXT
    beginning = json.loads(to_json(started())) | {"classes": ["x"] * (MAX_CLASSES + 1)}
    with pytest.raises(EventError, match="classes"):
        from_json(json.dumps(beginning))


def test_a_line_that_would_take_too_much_memory_is_refused() -> None:
    with pytest.raises(EventError, match="far too large"):
        from_json('{"type":"evaluated","confusion":[' + "[]," * 3_000_000 + "[]]}")


@given(st.lists(st.floats(0, 5), max_size=60).map(sorted))
def test_batches_are_written_ten_times_a_second_at_most_and_epochs_always(times: list[float]) -> None:
    throttle = BatchThrottle()
    written = [t for t in times if throttle.admits(batch(t))]
    assert all(b - a >= 0.1 for a, b in pairwise(written))
    assert written[:1] == times[:1]
    epoch = Epoch(
        t=times[-1] if times else 0.0,
        epoch=1,
        samples=1,
        train_loss=1.0,
        train_accuracy=0.5,
        val_loss=1.0,
        val_accuracy=0.5,
        lr=0.1,
        seconds=1.0,
        images_per_second=1.0,
        best=True,
    )
    assert throttle.admits(epoch)
    assert throttle.admits(epoch)


def test_metrics_of_one_moment_are_all_written() -> None:
    throttle = BatchThrottle()
    assert [throttle.admits(event) for event in (metric(10), batch(1.0), batch(1.0), metric(10), metric(11))] == [
        True, True, False, True, True,
    ]  # fmt: skip
