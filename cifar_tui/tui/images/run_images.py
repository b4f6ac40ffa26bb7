"""Validation or test images of the selected run: those of a cell of the confusion matrix, of a class, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cifar_tui.formatting import printable
from cifar_tui.tui.images.album import Album, Page
from cifar_tui.tui.images.image_loader import ImageLoader
from cifar_tui.tui.images.selection import Selection
from cifar_tui.tui.images.thumbnails import Card
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, fitting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.runs.predicted_images import PredictedImages


def image_card(loaded: PredictedImages, index: int, look: Look) -> Card:
    """One of the images, with the prediction for it."""
    predictions = loaded.predictions
    true, classes = int(predictions.labels[index]), predictions.classes[index].tolist()
    names = [look.text(printable(loaded.classes[k])) for k in classes]
    top = tuple(zip(names, predictions.probabilities[index].tolist(), strict=True))
    return Card(loaded.pixels(index), look.text(printable(loaded.classes[true])), top, classes[0] == true)


class RunImages(Album):
    """The loaded images that are selected, those with the most confident predictions first."""

    def __init__(self, loader: ImageLoader) -> None:
        self._loader = loader
        self._selection = Selection()
        self._classes: tuple[str, ...] | None = None
        """The classes that the selection refers to; None where it was made before any images were loaded."""
        self._selected: tuple[object, NDArray[np.int64] | None] = (None, None)

    def close(self) -> None:
        """Release the images, and end the loading."""
        self._loader.close()

    @property
    def total(self) -> int | None:
        """How many images are selected; None while none are loaded."""
        indices = self._indices()
        return None if indices is None else len(indices)

    @property
    def status(self) -> str:
        """How far the loading is, or why it failed."""
        return self._loader.status

    @property
    def version(self) -> object:
        """The images that are loaded, and the selection."""
        return self._loader.version, self._selection

    def card(self, place: int, look: Look) -> Card:
        """One of the selected images."""
        loaded, indices = self._loader.loaded, self._indices()
        assert loaded is not None
        assert indices is not None
        return image_card(loaded, int(indices[place]), look)

    def select(self, true: int, predicted: int) -> None:
        """Show the images of a cell of the confusion matrix."""
        self._selection, self._classes = Selection(true, predicted, "all"), None

    def step(self, rows: int, columns: int) -> None:
        """Select another true class, or another predicted one."""
        if self._loader.loaded is not None:
            self._selection = self._selection.stepped(rows, columns, len(self._loader.loaded.classes))

    def next_kind(self) -> None:
        """Select wrong predictions, right ones, or all."""
        self._selection = self._selection.next_kind()

    @property
    def empty(self) -> str:
        """The message where the images are loaded and none is to be shown."""
        loaded = self._loader.loaded
        return f"there is no such {'test' if loaded is None else loaded.split} image"

    def headings(self, page: Page, look: Look) -> list[list[Part]]:
        """The selected classes; by which run's weights they are predicted."""
        loader, selection, loaded = self._loader, self._selection, self._loader.loaded
        assert loaded is not None
        names = [look.text(printable(name)) for name in loaded.classes]
        what: list[Part] = [(selection.description(names, page.width, look), look.strong), page.place]
        what += loader.notice("3", look)
        paging = ["PgUp PgDn"] if page.focused and page.more else []
        kinds = [] if selection.is_cell else ["v: wrong, right, all"]
        keys = "↑↓ true class, ←→ predicted" if page.focused else "Tab: the cursor keys"
        what += [(hint, look.dim) for hint in (*paging, *kinds)]
        weights: list[Part] = [*([page.run] if page.run else []), ", ".join(loader.subject)]
        weights += [(hint, look.dim) for hint in (loader.other, keys, "Esc: back")]
        return [fitting(what, page.width, look), fitting(weights, page.width, look)]

    def _indices(self) -> NDArray[np.int64] | None:
        """The indices of the selected images; None while none are loaded."""
        loaded = self._loader.loaded
        if loaded is None:
            return None
        if self._classes is None:
            self._classes = loaded.classes
        selection = self._selection
        last = max(selection.true or 0, selection.predicted or 0)
        if self._classes != loaded.classes or last >= len(loaded.classes):
            self._selection, self._classes = Selection(), loaded.classes
            selection = self._selection
        version = self.version
        if self._selected[0] != version:
            self._selected = version, selection.indices(loaded.predictions)
        return self._selected[1]
