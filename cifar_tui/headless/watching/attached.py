"""Runs of other processes: asking something of them, and watching one in plain lines."""

from __future__ import annotations

import json
import time

from cifar_tui.analysis.health.silence import Silence
from cifar_tui.config import HealthOptions
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.events import AnyEvent, Note, RunFinished
from cifar_tui.formatting import printable
from cifar_tui.headless.displays import Display, JsonDisplay, PlainDisplay
from cifar_tui.headless.watching.step_lines import StepLines
from cifar_tui.runs.notifications.notification import ended, notification_of
from cifar_tui.runs.notifications.notifier import Notifier
from cifar_tui.state.run_state import RunState
from cifar_tui.store import catalog
from cifar_tui.store.event_reader import Tail
from cifar_tui.store.lock import is_held
from cifar_tui.store.requests import ASKED, Request, send
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import output

ANSWER_SECONDS = 5.0
"""How long to wait for an answer, which a healthy process gives within a second."""
LOOK_SECONDS = 0.1

ANSWERS: dict[Request, str] = {
    "stop": "stops after this batch, with a checkpoint",
    "pause": "pauses after this batch, with a checkpoint",
    "resume": "resumes training",
    "checkpoint": "writes a checkpoint after this batch",
}
SCRIPTS_ANSWERS: dict[Request, str] = {
    "stop": "is asked to stop: its script does in run.batches, run.epochs, or where it looks at run.stop_requested",
    "pause": "is asked to pause: its script does in run.batches",
    "resume": "is asked to continue",
    "checkpoint": "was recorded by a script, which saves its own checkpoints",
}
"""Of a run that its script records."""


def ask(folder: RunFolder, request: Request, *, as_json: bool) -> None:
    """Send a request to the run's process, and print the answer.

    Raises:
        InputError: No process trains the run, or it may not be asked.
        CifarTuiError: It does not answer.
    """
    if request == "checkpoint" and catalog.summary_of(folder).source:
        raise InputError(f"{folder.id} {SCRIPTS_ANSWERS[request]}")
    tail = Tail(folder.files)
    tail.skip_to_end()
    send(folder.path, request)
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        for event in tail.read():
            if isinstance(event, RunFinished) or (isinstance(event, Note) and event.message == ASKED + request):
                answer = "has just ended" if isinstance(event, RunFinished) else _answer(folder, request)
                line = {"id": folder.id, "asked": request, "answer": answer}
                output.line(json.dumps(line) if as_json else printable(f"{folder.id} {answer}"))
                return
        time.sleep(LOOK_SECONDS)
    raise CifarTuiError(
        f"{folder.id} was asked to {request}, but has not answered in {ANSWER_SECONDS:g} s; it acts after its batch"
    )


def _answer(folder: RunFolder, request: Request) -> str:
    """What the run's process does now."""
    return (SCRIPTS_ANSWERS if catalog.summary_of(folder).source else ANSWERS)[request]


def watch(folder: RunFolder, *, as_json: bool, health: HealthOptions, notifier: Notifier) -> None:
    """Print what happens to a run, from its beginning to its end or to that of its process.

    Args:
        folder: The run.
        as_json: Whether to print the events.
        health: When it warns that its process does not respond.
        notifier: Sends how it ends, and what its health check finds from now on.

    Raises:
        InputError: Its events cannot be read.
    """
    plain = PlainDisplay()
    display: Display = JsonDisplay(quiet=False) if as_json else plain
    steps = StepLines()
    tail = Tail(folder.files)
    state = RunState()
    is_news = False

    def show(event: AnyEvent) -> None:
        state.apply(event)
        display.event(event, state)
        if is_news and (notification := notification_of(event, folder.id)):
            notifier.send(notification, display.notice)

    silence = Silence(health)
    while True:
        # Looked up before the stream is read: what its process wrote last is read then.
        alive = is_held(folder.path)
        found: list[AnyEvent] = []
        while events := tail.read():
            for event in events:
                show(event)
            found = events
        for note in silence.look(time.monotonic(), found, alive=alive):
            show(note)
        if not as_json:
            steps.show(state, plain)
        if not alive:
            break
        is_news = True
        time.sleep(LOOK_SECONDS)
    if state.finished is not None:
        display.result(state, folder.path)
    else:
        display.notice(f"{folder.id} is no longer training: its process died")
        if is_news and (notification := ended(folder.id, "interrupted", "its process died", None, None)):
            notifier.send(notification, display.notice)
    notifier.close()
