"""The test images of the selected run, and what its best weights take them for."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from cifar_tui.text import count, printable
from cifar_tui.tui.entry import Entry
from cifar_tui.tui.lines import Panel, Part, line, width_of
from cifar_tui.tui.look import Look
from cifar_tui.tui.opened import Opened, why_none
from cifar_tui.tui.selection import Selection
from cifar_tui.tui.thumbnails import Card, Layout, page

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.inference import Gallery
    from cifar_tui.session import Session

HEADINGS = 2
"""Lines above the images."""
TOP = 3
"""Classes that are named for each."""


def picture(
    gallery: Gallery,
    numbers: NDArray[np.int64],
    first: int,
    headings: list[list[Part]],
    look: Look,
    size: tuple[int, int],
) -> list[Strip]:
    """A page of a run's test images below its headings.

    Args:
        gallery: All of them.
        numbers: Those that were chosen, in order.
        first: The place of the first one of the page.
        headings: What stands above them.
        look: How to draw.
        size: Columns and lines.
    """
    width, height = size
    head = [line(parts, width) for parts in headings]
    room = width, height - len(head)
    layout = Layout.of(*room)
    shown = [card(gallery, int(number), look) for number in numbers[first : first + layout.cards]]
    if not shown:
        return [*head, line([("there is no such test image", look.dim)], width)][:height]
    return [*head, *page(shown, layout, room, look)][:height]


def card(gallery: Gallery, number: int, look: Look) -> Card:
    """One of the test images, with the answer to it."""
    probabilities, true = gallery.answers.probabilities[number], int(gallery.answers.labels[number])
    # Of equal ones, the one that counts as the answer comes first, as it does in `Answers.predicted`.
    likeliest = (-probabilities).argsort(kind="stable")[:TOP].tolist()
    names = [look.text(printable(gallery.classes[k])) for k in likeliest]
    top = tuple(zip(names, probabilities[likeliest].tolist(), strict=True))
    return Card(gallery.images[number], look.text(printable(gallery.classes[true])), top, likeliest[0] == true)


class ImagesPanel(Panel, can_focus=True):
    """A page of test images: of a cell of the matrix, of a class, or of all, the most confident answers first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1, 0)", show=False),
        Binding("down", "step(1, 0)", show=False),
        Binding("left", "step(0, -1)", show=False),
        Binding("right", "step(0, 1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(-1)", show=False),
    ]

    def __init__(self, session: Callable[[], Session], *, id: str | None = None) -> None:  # noqa: A002
        """Show nothing yet.

        Args:
            session: Gives the session that has the images.
            id: For the stylesheet.
        """
        super().__init__(id=id)
        self.opened = Opened(session, self.draw)
        self._selection = Selection()
        self._first = 0
        self._cards = 1
        """Of the page that was drawn last."""
        self._chosen: tuple[object, NDArray[np.int64] | None] = (None, None)
        self._drawn: tuple[object, list[Strip]] = (None, [])

    def view(self, entry: Entry | None, look: Look) -> None:
        """Show this run's, in this look; another run begins with its first page."""
        if entry is not self.entry:
            self._first = 0
        self.opened.open(entry)
        super().view(entry, look)

    def choose(self, true: int, predicted: int) -> None:
        """Show those of a cell of the matrix."""
        self._select(Selection(true, predicted, "all"))

    def reload(self) -> None:
        """Take better weights where there are some; try again where it failed."""
        self.opened.open(self.entry, again=True)
        self.draw()

    def next_kind(self) -> None:
        """Wrong ones, right ones, all."""
        self._select(self._selection.next_kind())

    def on_unmount(self) -> None:
        """The dashboard ends: nothing is to be opened any more."""
        self.opened.close()

    def lines(self, width: int, height: int) -> list[Strip]:
        """A page, or why there is none; as it was where nothing changed."""
        opened = self.opened
        gallery, numbers = opened.gallery, self._numbers()
        if gallery is None or numbers is None:
            said = why_none(self.entry) or opened.why or f"{opened.doing} …"
            words = textwrap.wrap(self.look.text(printable(said)), width)[:height]
            return [line([(text, self.look.dim)], width) for text in words]
        self._cards = cards = Layout.of(width, height - HEADINGS).cards
        # The page that has what was seen first, also when the size has changed.
        first = min(self._first, max(0, len(numbers) - 1)) // cards * cards
        place = f"{count(first + 1)}–{count(min(first + cards, len(numbers)))} of {count(len(numbers))}"
        place = place if len(numbers) else "none"
        headings = self._headings(gallery, place, width, more=len(numbers) > cards)
        shown = (gallery, self._selection, first, str(headings), self.look, width, height)
        if self._drawn[0] != shown:
            self._drawn = shown, picture(gallery, numbers, first, headings, self.look, (width, height))
        return list(self._drawn[1])

    def action_step(self, true: int, predicted: int) -> None:
        """Another true class, or another predicted one."""
        if self.opened.gallery is not None:
            self._select(self._selection.stepped(true, predicted, len(self.opened.gallery.classes)))

    def action_page(self, pages: int) -> None:
        """So many pages on, or back."""
        numbers = self._numbers()
        if numbers is None or not len(numbers):
            return
        last = (len(numbers) - 1) // self._cards
        self._first = max(0, min(last, self._first // self._cards + pages)) * self._cards
        self.draw()

    def action_edge(self, place: int) -> None:
        """The first page, or the last one."""
        numbers = self._numbers()
        self.action_page(0 if numbers is None else -len(numbers) if place == 0 else len(numbers))

    def watch_has_focus(self, focused: bool) -> None:
        """The keys are named while they act."""
        super().watch_has_focus(focused)
        self.draw()

    def _select(self, selection: Selection) -> None:
        self._selection, self._first = selection, 0
        self.draw()

    def _numbers(self) -> NDArray[np.int64] | None:
        """The numbers of the images that are chosen; None while none are open."""
        gallery = self.opened.gallery
        if gallery is None:
            self._chosen, self._drawn = (None, None), (None, [])  # What was drawn would keep it in memory.
            return None
        known, selection = len(gallery.classes), self._selection
        if max(selection.true or 0, selection.predicted or 0) >= known:
            self._selection = selection = Selection()
        if self._chosen[0] != (gallery, selection):
            self._chosen = (gallery, selection), selection.of(gallery.answers)
        return self._chosen[1]

    def _headings(self, gallery: Gallery, place: str, width: int, *, more: bool) -> list[list[Part]]:
        """What is shown and which part of it; whose answers they are, and by what keys others come."""
        look, opened, selection = self.look, self.opened, self._selection
        names = [look.text(printable(name)) for name in gallery.classes]
        what: list[Part] = [(selection.words(names, width, look), look.strong), place]
        if opened.doing:
            what.append((f"{opened.doing} …", look.warning))
        elif opened.why:
            what.append((printable(opened.why), look.warning))
        elif opened.newer is not None:
            what.append((f"epoch {opened.newer} is better: 3 shows its answers", look.warning))
        focused = self.has_focus
        paging = ["PgUp PgDn"] if focused and more else []
        kinds = [] if selection.is_cell else ["v: wrong, right, all"]
        keys = "↑↓ true class, ←→ taken for" if focused else "Tab: the cursor keys"
        what += [(hint, look.dim) for hint in (*paging, *kinds)]
        weights: list[Part] = [f"test images, weights of epoch {gallery.answers.epoch}"]
        weights += [(hint, look.dim) for hint in (keys, "Esc: matrix")]
        return [_fitting(what, width, look), _fitting(weights, width, look)]


def _fitting(parts: list[Part], width: int, look: Look) -> list[Part]:
    """As many of these as fit beside each other; the first ones go before the others."""
    row: list[Part] = []
    for part in parts:
        drawn = look.text(part) if isinstance(part, str) else (look.text(part[0]), part[1])
        more: list[Part] = [(look.text(" · "), look.dim), drawn] if row else [drawn]
        if not row or width_of([*row, *more]) <= width:
            row += more
    return row
