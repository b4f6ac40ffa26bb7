"""The list of runs without a screen: which commands a run takes, and what messages and events make of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, DivergedError, InputError
from cifar_tui.events import Paused, Resumed, to_json
from cifar_tui.records import Summary
from cifar_tui.runs.messages import Ended, Loading
from cifar_tui.state.run_state import RunState
from cifar_tui.store import requests
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.run_list import RunList
from cifar_tui.tui.runtime.inbox import Inbox
from tests.support.dashboard import FakeRun, FakeWorkspace, digits, workspace_of
from tests.support.recorded import batch, finished, run_record, uninterrupted


class Board:
    """A list with two ready runs, and its fake session."""

    def __init__(self, runs_dir: Path) -> None:
        self.inbox = Inbox()
        self.workspace = FakeWorkspace(runs_dir)
        self.runs = RunList(workspace_of(self.workspace), digits("cnn", "mlp"), self.inbox)

    def entry(self, number: int = 0) -> Entry:
        return list(self.runs)[number]

    def receive(self) -> None:
        for run, message in self.inbox.take():
            self.runs.receive(run, message)

    def started(self, number: int = 0) -> FakeRun:
        self.runs.start(self.entry(number))
        return self.workspace.runs[-1]

    def after(self, act: Callable[[], None], number: int = 0) -> str:
        """The status after this."""
        act()
        self.receive()
        return self.entry(number).status


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_a_run_goes_from_ready_to_its_end(board: Board) -> None:
    assert board.entry().status == "ready"
    run = board.started()
    assert run.asked == ["start"]
    assert board.entry().status == "loading"
    assert board.after(lambda: run.tell(Loading("reading digits", 1, 2))) == "loading"
    assert board.after(lambda: run.learn(2)) == "running"
    assert board.after(lambda: run.end("finished")) == "finished"
    state = board.entry().state
    assert state is not None
    assert len(state.epochs) == 2
    assert not board.runs.active


def test_a_run_is_called_by_its_start_where_others_have_its_name_and_keeps_that_name(board: Board) -> None:
    board.runs.add(TrainingConfig())
    assert [entry.full_name for entry in board.runs] == ["cnn (new)", "mlp", "cnn (new 2)"]
    run = board.started(0)
    run.begin()
    board.receive()
    assert [entry.full_name for entry in board.runs] == ["cnn 01-01 00:00", "mlp", "cnn (new)"]
    earlier = RunFolder(Path("20260314-150926-mlp")), Summary(id="20260314-150926-mlp", state="finished")
    board.runs.update_summaries([earlier])
    names = ["cnn 01-01 00:00", "mlp (new)", "cnn (new)", "mlp 03-14 15:09"]
    assert [entry.full_name for entry in board.runs] == names


def test_runs_active_at_once_keep_their_messages_apart(board: Board) -> None:
    first, second = board.started(0), board.started(1)
    first.begin()
    second.learn(1)
    first.tell(batch(1, 1))
    board.receive()
    states = [board.entry(number).state for number in (0, 1)]
    assert [state.batch if state else None for state in states] == [1, 4]
    assert len(board.runs.active) == 2


def test_a_stop_shows_at_once_and_until_the_end(board: Board) -> None:
    run = board.started()
    run.begin()
    board.receive()
    board.runs.stop(board.entry())
    assert run.asked == ["start", "stopped"]
    assert board.after(lambda: run.tell(batch(1, 1))) == "stopping"
    assert board.after(lambda: run.tell(finished("stopped"))) == "stopping", "its thread still writes the rest"
    assert board.after(run.end) == "stopped"


def test_a_pause_shows_at_once_and_ends_by_the_same_key(board: Board) -> None:
    run = board.started()
    run.begin()
    board.receive()
    board.runs.toggle_pause(board.entry())
    assert board.entry().status == "pausing"
    assert board.after(lambda: run.tell(batch(1, 1))) == "pausing"
    assert board.after(lambda: run.tell(Paused(t=1.0, epoch=1, batch=1))) == "paused"
    board.runs.toggle_pause(board.entry())
    assert board.after(lambda: run.tell(Resumed(t=2.0, epoch=1, batch=1, samples=10))) == "running"
    assert run.asked == ["start", "pause", "resume"]


def test_a_failed_run_says_why_and_can_be_resumed(board: Board) -> None:
    run = board.started()
    run.learn(1)
    assert board.after(lambda: run.end("diverged", DivergedError("the loss is nan"))) == "diverged"
    assert board.entry().error == "the loss is nan"
    assert board.entry().exit_status == 3
    board.runs.resume(board.entry())
    assert board.workspace.runs[-1].folder == run.folder
    assert board.entry().error == ""
    assert board.after(lambda: board.workspace.runs[-1].tell(Resumed(t=9.0, epoch=2, batch=0, samples=40))) == "running"


def test_a_run_that_never_started_can_be_started_again(board: Board) -> None:
    run = board.started()
    run.error = InputError("no images here")
    assert board.after(lambda: run.tell(Ended(run.error))) == "failed"
    assert board.entry().error == "no images here"
    assert board.entry().state is None
    board.started()
    assert board.entry().status == "loading"


def test_a_run_that_was_stopped_before_it_started_is_ready_again(board: Board) -> None:
    run = board.started()
    board.runs.stop(board.entry())
    assert board.after(lambda: run.tell(Ended(None))) == "ready"


@pytest.mark.parametrize(
    ("status", "act", "words"),
    [
        ("ready", "resume", "s starts it"),
        ("ready", "toggle_pause", "nothing to pause"),
        ("running", "start", "is running"),
        ("running", "resume", "nothing to resume"),
        ("finished", "start", "n creates a new run"),
        ("finished", "resume", "n creates a new run"),
        ("stopped", "start", "r resumes it"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_key_that_helps(
    board: Board, status: str, act: str, words: str
) -> None:
    if status != "ready":
        run = board.started()
        run.begin()
        if status != "running":
            run.end(status)  # type: ignore[arg-type]
        board.receive()
    with pytest.raises(CifarTuiError, match=words):
        getattr(board.runs, act)(board.entry())


def test_earlier_runs_come_after_those_of_the_session_and_only_once(board: Board, tmp_path: Path) -> None:
    board.started().begin()
    board.receive()
    own = board.entry().folder
    assert own is not None
    old = RunFolder(tmp_path / "20250101-000000-old")
    board.runs.update_summaries([(own, Summary(id=own.id)), (old, Summary(id=old.id, state="stopped", model="mlp"))])
    assert [entry.name for entry in board.runs] == ["cnn", "mlp", "old"]
    assert board.entry(2).status == "stopped"
    assert len({entry.number for entry in board.runs}) == 3, "each has a colour of its own"


def test_a_run_whose_process_died_is_interrupted_until_it_is_resumed(board: Board, tmp_path: Path) -> None:
    old = RunFolder(tmp_path / "20250101-000000-old")
    old.path.mkdir()
    summary = Summary(id=old.id, state="interrupted", message="its process died")
    (died,), _ = board.runs.update_summaries([(old, summary)])
    old.events_file.write_text("".join(f"{to_json(event)}\n" for event in uninterrupted(2)))
    died.state = old.read_state()
    assert board.after(lambda: None, 2) == "interrupted"
    board.runs.resume(died)
    again = board.workspace.runs[-1]
    assert board.after(lambda: again.tell(Resumed(t=9.0, epoch=3, batch=0, samples=80)), 2) == "running"
    assert board.after(lambda: again.end("finished"), 2) == "finished"


def test_a_new_run_takes_the_options_of_another_under_no_name(board: Board, tmp_path: Path) -> None:
    old = RunFolder(tmp_path / "20250101-000000-old")
    old.path.mkdir()
    old.write_record(run_record(TrainingConfig(model="mlp", epochs=7, name="old")))
    board.runs.update_summaries([(old, Summary(id=old.id, state="finished"))])
    assert board.runs.options(board.entry(2)) == TrainingConfig(model="mlp", epochs=7)
    old.config_file.write_text("{}")
    board.entry(2).config = None
    with pytest.raises(CifarTuiError, match="damaged"):
        board.runs.options(board.entry(2))


TAIL: Any = object()
"""Stands for what reads on in the events of a run of another process."""


def external(board: Board) -> Entry:
    """A run that another process trains, as it is shown first."""
    folder = RunFolder(board.workspace.runs_dir / "20250101-000000-other")
    summary = Summary(id=folder.id, state="running")
    (entry,), _ = board.runs.update_summaries([(folder, summary)])
    board.runs.load(entry, summary, RunState(), TAIL)
    return entry


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that were sent to other processes."""
    found: list[str] = []
    monkeypatch.setattr(requests, "send", lambda _, request: found.append(request))
    return found


def test_events_of_a_run_come_to_the_same_whoever_trains_it(board: Board, sent: list[str]) -> None:
    events = [*uninterrupted(2), Paused(t=90.0, epoch=3, batch=0), Resumed(t=95.0, epoch=3, batch=0, samples=80)]
    run, other = board.started(), external(board)
    run.learn(0)
    board.receive()
    board.runs.toggle_pause(board.entry())
    board.runs.toggle_pause(other)
    assert (board.entry().status, other.status) == ("pausing", "pausing")
    run.tell(*events)
    board.receive()
    assert board.runs.read_on(other, TAIL, events)
    assert other.state == board.entry().state
    assert (board.entry().asked, other.asked) == ("", "")
    assert (board.entry().status, other.status) == ("running", "running")
    assert (run.asked, sent) == (["start", "pause"], ["pause"])


def test_a_stop_of_another_processs_run_shows_until_it_has_finished(board: Board, sent: list[str]) -> None:
    other = external(board)
    statuses = []
    board.runs.stop(other)
    for event in (*uninterrupted(1), finished("stopped")):
        assert board.runs.read_on(other, TAIL, [event])
        statuses.append(other.status)
    assert set(statuses[:-1]) == {"stopping"}
    assert other.folder is not None
    board.runs.update_summaries([(other.folder, Summary(id=other.id, state="stopped"))])
    assert other.status == "stopped"
    assert sent == ["stop"]
    stop_requested = [other.stop_requested]
    board.runs.update_summaries([(other.folder, Summary(id=other.id, state="running"))])
    assert [*stop_requested, other.stop_requested] == [True, False], "until it is resumed"


def test_events_of_a_run_that_is_no_longer_followed_are_not_applied(board: Board) -> None:
    other = external(board)
    assert board.runs.follow([other]) == {other: TAIL}
    assert board.runs.follow([]) == {}
    assert not board.runs.read_on(other, TAIL, uninterrupted(1))
    assert other.unread


def test_the_inbox_wakes_once_for_many_messages_and_again_after_they_are_taken(board: Board) -> None:
    woken: list[int] = []
    board.inbox.open(lambda: woken.append(len(woken)))
    run = board.started()
    run.learn(2)
    assert len(woken) == 1
    assert len(board.inbox.take()) == 13
    run.tell(batch(3, 1))
    assert len(woken) == 2
    board.inbox.close()
    board.inbox.take()
    run.tell(batch(3, 2))
    assert len(woken) == 2
    assert board.inbox.queue.qsize() == 1, "kept for who reads on"


def test_each_run_has_a_number_of_its_own(board: Board, tmp_path: Path) -> None:
    own, other = (RunFolder(tmp_path / f"20260101-00000{number}-mlp") for number in (1, 2))
    board.runs.update_summaries([(each, Summary(id=each.id, state="running")) for each in (own, other)])
    board.runs.adopt(board.entry(), own)
    board.runs.add(TrainingConfig())
    numbers = [entry.number for entry in board.runs]
    assert len(numbers) == 4
    assert len(set(numbers)) == 4
