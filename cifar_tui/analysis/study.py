"""The reference study: the figures of its own CNN and MLP, trained by its protocol on CIFAR-10."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CLASS_IMAGES = 1000
"""Test images of each class."""
SHORT = {"airplane": "plane", "automobile": "car"}
"""The study's names of classes, by CIFAR-10's own, which most folders of its images use."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The figures that the study reports of a model.

    Attributes:
        model: The model's name, as the models here are named.
        first_val_accuracy: Validation accuracy after the first epoch.
        right: Of the classes that it names, how many of the 1,000 test images were classified correctly.
        confused: Pairs that it names: the true class, the predicted one, and how many images.
    """

    model: str
    test_accuracy: float
    first_val_accuracy: float
    right: Mapping[str, int]
    confused: tuple[tuple[str, str, int], ...] = field(default=())

    def recall(self, name: str) -> float | None:
        """The share of a class's test images that was classified correctly; None where the study does not name it."""
        right = self.right.get(SHORT.get(name, name))
        return None if right is None else right / CLASS_IMAGES

    def is_of(self, classes: Iterable[str]) -> bool:
        """Whether the classes that it names are all among these."""
        return self.right.keys() <= {SHORT.get(name, name) for name in classes}


STUDY = (
    Reference(
        model="cnn",
        test_accuracy=0.9195,
        first_val_accuracy=0.4876,
        right={"plane": 912, "car": 966, "frog": 960, "ship": 963, "truck": 955},
        confused=(("bird", "plane", 27),),
    ),
    Reference(
        model="mlp",
        test_accuracy=0.5654,
        first_val_accuracy=0.3470,
        right={"plane": 470, "car": 713, "bird": 467, "cat": 467, "dog": 595},
    ),
)
