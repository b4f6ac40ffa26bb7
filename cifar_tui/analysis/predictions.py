"""Class probabilities that a model predicts for images: of all classes, or of the few most probable ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


TOP = 3
"""Classes that are kept of an image, and named beside it: the most probable ones."""


@dataclass(frozen=True, slots=True, eq=False)
class TopPredictions:
    """A model's most probable classes for N images of K classes: all that is shown of them.

    Attributes:
        labels: (N,) int64; the true classes.
        classes: (N, k) int64; the k most probable classes, the predicted one first.
        probabilities: (N, k) float32; theirs, by softmax over all classes.
        num_classes: K.
        epoch: The epoch of the model's weights.
        fingerprint: The dataset's, which identifies the images.
    """

    labels: NDArray[np.int64]
    classes: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    num_classes: int
    epoch: int
    fingerprint: str

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,); the most probable class of each image."""
        return self.classes[:, 0]

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(N,); the probability of the predicted class."""
        return self.probabilities[:, 0]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(N,); whether the predicted class is the true one."""
        correct: NDArray[np.bool_] = self.predicted == self.labels
        return correct

    def are_for(self, fingerprint: str, labels: NDArray[np.int64], num_classes: int) -> bool:
        """Whether these are predictions for these images."""
        return _same_images(self, fingerprint, labels, num_classes)


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
        """Whether these are predictions for this test set."""
        return _same_images(self, fingerprint, labels, num_classes)

    def top(self) -> TopPredictions:
        """The `TOP` most probable classes of each image; of equal ones, the first comes first."""
        import numpy as np

        left, rows = self.probabilities.copy(), np.arange(len(self.labels))
        classes: list[NDArray[np.int64]] = []
        # A few passes take less than sorting thousands of classes.
        for _ in range(min(TOP, self.num_classes)):
            classes.append(left.argmax(axis=1))
            left[rows, classes[-1]] = -1
        found = np.stack(classes, axis=1)
        probabilities = np.take_along_axis(self.probabilities, found, axis=1)
        return TopPredictions(self.labels, found, probabilities, self.num_classes, self.epoch, self.fingerprint)


def _same_images(
    made: Predictions | TopPredictions, fingerprint: str, labels: NDArray[np.int64], num_classes: int
) -> bool:
    """The one check that images are the same."""
    return (
        made.fingerprint == fingerprint
        and made.num_classes == num_classes
        and made.labels.shape == labels.shape
        and bool((made.labels == labels).all())
    )
