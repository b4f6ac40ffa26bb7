"""Whether the code of a run's model may be run: asked before what runs it, where the user has never named it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from cifar_tui.errors import CifarTuiError
from cifar_tui.tui.dialogs.command_context import CommandContext
from cifar_tui.tui.runs.entry import Entry

if TYPE_CHECKING:
    from cifar_tui.models.user_class import UntrustedClassError


class ModelConsent:
    """Asks, and remembers the answer."""

    def __init__(self, context: CommandContext) -> None:
        self._app, self._log, self._look = context.app, context.log, context.look

    def ask(self, entry: Entry, do: Callable[[], None]) -> None:
        """Do what runs the code of a run's model; ask first where it is code that this user has never named."""
        unknown = None
        if entry.folder is not None and not entry.active:
            from cifar_tui.runs import untrusted_class

            # What cannot be found out is reported by what needs it.
            with contextlib.suppress(CifarTuiError):
                unknown = untrusted_class.find(entry.folder)
        if unknown is None:
            do()
            return
        from cifar_tui.tui.dialogs.questions import class_question

        answered = functools.partial(self._answered, entry, unknown, do)
        self._app.push_screen(class_question(unknown, self._look()), answered)

    def _answered(self, entry: Entry, asked: UntrustedClassError, do: Callable[[], None], answer: str | None) -> None:
        if answer == "run":
            from cifar_tui.models.user_class import trust

            # What was asked about: the run's folder may say something else by now.
            remembered = trust.allow(asked.key)
            self._log.write(f"runs {asked.model} of {asked.file}{'; this is remembered' if remembered else ''}", entry)
            do()
