"""The terminal draws attention to what happens while nobody looks, once; the rest is sent in any case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from textual import events

from cifar_tui.events import Note, Resumed
from cifar_tui.foreign_logs.foreign_run import ForeignRun
from cifar_tui.records import Summary
from cifar_tui.runs.notifications.notification import Notification
from cifar_tui.runs.notifications.notifier import Notifier
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.notifications.alerts import AWAY_SECONDS, Alerts
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.run_events import Update
from tests.support.dashboard import dashboard
from tests.support.panel_states import THREAD
from tests.support.recorded import finished

SPIKE = Note(t=3.0, level="warning", message="loss spike: 2.3", topic="loss-spike")
OVER = Note(t=9.0, level="info", message="the loss is back", topic="loss-spike")
ID = "20260101-000000-cnn"


class Sent:
    """Takes the place of a notifier, and of a terminal."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.written: list[str] = []

    def send(self, notification: Notification, failed: Any) -> None:
        self.notifications.append(notification)

    @property
    def events(self) -> list[str]:
        return [each.event for each in self.notifications]


def make_alerts(bell: str = "always") -> tuple[Alerts, Sent]:
    sent = Sent()
    return Alerts(sent.written.append, print, cast(Notifier, sent), bell), sent


def own() -> Entry:
    return Entry(0, run=THREAD, folder=RunFolder(Path(ID)))


def watched(**given: Any) -> Entry:
    return Entry(0, folder=RunFolder(Path(ID)), summary=Summary(id=ID, state="running", samples=10), **given)


def test_the_end_of_a_run_and_a_warning_ring_and_are_sent_with_their_figures() -> None:
    alerts, sent = make_alerts()
    entry = own()
    alerts.update(Update(messages=[(entry, SPIKE), (entry, OVER), (entry, finished("finished"))]))
    assert sent.events == ["loss-spike", "finished"], "that something is over is no news"
    assert sent.notifications[0].body == "loss spike: 2.3"
    assert sent.notifications[1].title == "cifar-tui: cnn finished"
    assert [each[0] for each in sent.written] == ["\a", "\a"]


def test_the_end_of_an_own_run_that_was_resumed_is_reported_though_its_thread_has_just_ended() -> None:
    alerts, sent = make_alerts()
    entry = own()
    entry.run = None  # Its last event and the end of its thread come together.
    for start in ([], [Resumed(t=5.0, epoch=1, batch=1, samples=10)]):
        messages = [(entry, event) for event in (*start, finished("finished"))]
        alerts.update(Update(changed={entry}, messages=messages))  # type: ignore[arg-type]
        ended(entry)
        alerts.update(Update(changed={entry}))
    assert sent.events == ["finished", "finished"]


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize(("message", "requested"), [("interrupted by SIGINT", False), ("stopped by request", True)])
def test_what_a_person_has_just_ended_in_another_process_is_not_reported(
    shown: bool, message: str, requested: bool
) -> None:
    alerts, sent = make_alerts()
    entry = watched(stop_requested=requested)
    alerts.update(Update(added=[entry]))
    if shown:
        alerts.update(Update(changed={entry}, messages=[(entry, replace(finished("stopped"), message=message))]))
    entry.summary = Summary(id=ID, state="stopped", message=message)
    alerts.update(Update(changed={entry}))
    assert sent.events == []


def test_a_run_that_others_have_asked_to_stop_is_reported() -> None:
    alerts, sent = make_alerts()
    entry = watched()
    alerts.update(Update(added=[entry]))
    entry.summary = Summary(id=ID, state="stopped", message="stopped by request")
    alerts.update(Update(changed={entry}))
    assert sent.events == ["stopped"]


def test_what_a_person_has_just_ended_is_not_reported_and_neither_are_ordinary_notes() -> None:
    alerts, sent = make_alerts()
    by_hand = replace(finished("stopped"), message="stopped by hand in epoch 3")
    plain = replace(SPIKE, topic="")
    alerts.update(Update(messages=[(own(), by_hand), (own(), plain)]))
    assert sent.events == []


def test_in_focus_the_terminal_is_silent_and_what_is_sent_elsewhere_is_sent() -> None:
    alerts, sent = make_alerts("auto")
    alerts.focus_changed(True)
    alerts.update(Update(messages=[(own(), SPIKE)]))
    assert (len(sent.written), sent.events) == (0, ["loss-spike"])
    alerts.focus_changed(False)
    alerts.update(Update(messages=[(own(), SPIKE)]))
    assert len(sent.written) == 1


def test_a_terminal_that_says_nothing_of_its_focus_rings_after_a_while_without_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("cifar_tui.tui.notifications.alerts.time.monotonic", lambda: now)
    alerts, _ = make_alerts("auto")
    away = [alerts.is_away]
    now += AWAY_SECONDS + 1
    away.append(alerts.is_away)
    alerts.input_received()
    assert [*away, alerts.is_away] == [False, True, False]


def test_never_is_never() -> None:
    alerts, sent = make_alerts("never")
    alerts.focus_changed(False)
    alerts.update(Update(messages=[(own(), SPIKE)]))
    assert sent.written == []


def ended(entry: Entry) -> None:
    entry.summary = Summary(id=ID, state="finished", message="trained for 5 epochs", samples=50, test_accuracy=0.9)


def test_runs_of_other_processes_are_reported_by_their_summaries_once() -> None:
    alerts, sent = make_alerts()
    entry = watched()
    alerts.update(Update(added=[entry]))
    entry.summary = Summary(id=ID, state="running", samples=20, warnings=["plateau"])
    for _ in range(2):
        alerts.update(Update(changed={entry}))
    assert sent.events == ["plateau"]
    ended(entry)
    for _ in range(2):
        alerts.update(Update(changed={entry}))
    assert sent.events == ["plateau", "finished"]
    assert "test accuracy 90.00 %" in sent.notifications[1].body


@pytest.mark.parametrize("event_first", [True, False])
def test_what_both_the_events_and_the_summary_show_is_reported_once(event_first: bool) -> None:
    alerts, sent = make_alerts()
    entry = watched()
    alerts.update(Update(added=[entry]))
    spike = Update(changed={entry}, messages=[(entry, SPIKE)])
    end = Update(changed={entry}, messages=[(entry, finished("finished"))])
    if event_first:
        alerts.update(spike)
        alerts.update(Update(changed={entry}))  # Its summary still says that it runs.
    entry.summary = Summary(id=ID, state="running", samples=20, warnings=["loss-spike"])
    alerts.update(Update(changed={entry}))
    if not event_first:
        alerts.update(spike)
    assert sent.events.count("loss-spike") == 1
    if event_first:
        alerts.update(end)
        alerts.update(Update(changed={entry}))
    ended(entry)
    alerts.update(Update(changed={entry}))
    if not event_first:
        alerts.update(end)
    assert sent.events.count("finished") == 1
    assert sent.events.count("loss-spike") == 1
    # It is resumed, and ends again.
    entry.summary = Summary(id=ID, state="running", samples=20)
    alerts.update(Update(changed={entry}))
    ended(entry)
    alerts.update(Update(changed={entry}))
    assert sent.events.count("finished") == 2


def test_a_warning_of_a_run_of_another_process_is_reported_again_after_it_was_over() -> None:
    alerts, sent = make_alerts()
    entry = watched()
    alerts.update(Update(added=[entry]))
    for _ in range(2):
        for event, warnings in ((SPIKE, ["loss-spike"]), (OVER, [])):
            alerts.update(Update(changed={entry}, messages=[(entry, event)]))
            entry.summary = Summary(id=ID, state="running", samples=20, warnings=warnings)
            alerts.update(Update(changed={entry}))
    assert sent.events == ["loss-spike", "loss-spike"]


@pytest.mark.parametrize("known", [True, False], ids=["begun before", "begun and over within one look"])
def test_a_warning_that_is_over_before_an_older_summary_arrives_is_notified_once(known: bool) -> None:
    alerts, sent = make_alerts()
    entry = watched()
    alerts.update(Update(added=[entry]))
    if known:
        alerts.update(Update(changed={entry}, messages=[(entry, SPIKE)]))
    # The watcher reads summaries before it reads events.
    entry.summary = Summary(id=ID, state="running", samples=20, warnings=["loss-spike"])
    read = [OVER] if known else [SPIKE, OVER]
    alerts.update(Update(changed={entry}, messages=[(entry, event) for event in read]))
    assert sent.events == ["loss-spike"]
    entry.summary = Summary(id=ID, state="running", samples=30, warnings=[])
    alerts.update(Update(changed={entry}))
    entry.summary = Summary(id=ID, state="running", samples=40, warnings=["loss-spike"])
    alerts.update(Update(changed={entry}))
    assert sent.events == ["loss-spike", "loss-spike"], "it has begun again"


def test_what_was_over_before_it_was_found_is_no_news() -> None:
    alerts, sent = make_alerts()
    entry = watched()
    ended(entry)
    alerts.update(Update(added=[entry]))
    log = Entry(1, log=ForeignRun("a.csv", Path("a.csv"), "csv"), summary=Summary(id="a.csv", state="running"))
    alerts.update(Update(added=[log]))
    log.summary = Summary(id="a.csv", state="running", samples=10, warnings=["overfitting"])
    alerts.update(Update(changed={log}))
    log.summary = Summary(id="a.csv", state="finished", samples=10, warnings=["overfitting"])
    alerts.update(Update(changed={log}))
    assert sent.events == [], "the log has not grown since it was found"


def test_a_process_that_this_one_has_started_sends_for_itself() -> None:
    alerts, sent = make_alerts()
    entry = watched(notifies=True)
    alerts.update(Update(added=[entry]))
    ended(entry)
    alerts.update(Update(changed={entry}))
    assert sent.events == []
    assert len(sent.written) == 1, "this terminal rings all the same"


async def test_the_dashboard_rings_when_a_run_ends_while_it_is_out_of_focus(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "mlp") as desk:
        written: list[str] = []
        desk.app._alerts._write, desk.app._alerts._bell = written.append, "auto"
        await desk.press("s")
        run = await desk.run()
        desk.app.post_message(events.AppBlur())
        run.learn(1)
        run.tell(SPIKE)
        await desk.shows("running !", "loss spike: 2.3")
        assert len(written) == 1
        desk.app.post_message(events.AppFocus())
        await desk.until(lambda: not desk.app._alerts.is_away)
        run.tell(OVER)
        run.end("finished")
        await desk.shows("finished")
        assert len(written) == 1
        assert "!" not in desk.screen().split("mlp")[0].rpartition("\n")[2], "it was over before the end"
