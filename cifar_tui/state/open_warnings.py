"""What the health check of a run has found and is not over."""

from __future__ import annotations

from cifar_tui.config import MOMENTARY
from cifar_tui.events import AnyEvent, Note, RunFinished, RunStarted

MAX_WARNINGS, MAX_TOPIC = 20, 40
"""The most topics of the health check, and characters of one: anybody may write a stream."""


def update(warnings: dict[str, Note], event: AnyEvent) -> None:
    """Update them, by topic, the newest last, with the run's next event: a warning begins a topic, a note ends it."""
    match event:
        case RunStarted():
            warnings.clear()
        case RunFinished():
            for topic in MOMENTARY & warnings.keys():
                del warnings[topic]
        case Note() if event.topic and len(event.topic) <= MAX_TOPIC:
            warnings.pop(event.topic, None)
            if event.level in ("warning", "error") and len(warnings) < MAX_WARNINGS:
                warnings[event.topic] = event
