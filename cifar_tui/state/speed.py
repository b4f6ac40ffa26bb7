"""The training speed, by which the time left is estimated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class Speed:
    """The training speed, as an average over about the last epoch, exponentially weighted.

    Attributes:
        samples: Images that were trained on, the earlier ones at less than one each.
        seconds: The time that they took, weighted likewise.
        measured: Samples and active seconds up to where the two reach.
        latest: Samples and active seconds of the last batch. Several batches are reported at once: all that came at one
            moment are measured when the next ones come.
    """

    in_order: ClassVar[bool] = True
    samples: float = 0.0
    seconds: float = 0.0
    measured: tuple[int, float] | None = None
    latest: tuple[int, float] | None = None

    def reach(self, samples: int, seconds: float, epoch_samples: int) -> None:
        """Record that training has reached `samples` after `seconds` of active time."""
        if self.latest is not None and seconds > self.latest[1]:
            self._measure(*self.latest, epoch_samples)
        self.latest = samples, seconds

    def skip(self, samples: int, seconds: float, epoch_samples: int) -> None:
        """Leave out the time from the last batch to here, in which nothing was trained."""
        if self.latest is not None:
            self._measure(*self.latest, epoch_samples)
        self.measured = self.latest = samples, seconds

    def _measure(self, samples: int, seconds: float, epoch_samples: int) -> None:
        # What comes first is a place to measure from and no more: a device takes its time to warm up.
        before, at = self.measured or (samples, seconds)
        if samples > before:
            keep = math.exp((before - samples) / epoch_samples)
            self.samples = self.samples * keep + samples - before
            self.seconds = self.seconds * keep + seconds - at
        self.measured = samples, seconds

    @property
    def per_sample(self) -> float:
        """Seconds for each image; NaN if unknown."""
        return self.seconds / self.samples if self.samples > 0 else math.nan
