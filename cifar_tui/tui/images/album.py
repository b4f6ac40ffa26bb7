"""The images that the images view pages through: loaded on a thread, each with a caption, below two headings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from cifar_tui.tui.images.thumbnails import Captioned
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part


@dataclass(frozen=True, slots=True)
class Page:
    """The page that is shown, as the headings need it.

    Attributes:
        place: Which images of how many: `1–2 of 27`.
        width: Columns.
        more: Whether there are other pages.
        focused: Whether the cursor keys act on it.
    """

    place: str
    width: int
    more: bool
    focused: bool


class Album(ABC):
    """Images to page through. Only the screen's thread uses it."""

    empty = "there is no such test image"
    """The message where the images are loaded and none is to be shown."""
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
