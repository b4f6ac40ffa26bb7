"""Images a page at a time: the selected run's test images, those of a cell of two runs, or files that were named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from cifar_tui.formatting import count
from cifar_tui.tui.compare.cells import Cell
from cifar_tui.tui.compare.pair_images import PairImages
from cifar_tui.tui.images.album import Album, Page
from cifar_tui.tui.images.image_file_predictions import Predicted
from cifar_tui.tui.images.run_images import RunImages
from cifar_tui.tui.images.test_images import Opened
from cifar_tui.tui.images.thumbnails import Captioned, Drawing, Layout, page
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Panel, Part, line, paragraph

if TYPE_CHECKING:
    from cifar_tui.runs.inference import PredictedFiles
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.store.answered import Two
    from cifar_tui.tui.images.pixels import Pixels

HEADINGS = 2
"""Lines above the images."""


def picture(
    cards: Sequence[Captioned],
    none: str,
    headings: list[list[Part]],
    look: Look,
    size: tuple[int, int],
    drawing: Drawing | None = None,
) -> list[Strip]:
    """A page of images below its headings.

    Args:
        cards: Those of the page.
        none: What is said where there are none.
        headings: What stands above them.
        look: How to draw.
        size: Columns and lines.
        drawing: As for `page`.
    """
    width, height = size
    head = [line(parts, width) for parts in headings]
    room = width, height - len(head)
    if not cards:
        return [*head, line([(none, look.dim)], width)][:height]
    return [*head, *page(cards, Layout.of(*room), room, look, drawing)][:height]


class ImagesPanel(Panel, can_focus=True):
    """A page of an album: the selected run's test images, until others are opened, and again once these are closed."""

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

    def __init__(self, session: Callable[[], Workspace], opened: Opened, *, id: str | None = None) -> None:  # noqa: A002
        """Show nothing yet.

        Args:
            session: Gives the session that has the images.
            opened: Opens the selected run's.
            id: For the stylesheet.
        """
        super().__init__(id=id)
        self.opened = opened
        self.files = Predicted(session, self.draw)
        self.pair = PairImages(session, self.draw)
        self._own = RunImages(self.opened)
        self._album: Album = self._own
        self._first = 0
        self._cards = 1
        """Of the page that was drawn last."""
        self._drawn: tuple[object, list[Strip]] = (None, [])
        self._pixels: Pixels | None = None

    def view(self, entry: Entry | None, look: Look) -> None:
        """Show this run's, in this look; another run begins with its first page, and its test images."""
        if self._album is self.files and self.files.entry is not entry:
            self.show_own()
        if self._album is self._own:
            if entry is not self.entry:
                self._first = 0
            self.opened.open(entry)
        super().view(entry, look)

    def predict(
        self, entry: Entry, names: Sequence[str], done: Callable[[PredictedFiles], None], failed: Callable[[str], None]
    ) -> None:
        """Show what is on these files in place of the test images; either is called with what came of it."""
        self._put_on(self.files)
        self.files.begin(entry, names, done, failed)

    def open_pair(self, entries: Sequence[Entry], two: Two, cell: Cell) -> None:
        """Show those of two runs in a cell of where they disagree, whichever run is selected."""
        self._put_on(self.pair)
        self.pair.open(entries, two, cell)

    def show_own(self) -> None:
        """Show the selected run's test images again from now on."""
        if self._album is not self._own:
            self._put_on(self._own)

    def choose(self, true: int, predicted: int) -> None:
        """Show those of a cell of the matrix."""
        self._change(lambda: self._own.choose(true, predicted))

    @property
    def back(self) -> str:
        """The view from which these images were opened."""
        return self._album.back

    def reload(self) -> None:
        """Take better weights where there are some; try again where it failed."""
        self.opened.open(self.entry, again=True)
        self.draw()

    def draw_by(self, pixels: Pixels) -> None:
        """Draw images so from now on; what the terminal had of them before may be gone."""
        if self._pixels is not None:
            self._pixels.close()
        self._pixels, self._drawn = pixels, (None, [])
        self.draw()

    def next_kind(self) -> None:
        """Wrong ones, right ones, all."""
        self._change(self._album.next_kind)

    def on_unmount(self) -> None:
        """The dashboard ends: nothing is to be opened any more."""
        self.opened.close()
        self.files.close()
        self.pair.close()
        if self._pixels is not None:
            self._pixels.close()

    def lines(self, width: int, height: int) -> list[Strip]:
        """A page, or why there is none; as it was where nothing changed."""
        album, total = self._album, self._album.total
        if total is None:
            return paragraph(album.nothing, width, self.look)[:height]
        self._cards = cards = Layout.of(width, height - HEADINGS).cards
        # The page that has what was seen first, also when the size has changed.
        first = min(self._first, max(0, total - 1)) // cards * cards
        last = min(first + cards, total)
        place = f"{count(first + 1)}–{count(last)} of {count(total)}" if total else "none"
        headings = album.headings(Page(place, width, more=total > cards, focused=self.has_focus), self.look)
        shown = (album.shown, first, str(headings), self.look, width, height)
        if self._drawn[0] != shown:
            drawn = [album.card(number, self.look) for number in range(first, last)]
            drawing = None
            if self._pixels is not None:
                self._pixels.turn()
                drawing = self._pixels.draw
            self._drawn = shown, picture(drawn, album.none, headings, self.look, (width, height), drawing)
        return list(self._drawn[1])

    def action_step(self, rows: int, columns: int) -> None:
        """Other images, such as those of another true class, or of another predicted one."""
        self._change(lambda: self._album.step(rows, columns))

    def action_page(self, pages: int) -> None:
        """So many pages on, or back."""
        total = self._album.total
        if not total:
            return
        last = (total - 1) // self._cards
        self._first = max(0, min(last, self._first // self._cards + pages)) * self._cards
        self.draw()

    def action_edge(self, place: int) -> None:
        """The first page, or the last one."""
        total = self._album.total or 0
        self.action_page(-total if place == 0 else total)

    def watch_has_focus(self, focused: bool) -> None:
        """The keys are named while they act."""
        super().watch_has_focus(focused)
        self.draw()

    def _put_on(self, album: Album) -> None:
        """Turn to the first page of this album; those that had to be opened by hand are closed."""
        self.files.close()
        self.pair.close()
        # What was drawn is known by the images, and would keep them in memory.
        self._album, self._first, self._drawn = album, 0, (None, [])

    def _change(self, choose: Callable[[], None]) -> None:
        """Turn to the first page of what is chosen, where it is something else."""
        before = self._album.shown
        choose()
        if self._album.shown != before:
            self._first = 0
            self.draw()
