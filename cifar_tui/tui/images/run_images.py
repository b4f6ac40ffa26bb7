"""The test images of the selected run as the view of images pages through them: of a cell, of a class, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cifar_tui.formatting import printable
from cifar_tui.tui.images.album import Album, Page
from cifar_tui.tui.images.selection import Selection
from cifar_tui.tui.images.test_images import Opened
from cifar_tui.tui.images.thumbnails import Card
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, fitting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.runs.inference import Gallery

TOP = 3
"""Classes that are named for each."""


def card(gallery: Gallery, number: int, look: Look) -> Card:
    """One of the test images, with the answer to it."""
    probabilities, true = gallery.answers.probabilities[number], int(gallery.answers.labels[number])
    # Of equal ones, the one that counts as the answer comes first, as it does in `Answers.predicted`.
    likeliest = (-probabilities).argsort(kind="stable")[:TOP].tolist()
    names = [look.text(printable(gallery.classes[k])) for k in likeliest]
    top = tuple(zip(names, probabilities[likeliest].tolist(), strict=True))
    return Card(gallery.images[number], look.text(printable(gallery.classes[true])), top, likeliest[0] == true)


class RunImages(Album):
    """Those of `opened` that are chosen, the most confident answers first."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._selection = Selection()
        self._classes: tuple[str, ...] | None = None
        """Those that the selection is about; None where it was made before any were open."""
        self._chosen: tuple[object, NDArray[np.int64] | None] = (None, None)

    @property
    def total(self) -> int | None:
        """How many are chosen; None while none are open."""
        numbers = self._numbers()
        return None if numbers is None else len(numbers)

    @property
    def nothing(self) -> str:
        """Why none are open, or what is done to open them."""
        return self._opened.said

    @property
    def shown(self) -> object:
        """The images that are open, and which of them are chosen."""
        return self._opened.version, self._selection

    def card(self, place: int, look: Look) -> Card:
        """One of those that are chosen."""
        gallery, numbers = self._opened.gallery, self._numbers()
        assert gallery is not None
        assert numbers is not None
        return card(gallery, int(numbers[place]), look)

    def choose(self, true: int, predicted: int) -> None:
        """Those of a cell of the matrix."""
        self._selection, self._classes = Selection(true, predicted, "all"), None

    def step(self, rows: int, columns: int) -> None:
        """Another true class, or another predicted one."""
        if self._opened.gallery is not None:
            self._selection = self._selection.stepped(rows, columns, len(self._opened.gallery.classes))

    def next_kind(self) -> None:
        """Wrong ones, right ones, all."""
        self._selection = self._selection.next_kind()

    def headings(self, page: Page, look: Look) -> list[list[Part]]:
        """The classes that are chosen; whose answers they are."""
        opened, selection, gallery = self._opened, self._selection, self._opened.gallery
        assert gallery is not None
        names = [look.text(printable(name)) for name in gallery.classes]
        what: list[Part] = [(selection.words(names, page.width, look), look.strong), page.place]
        what += opened.remark("3", look)
        paging = ["PgUp PgDn"] if page.focused and page.more else []
        kinds = [] if selection.is_cell else ["v: wrong, right, all"]
        keys = "↑↓ true class, ←→ taken for" if page.focused else "Tab: the cursor keys"
        what += [(hint, look.dim) for hint in (*paging, *kinds)]
        weights: list[Part] = [f"test images, weights of epoch {gallery.answers.epoch}"]
        weights += [(hint, look.dim) for hint in (keys, "Esc: matrix")]
        return [fitting(what, page.width, look), fitting(weights, page.width, look)]

    def _numbers(self) -> NDArray[np.int64] | None:
        """The numbers of the images that are chosen; None while none are open."""
        gallery = self._opened.gallery
        if gallery is None:
            return None
        if self._classes is None:
            self._classes = gallery.classes
        selection = self._selection
        last = max(selection.true or 0, selection.predicted or 0)
        if self._classes != gallery.classes or last >= len(gallery.classes):
            self._selection, self._classes = Selection(), gallery.classes
            selection = self._selection
        shown = self.shown
        if self._chosen[0] != shown:
            self._chosen = shown, selection.of(gallery.answers)
        return self._chosen[1]
