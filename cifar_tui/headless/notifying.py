"""Notifications of runs that are shown in plain lines."""

from __future__ import annotations

import contextlib
from typing import Self

from cifar_tui.events import AnyEvent
from cifar_tui.headless.endings import ShownRun
from cifar_tui.runs.notifications.notification import notification_of
from cifar_tui.runs.notifications.notifier import Notifier


class Notifying:
    """Sends notifications of runs, and waits at the end until it is sent."""

    def __init__(self, notifier: Notifier | None) -> None:
        self._notifier = notifier

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._notifier is not None:
            with contextlib.suppress(KeyboardInterrupt):  # Somebody does not want to wait.
                self._notifier.close()

    def event(self, event: AnyEvent, shown: ShownRun) -> None:
        """Send the notification of an event of this run; that it cannot be sent is a line of its display."""
        if self._notifier is None or self._notifier.is_empty:
            return
        name = shown.run.folder.id if shown.run.folder is not None else shown.run.config.run_name
        notification = notification_of(event, name)
        if notification is not None:
            self._notifier.send(notification, shown.display.notice)
