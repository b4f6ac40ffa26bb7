"""A run that is in a folder, as it is to be set up here: it may have been made on another machine, at other paths."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cifar_tui.config import NAMED_DATA, TrainingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a person gives for such a run in place of what it was made with; None leaves that.

    Attributes:
        data: Where its images are: what `--data` takes, or a folder that holds CIFAR-10.
        model_dir: Where the module of its class is.
    """

    data: str | None = None
    model_dir: str | None = None
    device: str | None = None
    precision: str | None = None
    threads: int | None = None


AS_MADE = Overrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlace:
    """Where the images of a run may be: as the options of this name have it."""

    data: str
    data_dir: str | None

    @property
    def there(self) -> bool:
        """Whether there is anything, as far as that can be told without reading it."""
        return self.data in NAMED_DATA or os.path.exists(self.data)  # noqa: PTH110  (it raises for no path)

    @property
    def shown(self) -> str:
        """As a message names it."""
        return repr(self.data if self.data_dir is None else self.data_dir)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A run in a folder.

    Attributes:
        id: The run's.
        config: Its options, with what `auto` came to when it began, and what was given instead.
        given: What was given instead.
        places: Where its images may be, in the order in which to look there.
        rules: Those by which folders of images were read when it began.
        fingerprint: Of its images: only those with the same one are the run's.
        device: What it began on, as PyTorch calls it.
        device_name: What a person calls that.
        precision: What it began in.
        threads: CPU threads that it began with.
        versions: Of the packages, when it began.
        chosen_threads: Whether somebody had chosen their number.
    """

    id: str
    config: TrainingConfig
    given: Overrides
    places: tuple[ImagePlace, ...]
    rules: int
    fingerprint: str
    device: str
    device_name: str
    precision: str
    threads: int
    versions: dict[str, str]
    chosen_threads: bool
