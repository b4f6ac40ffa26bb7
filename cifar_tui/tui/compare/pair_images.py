"""The test images of two runs in a cell of where they disagree, with what both take each for: read on a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style

from cifar_tui.formatting import percent, printable
from cifar_tui.tui.compare.cells import Cell, PairSelection
from cifar_tui.tui.compare.table import NAME_COLUMNS, Heading, cut, headings, in_words
from cifar_tui.tui.images.album import Album, Page
from cifar_tui.tui.images.thumbnails import FIGURE, Row
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime.job import Job, so_far
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, fitting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifar_tui.runs.paired_images import PairedImages
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.store.answered import Two
    from cifar_tui.store.predictions import Answers


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run takes an image for.

    Attributes:
        run: The run's letter and name.
        colour: The run's.
        name: Of the class.
        probability: That it gives it.
        right: Whether that is the true one.
    """

    run: str
    colour: Style
    name: str
    probability: float
    right: bool


@dataclass(frozen=True, slots=True, eq=False)
class PairCard:
    """An image and the answers of two runs.

    Attributes:
        pixels: (3, 32, 32) uint8, RGB.
        true: The name of its class.
        answers: Those of a and b.
    """

    pixels: NDArray[np.uint8]
    true: str
    answers: tuple[Answer, Answer]

    def words(self, width: int, look: Look) -> list[Row]:
        """What it is, and below it what each run takes it for: `a cnn → plane  93.20 %`."""
        arrow = look.text(" → ")
        room = max(2, width - FIGURE - len(arrow))
        most = max(room // 2, room - max(cell_len(answer.name) for answer in self.answers))
        runs = [cut(answer.run, most, look) for answer in self.answers]
        column = max(map(cell_len, runs))
        label = cut("true", column, look)
        true = cut(self.true, max(1, width - column - len(arrow)), look)
        rows: list[Row] = [[(label + " " * (column + len(arrow) - cell_len(label)), look.dim), (true, look.strong)]]
        for run, answer in zip(runs, self.answers, strict=True):
            shown = cut(answer.name, max(1, width - FIGURE - column - len(arrow)), look)
            figure = percent(answer.probability).rjust(width - column - len(arrow) - cell_len(shown))
            verdict = look.good if answer.right else look.bad
            name = (run + " " * (column - cell_len(run)), answer.colour)
            rows.append([name, (arrow, look.dim), (shown, verdict), (figure, look.strong)])
        return rows


class PairImages(Album):
    """Those of one cell, and of one true class or of all; those of other runs go."""

    back = "compare"

    def __init__(self, session: Callable[[], Workspace], changed: Callable[[], None]) -> None:
        """Have none.

        Args:
            session: Gives the session that has the images; called on the thread.
            changed: Called within the event loop when there is something else to show.
        """
        self.found: PairedImages | None = None
        self.said = ""
        """What is done to open them, or why they could not be."""
        self._session = session
        self._changed = changed
        self._entries: Sequence[Entry] = ()
        self._selection = PairSelection("only_a")
        self._chosen: tuple[object, NDArray[np.int64] | None] = (None, None)
        self._job: Job[PairedImages] | None = None

    def open(self, entries: Sequence[Entry], two: Two, cell: Cell) -> None:
        """Open those of a cell.

        Args:
            entries: The two runs, a and b.
            two: The same, as they were tested.
            cell: Which of them is right.
        """
        self.close()
        self._entries, self._selection, self.said = tuple(entries), PairSelection(cell), "opening the test images …"

        def end(found: PairedImages) -> None:
            self.found, self.said = found, ""
            self._changed()

        self._job = Job(
            lambda progress: self._session().paired(two, progress),
            lambda what, done, total: f"{so_far(what, done, total)} …",
            self._say,
            end,
            self._say,
        )

    def close(self) -> None:
        """Keep nothing in memory, and end what is under way."""
        if self._job is not None:
            self._job.close()
        self.found, self.said, self._job, self._entries, self._chosen = None, "", None, (), (None, None)

    @property
    def total(self) -> int | None:
        """How many are in the cell; None while none are open."""
        return None if self.found is None else len(self._numbers(self.found))

    @property
    def nothing(self) -> str:
        """What is done to open them, or why they could not be."""
        return self.said

    @property
    def shown(self) -> object:
        """The images that are open, and which of them are chosen."""
        return self.found, self._selection

    def card(self, place: int, look: Look) -> PairCard:
        """One of those in the cell."""
        found = self.found
        assert found is not None
        number, names = int(self._numbers(found)[place]), [look.text(printable(name)) for name in found.classes]
        a, b = (
            _answer(run, answers, number, names)
            for run, answers in zip(headings(self._entries, look), (found.a, found.b), strict=True)
        )
        return PairCard(found.images[number], names[int(found.a.labels[number])], (a, b))

    def step(self, rows: int, columns: int) -> None:
        """Another true class, or another cell."""
        if self.found is not None:
            self._selection = self._selection.stepped(rows, columns, len(self.found.classes))

    def headings(self, page: Page, look: Look) -> list[list[Part]]:
        """The cell, and by which weights of the two runs."""
        found = self.found
        assert found is not None
        runs = [cut(name, NAME_COLUMNS, look) for name in in_words(headings(self._entries, look))]
        names = [look.text(printable(name)) for name in found.classes]
        what: list[Part] = [(self._selection.words(runs, names, page.width, look), look.strong), page.place]
        weights: list[Part] = [f"weights of epochs {found.a.epoch} and {found.b.epoch}"]
        keys = (
            ("←→ cell", "Esc: compare", "↑↓ true class") if page.focused else ("Esc: compare", "Tab: the cursor keys")
        )
        if page.more and page.focused:
            what.append(("PgUp PgDn", look.dim))
        weights += [(hint, look.dim) for hint in keys]
        return [fitting(what, page.width, look), fitting(weights, page.width, look)]

    def _numbers(self, found: PairedImages) -> NDArray[np.int64]:
        """The numbers of the images that are chosen."""
        key, numbers = self._chosen
        if numbers is None or key != self.shown:
            numbers = self._selection.of(found.a, found.b)
            self._chosen = self.shown, numbers
        return numbers

    def _say(self, what: str) -> None:
        self.said = what
        self._changed()


def _answer(run: Heading, answers: Answers, number: int, names: Sequence[str]) -> Answer:
    probabilities = answers.probabilities[number]
    likeliest = int(probabilities.argmax())
    right = likeliest == int(answers.labels[number])
    return Answer(run.text, run.style, names[likeliest], float(probabilities[likeliest]), right)
