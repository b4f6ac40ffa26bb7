"""An app in which keys act in the order in which they are pressed."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from textual import events
from textual.message import Message

from cifar_tui.tui.textual_compat import TerminalApp

PATIENCE = 1.0
"""Seconds after which the next key acts, whatever has become of the one before it."""


class Handled(Message, bubble=True):
    """Follows a key through each queue that it waits in: where it comes out, the key has had its effect."""


class InTurnApp(TerminalApp):
    """Gives out a key after the one before it has acted.

    Textual gives it at once to whatever has the focus. Where the keys before it still wait in a queue, that is not
    what they were going to move the focus to, and the key is lost, or written into a box that is closed by then.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pressed: deque[events.Key] = deque()
        self._awaited: Handled | None = None
        self._patience: asyncio.TimerHandle | None = None

    async def on_event(self, event: events.Event) -> None:
        """Take a key in, and give it out when it is its turn; any other event at once."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._pressed.append(event)
            await self._give_out()
        else:
            await super().on_event(event)

    async def _give_out(self) -> None:
        while self._pressed and self._awaited is None:
            key = self._pressed.popleft()
            await super().on_event(key)
            if key.is_forwarded and (self.focused or self.screen).post_message(handled := Handled()):
                self._awaited = handled
                # Where what has the key goes away with all that waits for it, nothing comes out.
                self._patience = asyncio.get_running_loop().call_later(PATIENCE, self.post_message, handled)

    async def on_handled(self, message: Handled) -> None:
        """A key has had its effect: it is the next one's turn."""
        if message is self._awaited:
            self._awaited = None
            if self._patience is not None:
                self._patience.cancel()
            await self._give_out()
