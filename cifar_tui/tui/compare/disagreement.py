"""Where two runs' predictions for their test images differ, from what the runs have recorded: read on a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from cifar_tui.analysis.paired_predictions import PairedCounts
from cifar_tui.errors import error_text
from cifar_tui.formatting import printable
from cifar_tui.store.predictions import EvaluatedRun, RunPair, read_pair
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.runs.source import source
from cifar_tui.tui.runtime import background


def evaluated_pair(entries: Sequence[Entry]) -> RunPair | None:
    """Two runs that have both ended with a test result, and so may have recorded their predictions; else None."""
    ended = [(e.folder, e.state) for e in entries if e.folder and e.state and e.state.finished and not source(e)]
    found = [EvaluatedRun(folder, state.test.epoch) for folder, state in ended if state.test]
    return (found[0], found[1]) if len(found) == len(entries) == 2 else None


def why_unknown(entries: Sequence[Entry]) -> str:
    """Why runs cannot be compared by image, or not yet; empty where they can be, or where it is not known yet."""
    ended = [entry for entry in entries if entry.status in ENDED]
    if len(entries) < 2 or any(entry.state is None for entry in ended):
        return ""
    if len(entries) > 2:
        words = "Mark exactly two runs to see where they disagree on the test images."
        return words if len(ended) == len(entries) else ""
    if others := [each for each in entries if source(each)]:
        return f"No disagreement to show: of {_names(others)}, no predictions for single images are recorded."
    if untested := [each for each in ended if each.state and not (each.state.test and each.state.finished)]:
        return f"No disagreement to show: {_names(untested)} {'has' if len(untested) == 1 else 'have'} no test result."
    if waiting := [each for each in entries if each.status not in ENDED]:
        has = "has its" if len(waiting) == 1 else "have their"
        return f"Right and wrong by image: once {_names(waiting)} {has} test result."
    return ""


def _names(entries: Sequence[Entry]) -> str:
    return " and ".join(printable(entry.full_name) for entry in entries)


def read(runs: RunPair) -> PairedCounts:
    """Read how two runs did on the same images. Not for the screen's thread.

    Raises:
        InputError: It is not recorded.
    """
    return read_pair(runs).counts()


class Disagreement:
    """How the two runs that are compared did on the same images, once it is read."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Start without runs.

        Args:
            changed: Called within the event loop when the counts are known, or why they are not.
        """
        self.runs: RunPair | None = None
        """The runs whose counts are known, or are being read."""
        self.counts: PairedCounts | None = None
        self.why = ""
        """Why they are not known."""
        self._changed = changed
        self._entries: Sequence[Entry] = ()

    def update(self, entries: Sequence[Entry]) -> None:
        """Read the counts of these runs, if there are two that have ended, unless they are known already."""
        self._entries, runs = entries, evaluated_pair(entries)
        if runs is None:
            self.runs, self.counts, self.why = None, None, why_unknown(entries)
        elif runs != self.runs:
            self.runs, self.counts, self.why = runs, None, ""
            background.run(partial(read, runs), partial(self._end, runs), partial(self._fail, runs))

    @property
    def expected(self) -> bool:
        """Whether the counts are known, or will be in a moment."""
        ended = [entry.folder is not None and entry.status in ENDED for entry in self._entries]
        to_come = any(entry.state is None for entry in self._entries) or self.runs is not None
        return len(ended) == 2 and all(ended) and to_come and not self.why

    def _end(self, runs: RunPair, counts: PairedCounts) -> None:
        if runs == self.runs:
            self.counts = counts
            self._changed()

    def _fail(self, runs: RunPair, error: Exception) -> None:
        if runs == self.runs:
            self.why = error_text(error)
            self._changed()
