"""Which events people are told of, and in which words."""

from __future__ import annotations

from dataclasses import dataclass

from cifar_tui.events import AnyEvent, Note, RunFinished
from cifar_tui.formatting import percent, printable

LONGEST_TITLE, LONGEST_BODY = 100, 500
"""Characters: a stream of another process may hold any number."""
BY_HAND = ("stopped by hand", "stopped with the dashboard", "interrupted by SIGINT")
"""How runs end that somebody has just ended."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message in plain printable text, on one line each, that begins with no dash.

    Attributes:
        run: The run's name.
        event: `finished` and the other states of a run that has ended, or a topic of the health check.
    """

    title: str
    body: str
    run: str
    event: str


def notification_of(event: AnyEvent, run: str) -> Notification | None:
    """What people are told of an event of a run of this name; None where it is nothing to be told of."""
    match event:
        case RunFinished() if not event.message.startswith(BY_HAND):
            return ended(run, event.state, event.message, event.best_val_accuracy, event.test_accuracy)
        case Note() if event.topic and event.level in ("warning", "error"):
            return found(run, event.topic, event.message)
        case _:
            return None


def found(run: str, topic: str, message: str = "") -> Notification:
    """That the health check of a run has found something."""
    return _made(run, topic, f"{run}: {topic}", message or "see its log (5 in the dashboard)")


def ended(
    run: str, state: str, message: str, best_val_accuracy: float | None, test_accuracy: float | None
) -> Notification:
    """That a run has ended in this state, and why; the accuracies are fractions."""
    parts = [] if message == "" else [message]
    if test_accuracy is not None:
        parts.append(f"test accuracy {percent(test_accuracy)}")
    if best_val_accuracy is not None:
        parts.append(f"best validation accuracy {percent(best_val_accuracy)}")
    return _made(run, state, f"{run} {state}", "; ".join(parts) or state)


def _made(run: str, event: str, title: str, body: str) -> Notification:
    # Who hands them to a program as arguments hands it no options.
    return Notification(
        title=_shortened(f"cifar-tui: {title}", LONGEST_TITLE),
        body=_shortened(body, LONGEST_BODY).lstrip("- ") or event,
        run=_shortened(run, LONGEST_TITLE),
        event=_shortened(event, LONGEST_TITLE),
    )


def _shortened(text: str, most: int) -> str:
    text = printable(text[:most])
    return text if len(text) <= most else text[: most - 1] + "…"
