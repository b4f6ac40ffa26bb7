"""Whether the class of a run's model may be run: asked before what runs it, where the user has never named it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from cifar_tui.errors import CifarTuiError
from cifar_tui.tui.runs.entry import Entry

if TYPE_CHECKING:
    from cifar_tui.models.user_class import UntrustedClassError
    from cifar_tui.tui.live import LiveApp


def with_class(app: LiveApp, entry: Entry, do: Callable[[], None]) -> None:
    """Do what runs the class of a run's model; ask first where it is code that this user has never named.

    Args:
        app: Asks, and says what cannot be done.
        entry: The run.
        do: What is to be done.
    """
    unknown = None
    if entry.folder is not None and not entry.under_way:
        from cifar_tui.runs import untrusted_class

        # What cannot be found out is told by what it is needed for.
        with contextlib.suppress(CifarTuiError):
            unknown = untrusted_class.find(entry.folder)
    if unknown is None:
        do()
        return
    from cifar_tui.tui.dialogs.questions import class_question

    app.push_screen(class_question(unknown, app.look), functools.partial(_answered, app, entry, unknown, do))


def _answered(
    app: LiveApp, entry: Entry, asked: UntrustedClassError, do: Callable[[], None], answer: str | None
) -> None:
    if answer == "run":
        from cifar_tui.models.user_class import trust

        # What was asked about: the run's folder may say something else by now.
        remembered = trust.allow(asked.key)
        app.say(f"runs {asked.model} of {asked.file}{'; this is remembered' if remembered else ''}", entry)
        do()
