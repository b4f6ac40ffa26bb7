"""Class probabilities that a model predicts for the images of a test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A model's predictions for N test images of K classes, in the test set's order.

    Attributes:
        labels: (N,) int64; the true classes.
        probabilities: (N, K) float32; of every class, by softmax.
        epoch: The epoch of the model's weights.
        fingerprint: The dataset's, which identifies the images.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    epoch: int
    fingerprint: str

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,); the most probable class of each image, of equal ones the first."""
        predicted: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(N,); the probability of the predicted class."""
        confidence: NDArray[np.float32] = self.probabilities.max(axis=1)
        return confidence

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(N,); whether the predicted class is the true one."""
        correct: NDArray[np.bool_] = self.predicted == self.labels
        return correct

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.probabilities.shape[1])

    def are_for(self, fingerprint: str, labels: NDArray[np.int64], num_classes: int) -> bool:
        """Whether these are predictions for this test set: the one check that images are the same."""
        return (
            self.fingerprint == fingerprint
            and self.num_classes == num_classes
            and self.labels.shape == labels.shape
            and bool((self.labels == labels).all())
        )
