"""Where two runs' answers on the test images differ, from what the runs have recorded; nothing is computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.errors import InputError
from cifar_tui.tui.entry import Entry

if TYPE_CHECKING:
    from cifar_tui.paired import Paired

Tested = tuple[Path, int]
"""A run's folder, and the epoch whose weights were tested."""


def tested(entries: Sequence[Entry]) -> tuple[Tested, ...]:
    """Of exactly two runs that ended with a test result, where their answers may be; else nothing."""
    ended = [(e.folder.path, e.state) for e in entries if e.folder and e.state and e.state.finished]
    found = [(path, state.test.epoch) for path, state in ended if state.test]
    return tuple(found) if len(found) == len(entries) == 2 else ()


def read(runs: Sequence[Tested]) -> Paired | None:
    """How the two fared on the same images; None where that is not recorded. Not for the screen's thread."""
    import numpy as np

    from cifar_tui.paired import pair
    from cifar_tui.store import answers

    try:
        a, b = (answers.read(path / answers.FILE) for path, _ in runs)
    except InputError:
        return None
    if (a.epoch, b.epoch) != tuple(epoch for _, epoch in runs) or a.fingerprint != b.fingerprint:
        return None
    return pair(a.predicted == a.labels, b.predicted == b.labels) if np.array_equal(a.labels, b.labels) else None
