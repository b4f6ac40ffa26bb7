"""Where two runs' answers on the test images differ, from what the runs have recorded; nothing is computed anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cifar_tui.errors import InputError
from cifar_tui.store.answered import AnsweredRun, Two, read_both
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.runtime import background

if TYPE_CHECKING:
    from cifar_tui.analysis.paired import Paired


def tested(entries: Sequence[Entry]) -> Two | None:
    """Exactly two runs that ended with a test result, where their answers may be; else None."""
    ended = [(e.folder, e.state) for e in entries if e.folder and e.state and e.state.finished]
    found = [AnsweredRun(folder, state.test.epoch) for folder, state in ended if state.test]
    return (found[0], found[1]) if len(found) == len(entries) == 2 else None


def why_none(entries: Sequence[Entry]) -> str:
    """Why runs that have all ended have no cells; empty where they may have some, or are still to end."""
    states = [entry.state for entry in entries if entry.status in ENDED and entry.state is not None]
    if len(entries) < 2 or len(states) < len(entries):
        return ""
    if len(entries) > 2:
        return "Mark two runs alone to see where they disagree on the test images."
    names = [e.id for e, state in zip(entries, states, strict=True) if state.test is None or state.finished is None]
    return f"Where they disagree is not known: {' and '.join(names)} did not end with a test."


def read(two: Two) -> Paired:
    """How the two fared on the same images. Not for the screen's thread.

    Raises:
        InputError: That is not recorded.
    """
    from cifar_tui.analysis.paired import pair

    a, b = read_both(two)
    return pair(a.predicted == a.labels, b.predicted == b.labels)


class Disagreement:
    """Reads it on a thread for the two runs that are compared."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Know nothing.

        Args:
            changed: Called within the event loop when something is known.
        """
        self.two: Two | None = None
        """The runs whose answers are known, or are being read."""
        self.found: Paired | None = None
        self.why = ""
        """Why it is not known."""
        self._changed = changed
        self._entries: Sequence[Entry] = ()

    def of(self, entries: Sequence[Entry]) -> None:
        """Find out where these runs disagree, unless it is known: of two that have ended."""
        self._entries, two = entries, tested(entries)
        if two is None:
            self.two, self.found, self.why = None, None, why_none(entries)
        elif two != self.two:
            self.two, self.found, self.why = two, None, ""
            background.run(partial(read, two), partial(self._end, two), partial(self._fail, two))

    @property
    def expected(self) -> bool:
        """Whether it is known, or will be in a moment."""
        ended = [entry.folder is not None and entry.status in ENDED for entry in self._entries]
        to_come = any(entry.state is None for entry in self._entries) or self.two is not None
        return len(ended) == 2 and all(ended) and to_come and not self.why

    def _end(self, two: Two, found: Paired) -> None:
        if two == self.two:
            self.found = found
            self._changed()

    def _fail(self, two: Two, error: Exception) -> None:
        if two == self.two:
            self.why = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            self._changed()
