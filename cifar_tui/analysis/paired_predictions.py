"""What two runs predicted for the same test images: which of them is correct on which image, and by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cifar_tui.analysis.significance import difference_interval, mcnemar_test

if TYPE_CHECKING:
    # The dashboard names the cells before its first picture, and NumPy takes 0.1 s to import.
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.analysis.predictions import Predictions

Cell = Literal["both", "only_a", "only_b", "neither"]
"""Which of two runs, a and b, classify an image correctly."""
CELLS: tuple[Cell, ...] = ("both", "only_a", "only_b", "neither")


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """How two runs, a and b, did on the same images. All but the counts are NaN where there is no image.

    Attributes:
        both: Images that both classify correctly.
        only_a: Those that only a does.
        only_b: Those that only b does.
        neither: Those that neither does.
        accuracy_a: The share that a classifies correctly.
        accuracy_b: The share that b does.
        difference: Accuracy of a less accuracy of b.
        low: The lower end of the difference's 95 % interval.
        high: The upper end.
        p_value: Of McNemar's exact test.
    """

    images: int
    both: int
    only_a: int
    only_b: int
    neither: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def cells(self) -> dict[Cell, int]:
        """How many images are in each cell."""
        return dict(zip(CELLS, (self.both, self.only_a, self.only_b, self.neither), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class PairedPredictions:
    """The predictions of two runs, a and b, for the same test images; `pair` makes them."""

    a: Predictions
    b: Predictions

    def counts(self) -> PairedCounts:
        """How the two did on all images."""
        return count_cells(self.a.correct, self.b.correct)

    def counts_by_class(self, num_classes: int) -> tuple[PairedCounts, ...]:
        """How the two did on the images of each true class, in label order."""
        correct_a, correct_b = self.a.correct, self.b.correct
        of_class = (self.a.labels == k for k in range(num_classes))
        return tuple(count_cells(correct_a[mine], correct_b[mine]) for mine in of_class)

    def images(self, cell: Cell, true: int | None = None) -> NDArray[np.int64]:
        """The indices of a cell's images, those with the most confident mistake first.

        Where both are correct, those of which both are surest come first.

        Args:
            cell: Which of the two are correct.
            true: The true class; None for any.
        """
        import numpy as np

        a, b = self.a, self.b
        correct_a, correct_b = a.correct, b.correct
        chosen = (correct_a == (cell in ("both", "only_a"))) & (correct_b == (cell in ("both", "only_b")))
        if true is not None:
            chosen &= a.labels == true
        if cell == "both":
            confidence = np.minimum(a.confidence, b.confidence)
        else:
            confidence = np.maximum(np.where(correct_a, 0, a.confidence), np.where(correct_b, 0, b.confidence))
        indices: NDArray[np.int64] = chosen.nonzero()[0]
        return indices[(-confidence[indices]).argsort(kind="stable")]


def pair(a: Predictions, b: Predictions) -> PairedPredictions | None:
    """The predictions of two runs side by side; None where they are not for the same images."""
    return PairedPredictions(a, b) if a.are_for(b.fingerprint, b.labels, b.num_classes) else None


def count_cells(correct_a: NDArray[np.bool_], correct_b: NDArray[np.bool_]) -> PairedCounts:
    """Count the images in the four cells, and compare the accuracies.

    Args:
        correct_a: (N,); whether a classifies each image correctly.
        correct_b: (N,); whether b does.
    """
    images, both = len(correct_a), int((correct_a & correct_b).sum())
    only_a, only_b = int(correct_a.sum()) - both, int(correct_b.sum()) - both
    neither = images - both - only_a - only_b
    low, high = difference_interval(both, only_a, only_b, neither)
    return PairedCounts(
        images=images,
        both=both,
        only_a=only_a,
        only_b=only_b,
        neither=neither,
        accuracy_a=(both + only_a) / images if images else math.nan,
        accuracy_b=(both + only_b) / images if images else math.nan,
        difference=(only_a - only_b) / images if images else math.nan,
        low=low,
        high=high,
        p_value=mcnemar_test(only_a, only_b) if images else math.nan,
    )
