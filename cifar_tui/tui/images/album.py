"""What the view of images pages through: some images, what is told of each, and what is said above them."""

from __future__ import annotations

from dataclasses import dataclass

from cifar_tui.tui.images.thumbnails import Captioned
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part


@dataclass(frozen=True, slots=True)
class Page:
    """The page that is shown, as its headings have to know it.

    Attributes:
        place: Which images of how many: `1–2 of 27`.
        width: Columns.
        more: Whether there are other pages.
        focused: Whether the cursor keys act here.
    """

    place: str
    width: int
    more: bool
    focused: bool


class Album:
    """Images that are opened on a thread and paged through. Only the screen's thread touches it."""

    none = "there is no such test image"
    """What is said where all are open and none is to be shown."""
    back = "confusion"
    """The view that Escape goes to."""

    @property
    def total(self) -> int | None:
        """How many images there are; None while none are open."""
        raise NotImplementedError

    @property
    def nothing(self) -> str:
        """Why none are open, or what is done to have some."""
        raise NotImplementedError

    @property
    def shown(self) -> object:
        """What is the same only while the same images are shown."""
        raise NotImplementedError

    def card(self, place: int, look: Look) -> Captioned:
        """The image at this place, from 0 to `total` less one."""
        raise NotImplementedError

    def headings(self, page: Page, look: Look) -> list[list[Part]]:
        """Two lines: what is shown and which part of it; whose answers they are, and by what keys others come."""
        raise NotImplementedError

    def step(self, rows: int, columns: int) -> None:
        """Choose other images, as the cursor keys ask for."""

    def next_kind(self) -> None:
        """Choose other images, as `v` asks for."""
