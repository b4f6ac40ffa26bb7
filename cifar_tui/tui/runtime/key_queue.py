"""Keys act in the order in which they are pressed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message

TIMEOUT = 1.0
"""Seconds after which the next key acts, whatever has become of the one before it."""


class KeyHandled(Message, bubble=True):
    """Follows a key through each queue that it waits in: where it comes out, the key has had its effect."""


class KeyQueue:
    """Delivers a key after the one before it has acted.

    Textual delivers it at once to whatever has the focus. Where the keys before it still wait in a queue, that is not
    what they were going to move the focus to, and the key is lost, or written into a box that is closed by then.
    """

    def __init__(self, app: App[Any], deliver: Callable[[events.Key], Awaitable[None]]) -> None:
        """Keep keys until `deliver` may handle them as Textual does."""
        self._app = app
        self._deliver = deliver
        self._pressed: deque[events.Key] = deque()
        self._awaited: KeyHandled | None = None
        self._timeout: asyncio.TimerHandle | None = None

    async def put(self, key: events.Key) -> None:
        """Deliver this key when it is its turn."""
        self._pressed.append(key)
        await self._deliver_next()

    async def handled(self, message: KeyHandled) -> None:
        """A key has had its effect: it is the next one's turn."""
        if message is self._awaited:
            self._awaited = None
            if self._timeout is not None:
                self._timeout.cancel()
            await self._deliver_next()

    async def _deliver_next(self) -> None:
        app = self._app
        while self._pressed and self._awaited is None:
            key = self._pressed.popleft()
            screen = app.screen
            await self._deliver(key)
            # A dialog that it has opened takes keys once it is there.
            waits = key.is_forwarded or app.screen is not screen
            if waits and (app.focused or app.screen).post_message(handled := KeyHandled()):
                self._awaited = handled
                # If the widget that has the key is removed with all that waits for it, nothing comes out.
                self._timeout = asyncio.get_running_loop().call_later(TIMEOUT, app.post_message, handled)
