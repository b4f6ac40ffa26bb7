"""Events are read whatever else is in their file, from end to end and as it grows."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import (
    MAX_LINE,
    AnyEvent,
    Evaluated,
    to_json,
)
from cifar_tui.state.run_state import RunState
from cifar_tui.store.event_reader import Tail
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import (
    RECORD,
    finished,
    started,
    uninterrupted,
)


@given(st.data())
def test_events_cut_off_anywhere_are_read_to_the_last_whole_one_and_written_on(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    events = uninterrupted(1)
    whole = "".join(to_json(event) + "\n" for event in events).encode()
    cut = data.draw(st.integers(0, len(whole)))
    folder.events_file.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n")
    assert list(folder.events()) in (events[:kept], events[: kept + 1]), "a whole line may lack but its end"
    Recorder(folder, RECORD, RunState()).close()
    assert folder.events_file.read_bytes() == b"".join(whole.splitlines(keepends=True)[:kept])


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_as_events_are_read_without_an_error(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    folder.events_file.write_bytes(to_json(started()).encode() + b"\n" + b"\n".join(lines))
    assert folder.read_state().started == started()


def test_lines_of_any_length_are_read_and_those_that_are_no_events_skipped(folder: RunFolder) -> None:
    classes = tuple(str(number) for number in range(800))
    matrix = ConfusionMatrix.of([[1] * 800] * 800)
    beginning = replace(started(), classes=classes)
    evaluated = Evaluated(t=1.0, split="validation", epoch=1, loss=1.0, accuracy=0.5, confusion=matrix, seconds=1.0)
    dense = json.loads(to_json(evaluated)) | {"confusion": list(matrix)}
    lines = [
        to_json(beginning),
        to_json(evaluated),
        json.dumps(dense),
        "x" * (MAX_LINE + 10),
        " " * (3 * MAX_LINE),
        to_json(finished()),
    ]
    folder.events_file.write_text("".join(f"{line}\n" for line in lines))
    assert len(lines[1]) > 1 << 20
    assert list(folder.events()) == [beginning, evaluated, evaluated, finished()]
    tail, seen = Tail(folder.files), list[AnyEvent]()
    while more := tail.read():
        seen += more
    assert seen == [beginning, evaluated, evaluated, finished()]
    whole = folder.events_file.read_bytes()
    folder.events_file.write_bytes(whole[: len(to_json(beginning)) + 10_000])
    tail = Tail(folder.files)
    assert tail.read() == [beginning]
    assert tail.read() == [], "a torn line waits for its rest"
    folder.events_file.write_bytes(whole)
    assert tail.read() == [evaluated]
