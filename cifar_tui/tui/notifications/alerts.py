"""Notifies people who look elsewhere of how runs have ended, and of what their health check has found."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifar_tui.tui.notifications import terminal
from cifar_tui.tui.runs.entry import Entry

if TYPE_CHECKING:
    from cifar_tui.runs.notifications.notification import Notification
    from cifar_tui.runs.notifications.notifier import Notifier
    from cifar_tui.tui.runs.run_events import Update

AWAY_SECONDS = 60.0
"""Without a key or the mouse, after which nobody looks at a terminal that does not say whether it is in focus."""


@dataclass(slots=True)
class _Watched:
    """A run that another process trains: what its summary has reported.

    Attributes:
        topics: Of the health check, that people were notified of and that are not over.
        reported: Those of its last summary, and what events have ended since: not news in the next one.
        samples: How far it was when it was found.
        grown: Whether it was further later.
    """

    topics: set[str]
    reported: set[str]
    samples: int | None
    grown: bool = False


class Alerts:
    """Rings and notifies by the terminal while it is not in focus, and by what `--notify` and its like say always."""

    def __init__(
        self,
        write: Callable[[str], None],
        failed: Callable[[str], None],
        notifier: Notifier | None = None,
        bell: str = "never",
    ) -> None:
        """Notify of nothing yet.

        Args:
            write: Writes a control sequence to the terminal.
            failed: Takes one line on what could not be sent, on any thread.
            notifier: Sends notifications.
            bell: When the terminal does: `auto`, `always` or `never`.
        """
        self._write, self._failed = write, failed
        self._notifier = notifier
        self._bell = bell
        self.terminal_name = ""
        """What the terminal calls itself, once it has said so."""
        self._focused: bool | None = None
        """None where it has not said."""
        self._last_input = time.monotonic()
        self._watched: dict[Entry, _Watched] = {}
        self._ended: dict[Entry, bool] = {}
        """Runs of other processes whose end was reported, and whether by their summaries too."""

    def focus_changed(self, focused: bool) -> None:
        """The terminal says whether it is in focus."""
        self._focused = focused

    def input_received(self) -> None:
        """Somebody has pressed a key, or moved the mouse."""
        self._last_input = time.monotonic()

    @property
    def is_away(self) -> bool:
        """Whether the terminal is to draw attention."""
        if self._bell != "auto":
            return self._bell == "always"
        if self._focused is None:
            return time.monotonic() - self._last_input > AWAY_SECONDS
        return not self._focused

    def update(self, update: Update) -> None:
        """Notify of what has just happened to runs, of this process and of others."""
        from cifar_tui.events import Note, Resumed, RunFinished, RunStarted
        from cifar_tui.runs.messages import Ended, Loading
        from cifar_tui.runs.notifications.notification import notification_of

        for entry, message in update.messages:
            if isinstance(message, Loading | RunStarted | Resumed):
                # It trains again, and so will end again.
                self._ended.pop(entry, None)
            if isinstance(message, Ended | Loading):
                continue
            notification = notification_of(message, entry.full_name, stop_requested=entry.stop_requested)
            if entry.run is None and isinstance(message, RunFinished):
                if entry in self._ended:
                    continue
                self._ended[entry] = False
            if entry.run is None and isinstance(message, Note) and (watched := self._watched.get(entry)):
                if message.topic in watched.topics and message.level != "info":
                    continue
                if message.level == "info":
                    watched.topics.discard(message.topic)
                    # A summary that was read before this event still has it.
                    watched.reported.add(message.topic)
                else:
                    watched.topics.add(message.topic)
            if notification is not None:
                self._notify(entry, notification)
        for entry in (*update.added, *update.changed):
            if entry.run is None and entry.summary is not None:
                self._look(entry)

    def _look(self, entry: Entry) -> None:
        """Notify of what the summary of a run of another process says for the first time."""
        from cifar_tui.runs.notifications.notification import ended, found

        summary = entry.summary
        assert summary is not None
        topics, watched = set(summary.warnings or ()), self._watched.get(entry)
        if entry.external:
            if self._ended.get(entry):
                del self._ended[entry]  # It was resumed.
            if watched is None:
                if entry.log is None or summary.samples is not None:
                    self._watched[entry] = _Watched(set(topics), topics, summary.samples)
                return
            watched.grown |= summary.samples != watched.samples
            # Its events may have reported a topic, or its end, before its summary does.
            news = topics - watched.reported - watched.topics
            for topic in sorted(news):
                self._notify(entry, found(entry.full_name, topic))
            watched.topics = (watched.topics - (watched.reported - topics)) | news
            watched.reported = topics
            return
        self._watched.pop(entry, None)
        reported = entry in self._ended
        # A log that was whole when it was found has ended before.
        if watched is not None and not reported and (entry.log is None or watched.grown):
            state, message = summary.state or "failed", summary.message or ""
            accuracies = summary.best_val_accuracy, summary.test_accuracy
            requested = entry.stop_requested
            if notification := ended(entry.full_name, state, message, *accuracies, stop_requested=requested):
                self._notify(entry, notification)
        if watched is not None or reported:
            self._ended[entry] = True

    def _notify(self, entry: Entry, notification: Notification) -> None:
        if self.is_away:
            method = terminal.method_of(os.environ, self.terminal_name)
            self._write(terminal.sequences(method, notification.title, notification.body, os.environ))
        if self._notifier is not None and not entry.notifies:
            self._notifier.send(notification, self._failed)
