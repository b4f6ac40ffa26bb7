"""What two runs took the same test images for, as both have recorded it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cifar_tui.errors import InputError
from cifar_tui.store.run_folder import RunFolder

if TYPE_CHECKING:
    from cifar_tui.store.predictions import Answers


class AnsweredRun(NamedTuple):
    """A run whose test images were answered, and the epoch of the weights that did."""

    folder: RunFolder
    epoch: int


Two = tuple[AnsweredRun, AnsweredRun]
"""Two runs, a and b."""


def read_both(two: Two) -> tuple[Answers, Answers]:
    """The answers of both, image by image.

    Raises:
        InputError: One has not recorded what its tested weights took the images for, or it is damaged; or the two were
            tested on other images.
    """
    import numpy as np

    a, b = (_recorded(run) for run in two)
    same = a.fingerprint == b.fingerprint and a.probabilities.shape == b.probabilities.shape
    if not same or not np.array_equal(a.labels, b.labels):
        raise InputError(f"{two[0].folder.id} and {two[1].folder.id} were not tested on the same images")
    return a, b


def _recorded(run: AnsweredRun) -> Answers:
    from cifar_tui.store import predictions

    path = run.folder.path / predictions.FILE
    if not run.folder.files.exists(predictions.FILE):
        why = f"has no recorded answers ({predictions.FILE}): `cifar-tui compare` finds them out, for itself"
        raise InputError(f"{run.folder.id} {why}")
    found = predictions.read(path)
    if found.epoch != run.epoch:
        raise InputError(f"{run.folder.id} was tested in epoch {run.epoch}; its recorded answers are of {found.epoch}")
    return found
