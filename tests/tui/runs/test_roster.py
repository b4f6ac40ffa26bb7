"""The dashboard's runs without a screen: what can be asked of which, and what the trainers' messages make of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, DivergedError, InputError
from cifar_tui.events import Paused, Resumed, to_json
from cifar_tui.records import Summary
from cifar_tui.runs.messages import Ended, Loading
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.roster import Roster
from cifar_tui.tui.runtime.inbox import Inbox
from tests.support.dashboard import FakeRun, FakeSession, digits, session_of
from tests.support.recorded import batch, run_record, uninterrupted


class Board:
    """A roster with two ready runs, and its fake session."""

    def __init__(self, runs_dir: Path) -> None:
        self.inbox = Inbox()
        self.session = FakeSession(runs_dir)
        self.roster = Roster(session_of(self.session), digits("cnn", "mlp"), self.inbox)

    def entry(self, number: int = 0) -> Entry:
        return list(self.roster)[number]

    def receive(self) -> None:
        for run, message in self.inbox.take():
            self.roster.receive(run, message)

    def started(self, number: int = 0) -> FakeRun:
        self.roster.start(self.entry(number))
        return self.session.runs[-1]

    def after(self, act: Callable[[], None], number: int = 0) -> str:
        """The status after something was said."""
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
    assert not board.roster.under_way


def test_runs_under_way_at_once_keep_their_messages_apart(board: Board) -> None:
    first, second = board.started(0), board.started(1)
    first.begin()
    second.learn(1)
    first.tell(batch(1, 1))
    board.receive()
    states = [board.entry(number).state for number in (0, 1)]
    assert [state.batch if state else None for state in states] == [1, 4]
    assert len(board.roster.under_way) == 2


def test_a_stop_is_answered_at_once_and_shown_until_the_end(board: Board) -> None:
    run = board.started()
    run.begin()
    board.receive()
    board.roster.stop(board.entry())
    assert run.asked == ["start", "stopped"]
    assert board.after(lambda: run.tell(batch(1, 1))) == "stopping"
    assert board.after(run.end) == "stopped"


def test_a_pause_is_answered_at_once_and_taken_back_by_the_same_key(board: Board) -> None:
    run = board.started()
    run.begin()
    board.receive()
    board.roster.pause(board.entry())
    assert board.entry().status == "pausing"
    assert board.after(lambda: run.tell(batch(1, 1))) == "pausing"
    assert board.after(lambda: run.tell(Paused(t=1.0, epoch=1, batch=1))) == "paused"
    board.roster.pause(board.entry())
    assert board.after(lambda: run.tell(Resumed(t=2.0, epoch=1, batch=1, samples=10))) == "running"
    assert run.asked == ["start", "pause", "resume"]


def test_a_run_that_fails_says_why_and_goes_on_when_asked(board: Board) -> None:
    run = board.started()
    run.learn(1)
    assert board.after(lambda: run.end("diverged", DivergedError("the loss is nan"))) == "diverged"
    assert board.entry().error == "the loss is nan"
    assert board.entry().exit_status == 3
    board.roster.resume(board.entry())
    assert board.session.runs[-1].folder == run.folder
    assert board.entry().error == ""
    assert board.after(lambda: board.session.runs[-1].tell(Resumed(t=9.0, epoch=2, batch=0, samples=40))) == "running"


def test_a_run_that_never_began_can_be_started_again(board: Board) -> None:
    run = board.started()
    run.error = InputError("no images here")
    assert board.after(lambda: run.tell(Ended(run.error))) == "failed"
    assert board.entry().error == "no images here"
    assert board.entry().state is None
    board.started()
    assert board.entry().status == "loading"


def test_a_start_that_was_stopped_before_it_began_is_ready_again(board: Board) -> None:
    run = board.started()
    board.roster.stop(board.entry())
    assert board.after(lambda: run.tell(Ended(None))) == "ready"


@pytest.mark.parametrize(
    ("status", "act", "words"),
    [
        ("ready", "resume", "s starts it"),
        ("ready", "pause", "nothing to pause"),
        ("running", "start", "is running"),
        ("running", "resume", "nothing to resume"),
        ("finished", "start", "n makes a new run"),
        ("finished", "resume", "n makes a new run"),
        ("stopped", "start", "r goes on with it"),
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
        getattr(board.roster, act)(board.entry())


def test_earlier_runs_come_after_those_of_the_session_and_only_once(board: Board, tmp_path: Path) -> None:
    board.started().begin()
    board.receive()
    own = board.entry().folder
    assert own is not None
    old = RunFolder(tmp_path / "20250101-000000-old")
    board.roster.take_in([(own, Summary(id=own.id)), (old, Summary(id=old.id, state="stopped", model="mlp"))])
    assert [entry.name for entry in board.roster] == ["cnn", "mlp", "old"]
    assert board.entry(2).status == "stopped"
    assert len({entry.number for entry in board.roster}) == 3, "each has a colour of its own"


def test_a_run_whose_process_died_is_interrupted_until_it_goes_on(board: Board, tmp_path: Path) -> None:
    old = RunFolder(tmp_path / "20250101-000000-old")
    old.path.mkdir()
    summary = Summary(id=old.id, state="interrupted", message="its process died")
    (died,), _ = board.roster.take_in([(old, summary)])
    old.events_file.write_text("".join(f"{to_json(event)}\n" for event in uninterrupted(2)))
    died.state = old.read_state()
    assert board.after(lambda: None, 2) == "interrupted"
    board.roster.resume(died)
    again = board.session.runs[-1]
    assert board.after(lambda: again.tell(Resumed(t=9.0, epoch=3, batch=0, samples=80)), 2) == "running"
    assert board.after(lambda: again.end("finished"), 2) == "finished"


def test_a_new_run_takes_the_options_of_another_under_no_name(board: Board, tmp_path: Path) -> None:
    old = RunFolder(tmp_path / "20250101-000000-old")
    old.path.mkdir()
    old.write_record(run_record(TrainingConfig(model="mlp", epochs=7, name="old")))
    board.roster.take_in([(old, Summary(id=old.id, state="finished"))])
    assert board.roster.options(board.entry(2)) == TrainingConfig(model="mlp", epochs=7)
    old.config_file.write_text("{}")
    board.entry(2).config = None
    with pytest.raises(CifarTuiError, match="damaged"):
        board.roster.options(board.entry(2))


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
