"""The test images of two runs in one of the cells, with the predictions of both: loaded on a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style

from cifar_tui.analysis.paired_predictions import CELLS, Cell
from cifar_tui.formatting import percent, printable
from cifar_tui.tui.charts.drawn_runs import DrawnRun, drawn_runs
from cifar_tui.tui.compare.cells import cell_name
from cifar_tui.tui.compare.table import NAME_COLUMNS, short_names
from cifar_tui.tui.images.album import JobAlbum, Page
from cifar_tui.tui.images.selection import name_room, next_class
from cifar_tui.tui.images.thumbnails import FIGURE, Row
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime.job import so_far
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, cut, fitting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.analysis.predictions import Predictions
    from cifar_tui.runs.predicted_images import PairedImages
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.store.predictions import RunPair


@dataclass(frozen=True, slots=True)
class PairSelection:
    """The images of two runs that are shown: those of a cell, and of one true class, None for any."""

    cell: Cell
    true: int | None = None

    def stepped(self, true: int, cells: int, classes: int) -> PairSelection:
        """So many classes and cells on, or back; before the first class and after the last one comes any."""
        cell = CELLS[(CELLS.index(self.cell) + cells) % len(CELLS)]
        return PairSelection(cell, next_class(self.true, true, classes))

    def description(self, runs: Sequence[str], names: Sequence[str], width: int, look: Look) -> str:
        """The selection in words: `only cnn right`, or of one class: `'bird', only cnn right`; long names are cut."""
        room = name_room(width)
        cell = cell_name(self.cell, runs, room, look)
        return cell if self.true is None else f"'{cut(names[self.true], room, look)}', {cell}"


@dataclass(frozen=True, slots=True)
class PairCardLine:
    """One run's prediction for an image.

    Attributes:
        run: The run's letter and name.
        colour: The run's.
        name: The predicted class.
        probability: Its probability.
        right: Whether it is the true one.
    """

    run: str
    colour: Style
    name: str
    probability: float
    right: bool


@dataclass(frozen=True, slots=True, eq=False)
class PairCard:
    """An image and the predictions of two runs for it.

    Attributes:
        pixels: (3, 32, 32) uint8, RGB.
        true: The name of its class.
        predictions: Those of a and b.
    """

    pixels: NDArray[np.uint8]
    true: str
    predictions: tuple[PairCardLine, PairCardLine]

    def words(self, width: int, look: Look) -> list[Row]:
        """The true class, and below it the prediction of each run: `a cnn → plane  93.20 %`."""
        arrow = look.text(" → ")
        room = max(2, width - FIGURE - len(arrow))
        most = max(room // 2, room - max(cell_len(each.name) for each in self.predictions))
        runs = [cut(each.run, most, look) for each in self.predictions]
        column = max(map(cell_len, runs))
        label = cut("true", column, look)
        true = cut(self.true, max(1, width - column - len(arrow)), look)
        rows: list[Row] = [[(label + " " * (column + len(arrow) - cell_len(label)), look.dim), (true, look.strong)]]
        for run, each in zip(runs, self.predictions, strict=True):
            shown = cut(each.name, max(1, width - FIGURE - column - len(arrow)), look)
            figure = percent(each.probability).rjust(width - column - len(arrow) - cell_len(shown))
            verdict = look.good if each.right else look.bad
            name = (run + " " * (column - cell_len(run)), each.colour)
            rows.append([name, (arrow, look.dim), (shown, verdict), (figure, look.strong)])
        return rows


class PairImages(JobAlbum["PairedImages"]):
    """The images of one cell, and of one true class or of all."""

    back = "compare"

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        entries: Sequence[Entry],
        runs: RunPair,
        cell: Cell,
        changed: Callable[[], None],
    ) -> None:
        """Start to load the images of two runs.

        Args:
            workspace: Gives the workspace that reads the images; called on the thread.
            entries: The two runs, a and b.
            runs: The same, as they were evaluated.
            cell: The cell to show first.
            changed: Called within the event loop when there is something else to show.
        """
        self._entries = tuple(entries)
        self._selection = PairSelection(cell)
        self._selected: tuple[object, NDArray[np.int64] | None] = (None, None)
        super().__init__(
            lambda progress: workspace().paired_images(runs, progress),
            lambda what, done, total: f"{so_far(what, done, total)} …",
            "opening the test images …",
            changed,
        )

    def close(self) -> None:
        """Release the images, and end the loading."""
        super().close()
        self._selected = None, None

    @property
    def total(self) -> int | None:
        """How many images are selected; None while none are loaded."""
        return None if self._loaded is None else len(self._indices(self._loaded))

    @property
    def version(self) -> object:
        """The images that are loaded, and the selection."""
        return self._loaded, self._selection

    def card(self, place: int, look: Look) -> PairCard:
        """One of the selected images."""
        loaded = self._loaded
        assert loaded is not None
        paired, names = loaded.paired, [look.text(printable(name)) for name in loaded.classes]
        index = int(self._indices(loaded)[place])
        a, b = (
            _card_line(run, predictions, index, names, look)
            for run, predictions in zip(drawn_runs(self._entries), (paired.a, paired.b), strict=True)
        )
        return PairCard(loaded.images[index], names[int(paired.a.labels[index])], (a, b))

    def step(self, rows: int, columns: int) -> None:
        """Select another true class, or another cell."""
        if self._loaded is not None:
            self._selection = self._selection.stepped(rows, columns, len(self._loaded.classes))

    def headings(self, page: Page, look: Look) -> list[list[Part]]:
        """The cell; by which weights of the two runs the images are predicted."""
        loaded = self._loaded
        assert loaded is not None
        runs = [cut(name, NAME_COLUMNS, look) for name in short_names(drawn_runs(self._entries))]
        names = [look.text(printable(name)) for name in loaded.classes]
        what: list[Part] = [(self._selection.description(runs, names, page.width, look), look.strong), page.place]
        weights: list[Part] = [f"weights of epochs {loaded.paired.a.epoch} and {loaded.paired.b.epoch}"]
        keys = (
            ("←→ cell", "Esc: compare", "↑↓ true class") if page.focused else ("Esc: compare", "Tab: the cursor keys")
        )
        if page.more and page.focused:
            what.append(("PgUp PgDn", look.dim))
        weights += [(hint, look.dim) for hint in keys]
        return [fitting(what, page.width, look), fitting(weights, page.width, look)]

    def _indices(self, loaded: PairedImages) -> NDArray[np.int64]:
        """The indices of the selected images."""
        version, indices = self._selected
        if indices is None or version != self.version:
            indices = loaded.paired.images(self._selection.cell, self._selection.true)
            self._selected = self.version, indices
        return indices


def _card_line(run: DrawnRun, predictions: Predictions, index: int, names: Sequence[str], look: Look) -> PairCardLine:
    probabilities = predictions.probabilities[index]
    predicted = int(probabilities.argmax())
    right = predicted == int(predictions.labels[index])
    return PairCardLine(run.text, run.style(look), names[predicted], float(probabilities[predicted]), right)
