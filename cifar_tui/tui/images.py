"""Images, and what the best weights of the selected run take them for: its test images, or files that were named."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from cifar_tui.text import count, printable
from cifar_tui.tui.entry import Entry
from cifar_tui.tui.lines import Panel, Part, line, width_of
from cifar_tui.tui.look import Look
from cifar_tui.tui.opened import Opened, why_none
from cifar_tui.tui.predicted import Predicted
from cifar_tui.tui.selection import Selection
from cifar_tui.tui.thumbnails import Card, Layout, page

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.inference import Gallery, PredictedFiles, Prediction
    from cifar_tui.session import Session

HEADINGS = 2
"""Lines above the images."""
TOP = 3
"""Classes that are named for each."""


def picture(
    cards: Sequence[Card], none: str, headings: list[list[Part]], look: Look, size: tuple[int, int]
) -> list[Strip]:
    """A page of images below its headings.

    Args:
        cards: Those of the page.
        none: What is said where there are none.
        headings: What stands above them.
        look: How to draw.
        size: Columns and lines.
    """
    width, height = size
    head = [line(parts, width) for parts in headings]
    room = width, height - len(head)
    if not cards:
        return [*head, line([(none, look.dim)], width)][:height]
    return [*head, *page(cards, Layout.of(*room), room, look)][:height]


def card(gallery: Gallery, number: int, look: Look) -> Card:
    """One of the test images, with the answer to it."""
    probabilities, true = gallery.answers.probabilities[number], int(gallery.answers.labels[number])
    # Of equal ones, the one that counts as the answer comes first, as it does in `Answers.predicted`.
    likeliest = (-probabilities).argsort(kind="stable")[:TOP].tolist()
    names = [look.text(printable(gallery.classes[k])) for k in likeliest]
    top = tuple(zip(names, probabilities[likeliest].tolist(), strict=True))
    return Card(gallery.images[number], look.text(printable(gallery.classes[true])), top, likeliest[0] == true)


def file_card(prediction: Prediction, look: Look) -> Card:
    """One of the files, with the answer to it."""
    top = tuple((look.text(printable(name)), probability) for name, probability in prediction.top)
    right = prediction.true == prediction.top[0][0]
    name = look.text(printable(Path(prediction.picture.path).name))
    return Card(prediction.pixels, look.text(printable(prediction.true)), top, right, name)


class ImagesPanel(Panel, can_focus=True):
    """A page of test images: of a cell of the matrix, of a class, or of all, the most confident answers first.

    Or one of image files that were named, in their order, until they are closed.
    """

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
        self.files = Predicted(session, self.draw)
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
        if self.files.entry is not None and entry is not self.files.entry:
            self.close_files()
        if self.files.entry is None:
            self.opened.open(entry)
        super().view(entry, look)

    def predict(
        self, entry: Entry, names: Sequence[str], done: Callable[[PredictedFiles], None], failed: Callable[[str], None]
    ) -> None:
        """Show what is on these files in place of the test images; either is called with what came of it."""
        self._first = 0
        self.files.begin(entry, names, done, failed)

    def close_files(self) -> None:
        """Show the test images again from now on."""
        if self.files.entry is not None:
            self._first = 0
            self.files.close()

    def choose(self, true: int, predicted: int) -> None:
        """Show those of a cell of the matrix."""
        self._select(Selection(true, predicted, "all"))

    def reload(self) -> None:
        """Take better weights where there are some; try again where it failed."""
        self.opened.open(self.entry, again=True)
        self.draw()

    def next_kind(self) -> None:
        """Wrong ones, right ones, all."""
        if self.files.entry is None:
            self._select(self._selection.next_kind())

    def on_unmount(self) -> None:
        """The dashboard ends: nothing is to be opened any more."""
        self.opened.close()
        self.files.close()

    def lines(self, width: int, height: int) -> list[Strip]:
        """A page, or why there is none; as it was where nothing changed."""
        total = self._total()
        if total is None:
            words = textwrap.wrap(self.look.text(printable(self._nothing())), width)[:height]
            return [line([(text, self.look.dim)], width) for text in words]
        self._cards = cards = Layout.of(width, height - HEADINGS).cards
        # The page that has what was seen first, also when the size has changed.
        first = min(self._first, max(0, total - 1)) // cards * cards
        last = min(first + cards, total)
        place = f"{count(first + 1)}–{count(last)} of {count(total)}" if total else "none"
        headings = self._headings(place, width, more=total > cards)
        images = self.files.found or self.opened.gallery
        shown = (images, self._selection, first, str(headings), self.look, width, height)
        if self._drawn[0] != shown:
            none = "there is no such test image" if self.files.found is None else "none of the files could be read"
            drawn = [self._card(place) for place in range(first, last)]
            self._drawn = shown, picture(drawn, none, headings, self.look, (width, height))
        return list(self._drawn[1])

    def action_step(self, true: int, predicted: int) -> None:
        """Another true class, or another predicted one."""
        if self.files.entry is None and self.opened.gallery is not None:
            self._select(self._selection.stepped(true, predicted, len(self.opened.gallery.classes)))

    def action_page(self, pages: int) -> None:
        """So many pages on, or back."""
        total = self._total()
        if not total:
            return
        last = (total - 1) // self._cards
        self._first = max(0, min(last, self._first // self._cards + pages)) * self._cards
        self.draw()

    def action_edge(self, place: int) -> None:
        """The first page, or the last one."""
        total = self._total() or 0
        self.action_page(-total if place == 0 else total)

    def watch_has_focus(self, focused: bool) -> None:
        """The keys are named while they act."""
        super().watch_has_focus(focused)
        self.draw()

    def _select(self, selection: Selection) -> None:
        self._selection, self._first = selection, 0
        self.draw()

    def _total(self) -> int | None:
        """How many images there are to page through; None while none are open."""
        if self.files.entry is None:
            numbers = self._numbers()
            return None if numbers is None else len(numbers)
        if self.files.found is None:
            self._drawn = (None, [])  # What was drawn would keep it in memory.
            return None
        return len(self.files.found.found)

    def _nothing(self) -> str:
        """Why there are no images, or what is done to have some."""
        opened = self.opened
        if self.files.entry is not None:
            return self.files.said
        return why_none(self.entry) or opened.why or f"{opened.doing} …"

    def _card(self, place: int) -> Card:
        if self.files.found is not None:
            return file_card(self.files.found.found[place], self.look)
        gallery, numbers = self.opened.gallery, self._numbers()
        assert gallery is not None
        assert numbers is not None
        return card(gallery, int(numbers[place]), self.look)

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

    def _headings(self, place: str, width: int, *, more: bool) -> list[list[Part]]:
        """What is shown and which part of it; whose answers they are, and by what keys others come."""
        if self.files.found is not None:
            return self._headings_of_files(self.files.found, place, width, more=more)
        assert self.opened.gallery is not None
        return self._headings_of_test(self.opened.gallery, place, width, more=more)

    def _headings_of_files(self, found: PredictedFiles, place: str, width: int, *, more: bool) -> list[list[Part]]:
        look = self.look
        what: list[Part] = [("image files", look.strong), place]
        if found.unreadable:
            what.append((f"{count(len(found.unreadable))} could not be read", look.warning))
        if found.files > (read := len(found.found) + len(found.unreadable)):
            what.append((f"the first {count(read)} of {count(found.files)}", look.warning))
        if more and self.has_focus:
            what.append(("PgUp PgDn", look.dim))
        weights: list[Part] = [f"weights of epoch {found.epoch}"]
        weights += [(hint, look.dim) for hint in ("i: others", "3: test images", "Esc: matrix")]
        return [_fitting(what, width, look), _fitting(weights, width, look)]

    def _headings_of_test(self, gallery: Gallery, place: str, width: int, *, more: bool) -> list[list[Part]]:
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
