"""Which of a run's images are shown: by their true class, by their predicted class, wrong ones or right ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.analysis.predictions import TopPredictions

Kind = Literal["wrong", "right", "all"]
KINDS: tuple[Kind, ...] = ("wrong", "right", "all")
SHORTEST_NAME, WORDS = 8, 40
"""Columns of a class's name in a selection's description, at least, and of the other words."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A true class and a predicted one, None for any; where both are given, `kind` has no effect."""

    true: int | None = None
    predicted: int | None = None
    kind: Kind = "wrong"

    @property
    def is_cell(self) -> bool:
        """Whether it is a cell of the confusion matrix."""
        return self.true is not None and self.predicted is not None

    def next_kind(self) -> Selection:
        """Wrong predictions, right ones, all."""
        return replace(self, kind=KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)])

    def stepped(self, true: int, predicted: int, classes: int) -> Selection:
        """So many classes on, or back; before the first one and after the last one comes any."""
        return replace(
            self, true=next_class(self.true, true, classes), predicted=next_class(self.predicted, predicted, classes)
        )

    def indices(self, predictions: TopPredictions) -> NDArray[np.int64]:
        """The indices of the images, those with the most confident predictions first."""
        labels, predicted = predictions.labels, predictions.predicted
        chosen = labels >= 0
        if self.true is not None:
            chosen &= labels == self.true
        if self.predicted is not None:
            chosen &= predicted == self.predicted
        if self.kind != "all" and not self.is_cell:
            chosen &= (labels == predicted) == (self.kind == "right")
        indices: NDArray[np.int64] = chosen.nonzero()[0]
        return indices[(-predictions.confidence[indices]).argsort(kind="stable")]

    def description(self, names: Sequence[str], width: int, look: Look) -> str:
        """The selection in words: `'bird' predicted as 'plane'`; long names are cut."""
        room = name_room(width)
        true, predicted = ("" if k is None else f"'{cut(names[k], room, look)}'" for k in (self.true, self.predicted))
        if self.is_cell:
            return f"{true} recognised" if self.true == self.predicted else f"{true} predicted as {predicted}"
        if self.kind == "right":
            return f"{true or predicted or 'all'} recognised"
        if self.kind == "wrong":
            return (
                f"{true or 'any'} predicted as {predicted or 'another'}" if true or predicted else "wrong predictions"
            )
        return f"all {true or 'images'}{f' predicted as {predicted}' if predicted else ''}"


def name_room(width: int) -> int:
    """Columns for each of two names in a description of so many columns."""
    return max(SHORTEST_NAME, (width - WORDS) // 2)


def next_class(k: int | None, step: int, classes: int) -> int | None:
    """So many classes on, or back; before the first one and after the last one comes any."""
    place = ((-1 if k is None else k) + 1 + step) % (classes + 1) - 1
    return None if place < 0 else place
