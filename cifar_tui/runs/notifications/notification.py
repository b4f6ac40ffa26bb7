"""Which events people are notified of, and in which words."""

from __future__ import annotations

from dataclasses import dataclass

from cifar_tui.events import AnyEvent, Note, RunFinished
from cifar_tui.formatting import percent, printable

LONGEST_TITLE, LONGEST_BODY = 100, 500
"""Characters: a stream of another process may hold any number."""
BY_HAND = ("stopped by hand", "stopped with the dashboard", "interrupted by SIGINT")
"""How runs end that somebody has just ended."""
BY_REQUEST = "stopped by request"
"""How runs end that another process has asked to: here, or anywhere else."""


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


def notification_of(event: AnyEvent, run: str, *, stop_requested: bool = False) -> Notification | None:
    """The notification of an event of a run of this name; None where there is to be none.

    Args:
        event: The event.
        run: The run's name.
        stop_requested: Whether who is notified has asked the run to stop.
    """
    match event:
        case RunFinished():
            accuracies = event.best_val_accuracy, event.test_accuracy
            return ended(run, event.state, event.message, *accuracies, stop_requested=stop_requested)
        case Note() if event.topic and event.level in ("warning", "error"):
            return found(run, event.topic, event.message)
        case _:
            return None


def found(run: str, topic: str, message: str = "") -> Notification:
    """That the health check of a run has found something."""
    return _made(run, topic, f"{run}: {topic}", message or "see its log (5 in the dashboard)")


def ended(
    run: str,
    state: str,
    message: str,
    best_val_accuracy: float | None,
    test_accuracy: float | None,
    *,
    stop_requested: bool = False,
) -> Notification | None:
    """That a run has ended in this state, and why; None where who is notified has just ended it.

    The accuracies are fractions; `stop_requested` as in `notification_of`.
    """
    if message.startswith(BY_HAND) or (stop_requested and message == BY_REQUEST):
        return None
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
    text = printable(text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"
