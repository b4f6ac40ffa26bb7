"""The run folder: made whole or not at all, owned by one, replaced atomically, read back as it was written."""

import errno
import json
import math
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.config import TrainingConfig
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.errors import InputError
from cifar_tui.events import (
    MAX_LINE,
    AnyEvent,
    Batch,
    BatchThrottle,
    Checkpoint,
    Epoch,
    Evaluated,
    Note,
    Paused,
    Resumed,
    RunStarted,
    to_json,
)
from cifar_tui.state import RunState
from cifar_tui.store import catalog, run_folder, state_file
from cifar_tui.store.events_file import Tail
from cifar_tui.store.lock import RunLock, is_held
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.files import replacing, write_text
from tests.support.recorded import (
    batch,
    finished,
    fold,
    kept_text,
    run_record,
    started,
    uninterrupted,
    whole_epoch,
)

NOW = datetime(2026, 1, 2, 3, 4, 5)
RECORD = run_record(TrainingConfig(epochs=5), id="20260102-030405-cnn", name="digits")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return run_folder.create(tmp_path / "runs", "cnn", NOW, lambda _: RECORD)


def record(folder: RunFolder, events: list[Any], state: RunState | None = None) -> None:
    recorder = Recorder(folder, RECORD, state or RunState())
    for event in events:
        recorder.record(event)
    recorder.close()


def test_a_runs_id_is_its_time_and_name_and_a_second_of_both_is_numbered(tmp_path: Path) -> None:
    ids = [run_folder.create(tmp_path, "cnn", NOW, lambda _: RECORD).id for _ in range(3)]
    assert ids == ["20260102-030405-cnn", "20260102-030405-cnn-2", "20260102-030405-cnn-3"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot make a run's folder in .*; choose another --runs-dir"):
        run_folder.create(tmp_path / "file" / "runs", "cnn", NOW, lambda _: RECORD)


def test_a_file_is_old_or_new_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "x"
    old, new = "old" * 100_000, "new!" * 100_000
    write_text(path, old)
    seen, stop = set(), threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(path.read_text())

    thread = threading.Thread(target=look)
    thread.start()
    for n in range(40):
        write_text(path, new if n % 2 else old)
    stop.set()
    thread.join()
    assert seen <= {old, new}
    assert list(tmp_path.iterdir()) == [path]


def fail_after(_: object) -> None:
    raise RuntimeError


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        fail_after(temporary.write_text("half"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def hold(folder: Path, holding: Any) -> None:
    RunLock(folder)
    holding.set()
    time.sleep(60)


@pytest.fixture
def other_owner(folder: RunFolder) -> Iterator[Any]:
    context = multiprocessing.get_context("spawn")
    holding = context.Event()
    process = context.Process(target=hold, args=(folder.path, holding))
    process.start()
    assert holding.wait(30)
    yield process
    process.kill()
    process.join()


def test_a_run_has_one_owner_and_none_once_that_is_killed(folder: RunFolder, other_owner: Any) -> None:
    assert is_held(folder.path)
    with pytest.raises(InputError, match="is being trained right now"):
        RunLock(folder.path)
    other_owner.kill()
    other_owner.join()
    assert not is_held(folder.path)
    lock = RunLock(folder.path)
    assert is_held(folder.path), "within one process too"
    lock.release()
    assert not is_held(folder.path)


def test_who_only_looks_does_not_keep_an_owner_out(folder: RunFolder) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_held(folder.path)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        RunLock(folder.path).release()
    stop.set()
    for thread in threads:
        thread.join()


def test_a_folder_without_a_lock_file_is_owned_by_nobody(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert not is_held(tmp_path / "none")


def test_what_is_recorded_folds_to_the_same_run(folder: RunFolder) -> None:
    events = [*uninterrupted(2), finished()]
    record(folder, events)
    assert folder.read_state() == fold(events)
    lines = [json.loads(line) for line in folder.events_file.read_text().splitlines()]
    assert [line["type"] for line in lines] == [event.type for event in events]
    assert all(isinstance(line["t"], float) for line in lines)


def test_batches_reach_the_disk_ten_times_a_second_at_most(folder: RunFolder) -> None:
    from dataclasses import replace

    batches = [replace(batch(1, 1), t=n / 100, samples=n) for n in range(1, 101)]
    record(folder, [started(), *batches, *whole_epoch(1)[-1:]])
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
    record(folder, [*uninterrupted(2), finished()])
    wanted = (
        "id model state epochs best_epoch best_val_accuracy test_loss test_accuracy seconds images_per_second"
        " parameters device precision seed"
    )
    assert set(wanted.split()) <= json.loads(folder.summary_file.read_text()).keys()


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


def test_lines_of_any_length_are_read_and_those_that_are_none_of_ours_passed_over(folder: RunFolder) -> None:
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


def test_a_name_that_is_no_utf8_survives_the_folder(folder: RunFolder) -> None:
    name = b"\xff\xfe".decode("utf-8", "surrogateescape")
    folder.write_record(replace(RECORD, dataset=replace(RECORD.dataset, name=name)))
    assert folder.read_record().dataset.name == name


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00", "[" * 99999])
def test_a_damaged_file_is_named_in_one_line(folder: RunFolder, content: str) -> None:
    folder.config_file.write_text(content)
    with pytest.raises(InputError, match=r"config\.json: damaged, not"):
        folder.read_record()


def test_runs_are_listed_newest_first_and_a_dead_ones_state_is_interrupted(tmp_path: Path) -> None:
    for day in (1, 3, 2):
        made = run_folder.create(tmp_path, "cnn", NOW.replace(day=day), lambda _: RECORD)
        record(made, uninterrupted(1))
    lock = RunLock(run_folder.create(tmp_path, "begins", NOW.replace(day=9), lambda _: RECORD).path)
    (tmp_path / "not-a-run").mkdir()
    alive = RunFolder(tmp_path / "20260103-030405-cnn")
    owner = RunLock(alive.path)
    states = [(s.id, s.state) for s in catalog.summaries(tmp_path)]
    assert [state for _, state in states] == ["running", "running", "interrupted", "interrupted"]
    assert catalog.run_folders(tmp_path)[1] == alive
    owner.release()
    lock.release()


def test_a_damaged_run_is_listed_as_such(folder: RunFolder) -> None:
    folder.summary_file.write_text("{")
    (listed,) = catalog.summaries(folder.path.parent)
    assert listed.state == "failed"
    assert "summary.json: damaged" in (listed.message or "")


def test_a_run_is_found_by_its_id_or_a_part_of_it(folder: RunFolder) -> None:
    runs = folder.path.parent
    run_folder.create(runs, "mlp", NOW, lambda _: RECORD)
    for text in (folder.id, "cnn"):
        assert catalog.find(runs, text) == folder
    with pytest.raises(InputError, match="is part of 2 runs"):
        catalog.find(runs, "20260102")
    with pytest.raises(InputError, match=f"did you mean {folder.id}"):
        catalog.find(runs, "20260102-030405-cmn")
    with pytest.raises(InputError):
        catalog.find(runs, "")


def test_a_run_is_found_by_the_path_of_its_folder_wherever_that_is(
    tmp_path: Path, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELSEWHERE", str(folder.path.parent))
    monkeypatch.chdir(folder.path)
    for text in (str(folder.path), f"{folder.path}/", f"../{folder.id}", ".", f"$ELSEWHERE/{folder.id}"):
        assert catalog.is_path(text)
        assert catalog.at(text).path.resolve() == folder.path.resolve()
    for text in ("../nowhere", "..", "/", "\0/x", "$NOT_SET_AT_ALL/x", str(tmp_path)):
        with pytest.raises(InputError):
            catalog.at(text)


@pytest.fixture
def every_length_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "MIN_BYTES", 1)


def eventful() -> list[Any]:
    """A run with something of everything that a state holds."""
    notes = [Note(t=9.0, level="warning", message="odd \u202e text")]
    return [*uninterrupted(3), *notes, finished("stopped"), *resumed_and_paused()]


def resumed_and_paused() -> list[Any]:
    return [
        Resumed(t=20.0, epoch=2, batch=1, samples=150),
        replace(batch(2, 2, math.nan), t=20.5),
        Checkpoint(t=20.6, epoch=2, batch=2, path="checkpoints/last.pt", best=False),
        Paused(t=21.0, epoch=2, batch=2),
    ]


@pytest.mark.usefixtures("every_length_is_long")
def test_the_state_of_a_long_run_is_kept_and_read_without_its_events(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for length in range(1, len(eventful()) + 1):
        for file in (folder.events_file, folder.state_file):
            file.unlink(missing_ok=True)
        record(folder, eventful()[:length])
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
def test_a_kept_state_that_is_damaged_or_anothers_is_passed_over(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place))
        record(folder, eventful())
        told = repr(folder.read_state())
        kept = json.loads(folder.state_file.read_text())
        wrong: st.SearchStrategy[Any] = st.sampled_from([None, -1, 10**9, "x", [], {}, [1], [[1]]])
        where = data.draw(st.sampled_from([*kept, *kept["state"]]))
        (kept if where in kept else kept["state"])[where] = data.draw(wrong)
        text = kept_text(kept)
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
def test_a_kept_state_of_one_line_is_read_unless_it_lacks_a_matrix(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(folder, eventful())
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
def test_a_kept_state_with_other_lines_than_validations_is_passed_over(folder: RunFolder, lines: list[str]) -> None:
    record(folder, eventful())
    told = repr(folder.read_state())
    head, _, _ = folder.state_file.read_text().partition("\n")
    folder.state_file.write_text(head + "\n" + lines[0])
    assert repr(folder.read_state()) == told


def test_short_runs_keep_no_state_beside_their_events(folder: RunFolder) -> None:
    record(folder, uninterrupted(3))
    assert not folder.state_file.exists()


def test_events_that_a_full_disk_does_not_take_are_held_back_and_none_is_missing_or_torn(
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
