"""The four cells of where two runs disagree: what each is called, and which test images are in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cifar_tui.tui.compare.table import cut
from cifar_tui.tui.images.selection import SHORTEST_NAME, WORDS, next_class
from cifar_tui.tui.theme import Look

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.analysis.paired import Paired
    from cifar_tui.store.predictions import Answers

Cell = Literal["both", "only_a", "only_b", "neither"]
CELLS: tuple[Cell, ...] = ("both", "only_a", "only_b", "neither")
"""Which of two runs, a and b, is right; each has its count in `Paired` by this name."""


def called(cell: Cell, runs: Sequence[str], most: int, look: Look) -> str:
    """What a cell is called, with the name of a run in at most so many columns: `only cnn right`."""
    if cell in ("both", "neither"):
        return f"{cell} right"
    return f"only {cut(runs[cell == 'only_b'], most, look)} right"


def first_cell(two: Paired) -> Cell:
    """Where the cursor begins: on the images that one run alone gets right, where there are most of these."""
    return "only_b" if two.only_b > two.only_a else "only_a"


@dataclass(frozen=True, slots=True)
class PairSelection:
    """The images of two runs that are shown: those of a cell, and of one true class, None for any."""

    cell: Cell
    true: int | None = None

    def stepped(self, true: int, cells: int, classes: int) -> PairSelection:
        """So many classes and cells on, or back; before the first class and after the last one comes any."""
        cell = CELLS[(CELLS.index(self.cell) + cells) % len(CELLS)]
        return PairSelection(cell, next_class(self.true, true, classes))

    def of(self, a: Answers, b: Answers) -> NDArray[np.int64]:
        """The numbers of the images, those with the most confident wrong answer first.

        Where both runs are right, those of which both are surest come first.
        """
        import numpy as np

        right_a, right_b = a.predicted == a.labels, b.predicted == b.labels
        chosen = (right_a == (self.cell in ("both", "only_a"))) & (right_b == (self.cell in ("both", "only_b")))
        if self.true is not None:
            chosen &= a.labels == self.true
        if self.cell == "both":
            confidence = np.minimum(a.confidence, b.confidence)
        else:
            confidence = np.maximum(np.where(right_a, 0, a.confidence), np.where(right_b, 0, b.confidence))
        numbers: NDArray[np.int64] = chosen.nonzero()[0]
        return numbers[(-confidence[numbers]).argsort(kind="stable")]

    def words(self, runs: Sequence[str], names: Sequence[str], width: int, look: Look) -> str:
        """What they are: `only cnn right`, or of one class: `'bird', only a cnn right`; long names cut."""
        room = max(SHORTEST_NAME, (width - WORDS) // 2)
        cell = called(self.cell, runs, room, look)
        return cell if self.true is None else f"'{cut(names[self.true], room, look)}', {cell}"
