"""Images a page at a time: the selected run's, or another album opened in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from cifar_tui.formatting import count
from cifar_tui.tui.images.album import Album, Page
from cifar_tui.tui.images.file_images import FileImages
from cifar_tui.tui.images.image_loader import ImageLoader
from cifar_tui.tui.images.run_images import RunImages
from cifar_tui.tui.images.thumbnails import Captioned, Drawing, Layout, page
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, RunPanel, View
from cifar_tui.tui.widgets.lines import Part, cut_middle, line, paragraph

if TYPE_CHECKING:
    from cifar_tui.runs.prediction import PredictedFiles
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.tui.images.pixels import Pixels

HEADINGS = 2
"""Lines above the images."""
NAME_PART = 3
"""A run's name takes one of so many columns of a heading at most."""


def picture(
    cards: Sequence[Captioned],
    empty: str,
    headings: list[list[Part]],
    look: Look,
    size: tuple[int, int],
    drawing: Drawing | None = None,
) -> list[Strip]:
    """A page of images below its headings.

    Args:
        cards: Those of the page.
        empty: The message where there are none.
        headings: The lines above them.
        look: How to draw.
        size: Columns and lines.
        drawing: As for `page`.
    """
    width, height = size
    head = [line(parts, width) for parts in headings]
    room = width, height - len(head)
    if not cards:
        return [*head, line([(empty, look.dim)], width)][:height]
    return [*head, *page(cards, Layout.of(*room), room, look, drawing)][:height]


class ImagesPanel(RunPanel, View, can_focus=True):
    """A page of an album: the selected run's images, until another album is shown, and again once it is closed."""

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
    roomy: ClassVar[bool] = True

    returns = True

    def __init__(self, workspace: Callable[[], Workspace], loader: ImageLoader, *, id: str | None = None) -> None:  # noqa: A002
        """Start without images.

        Args:
            workspace: Gives the workspace that predicts image files.
            loader: Loads the selected run's images.
            id: For the stylesheet.
        """
        super().__init__(id=id)
        self.loader = loader
        self._workspace = workspace
        self._own = RunImages(loader)
        self.album: Album = self._own
        self._first = 0
        self._cards = 1
        """Cards of the page that was drawn last."""
        self._drawn: tuple[object, list[Strip]] = (None, [])
        self._pixels: Pixels | None = None

    def show(self, context: Context) -> None:
        """Draw the selected run's images; another run starts with its first page, and its own images."""
        entry = context.selected
        if isinstance(self.album, FileImages) and self.album.entry is not entry:
            self.show_own()
        if self.album is self._own:
            if entry is not self.entry:
                self._first = 0
            self.loader.load(entry)
        super().show(context)

    def predict(
        self, entry: Entry, names: Sequence[str], done: Callable[[PredictedFiles], None], failed: Callable[[str], None]
    ) -> None:
        """Show these files with the run's predictions for them; `done` or `failed` is called with the outcome."""
        self.open_album(FileImages(self._workspace, entry, names, self.draw, done, failed))

    def open_album(self, album: Album) -> None:
        """Show the first page of this album; one that was shown in place of the run's is closed."""
        if self.album is not self._own:
            self.album.close()
        # The lines that were drawn are known by the images, and would keep them in memory.
        self.album, self._first, self._drawn = album, 0, (None, [])

    def show_own(self) -> None:
        """Show the selected run's images again from now on."""
        if self.album is not self._own:
            self.open_album(self._own)

    def select(self, true: int, predicted: int) -> None:
        """Show the images of a cell of the confusion matrix."""
        self._change(lambda: self._own.select(true, predicted))

    @property
    def back(self) -> str:
        """The view from which these images were opened."""
        return self.album.back

    def reload(self) -> None:
        """Load better weights' predictions where there are some; try again where it failed."""
        self.loader.reload(self.entry)
        self.draw()

    def step(self, delta: int) -> None:
        """Go so many pages back or on."""
        self.action_page(delta)

    @property
    def active_keys(self) -> tuple[str, ...]:
        """What chooses other images, which a run may have two kinds of."""
        chosen = self.album is self._own and self.loader.loaded is not None
        return (*(("percent:wrong/right/all", "split") if chosen else ()), "leave")

    def draw_by(self, pixels: Pixels) -> None:
        """Draw images by these pixels from now on; the terminal may have lost those that were drawn before."""
        if self._pixels is not None:
            self._pixels.close()
        self._pixels, self._drawn = pixels, (None, [])
        self.draw()

    def next_kind(self) -> None:
        """Show wrong predictions, right ones, or all."""
        if self.album is self._own:
            self._change(self._own.next_kind)

    def on_unmount(self) -> None:
        """End the loading, and release the terminal's images."""
        self.show_own()
        self._own.close()
        if self._pixels is not None:
            self._pixels.close()

    def lines(self, width: int, height: int) -> list[Strip]:
        """A page, or why there is none; the same lines where nothing changed."""
        album, total = self.album, self.album.total
        if total is None:
            return paragraph(album.status, width, self.look)[:height]
        self._cards = cards = Layout.of(width, height - HEADINGS).cards
        # The page with the image that was first before the size changed.
        first = min(self._first, max(0, total - 1)) // cards * cards
        last = min(first + cards, total)
        place = f"{count(first + 1)}–{count(last)} of {count(total)}" if total else "none"
        run = cut_middle(self.run_name, width // NAME_PART, self.look)
        on_page = Page(place, width, more=total > cards, focused=self.has_focus, run=run)
        headings = album.headings(on_page, self.look)
        shown = (album.version, first, str(headings), self.look, width, height)
        if self._drawn[0] != shown:
            drawn = [album.card(number, self.look) for number in range(first, last)]
            drawing = None
            if self._pixels is not None:
                self._pixels.turn()
                drawing = self._pixels.draw
            self._drawn = shown, picture(drawn, album.empty, headings, self.look, (width, height), drawing)
        return list(self._drawn[1])

    def action_step(self, rows: int, columns: int) -> None:
        """Choose other images, such as those of another true class, or of another predicted one."""
        self._change(lambda: self.album.step(rows, columns))

    def action_page(self, pages: int) -> None:
        """Go so many pages on, or back."""
        total = self.album.total
        if not total:
            return
        last = (total - 1) // self._cards
        self._first = max(0, min(last, self._first // self._cards + pages)) * self._cards
        self.draw()

    def action_edge(self, place: int) -> None:
        """Go to the first page, or to the last one."""
        total = self.album.total or 0
        self.action_page(-total if place == 0 else total)

    def _change(self, choose: Callable[[], None]) -> None:
        """Go to the first page of the images that are chosen, where they are other ones."""
        before = self.album.version
        choose()
        if self.album.version != before:
            self._first = 0
            self.draw()
