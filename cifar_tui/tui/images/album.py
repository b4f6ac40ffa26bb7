"""The images that the images view pages through: loaded on a thread, each with a caption, below two headings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cifar_tui.tui.images.thumbnails import Captioned
from cifar_tui.tui.runtime.job import Job, ProgressCallback
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """The page that is shown, as the headings need it.

    Attributes:
        place: Which images of how many: `1–2 of 27`.
        width: Columns.
        more: Whether there are other pages.
        focused: Whether the cursor keys act on it.
        run: The name of the selected run; empty where it is the only one.
    """

    place: str
    width: int
    more: bool
    focused: bool
    run: str = ""


class Album(ABC):
    """Images to page through. Only the screen's thread uses it."""

    back = "confusion"
    """The view that Escape leads to."""

    @abstractmethod
    def close(self) -> None:
        """Release the images, and end the loading."""

    @property
    @abstractmethod
    def total(self) -> int | None:
        """How many images there are; None while none are loaded."""

    @property
    def empty(self) -> str:
        """The message where the images are loaded and none is to be shown."""
        return "there is no such test image"

    @property
    @abstractmethod
    def status(self) -> str:
        """How far the loading is, or why it failed."""

    @property
    @abstractmethod
    def version(self) -> object:
        """Equal as long as the same images are shown."""

    @abstractmethod
    def card(self, place: int, look: Look) -> Captioned:
        """The image at this place, from 0 to `total` less one."""

    @abstractmethod
    def headings(self, page: Page, look: Look) -> list[list[Part]]:
        """Two lines: what is shown and which part of it; whose predictions they are, and the keys for others."""

    @abstractmethod
    def step(self, rows: int, columns: int) -> None:
        """Choose other images, as the cursor keys ask for."""


class JobAlbum(Album, Generic[T]):
    """Images that are loaded once, by a job of the album's own."""

    def __init__(
        self,
        work: Callable[[ProgressCallback], T],
        wording: Callable[[str, int, int], str],
        status: str,
        changed: Callable[[], None],
    ) -> None:
        """Start to load them.

        Args:
            work: As for `Job`, as `wording`.
            wording: As there.
            status: What is done first.
            changed: Called within the event loop when there is something else to show; not after `close`.
        """
        self._changed = changed
        self._loaded: T | None = None
        self._status = status
        self._job = Job(work, wording, self._report, self._finish, self._fail)

    def close(self) -> None:
        """Release the images, and end the loading."""
        self._job.close()
        self._loaded = None

    @property
    def status(self) -> str:
        """How far the loading is, or why it failed."""
        return self._status

    def _finish(self, loaded: T) -> None:
        self._loaded = loaded
        self._report("")

    def _fail(self, why: str) -> None:
        self._report(why)

    def _report(self, status: str) -> None:
        self._status = status
        self._changed()
