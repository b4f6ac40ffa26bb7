"""Image files that a person has named, with the predictions of a run's best weights: computed on a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.formatting import count, plural, printable
from cifar_tui.tui.images.album import JobAlbum, Page
from cifar_tui.tui.images.thumbnails import Card
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, fitting

if TYPE_CHECKING:
    from cifar_tui.runs.prediction import PredictedFiles, Prediction
    from cifar_tui.runs.workspace import Workspace

NAMED = 5
"""Unreadable files that are named, at most."""


def file_card(prediction: Prediction, look: Look) -> Card:
    """An image file with the prediction for it."""
    top = tuple((look.text(printable(name)), probability) for name, probability in prediction.top)
    name = look.text(printable(Path(prediction.picture.path).name))
    return Card(prediction.pixels, look.text(printable(prediction.true)), top, prediction.correct, name)


class FileImages(JobAlbum["PredictedFiles"]):
    """The files that could be read, in their order."""

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        entry: Entry,
        names: Sequence[str],
        changed: Callable[[], None],
        done: Callable[[PredictedFiles], None],
        failed: Callable[[str], None],
    ) -> None:
        """Start to predict these files. The callbacks are called within the event loop, and not after `close`.

        Args:
            workspace: Gives the workspace that predicts; called on the thread.
            entry: The run, which has a folder.
            names: Files, folders and patterns.
            changed: Called when there is something else to show.
            done: Called with the predictions.
            failed: Called with why there are none.
        """
        folder = entry.folder
        assert folder is not None
        self.entry = entry
        self._done, self._failed = done, failed
        super().__init__(
            lambda progress: workspace().predict(folder, names, progress), _step, "looking for image files …", changed
        )

    @property
    def total(self) -> int | None:
        """How many files could be read; None before that is known."""
        return None if self._loaded is None else len(self._loaded.found)

    @property
    def empty(self) -> str:
        """The message where none of them could be read."""
        return "none of the files could be read"

    @property
    def version(self) -> object:
        """The predictions."""
        return self._loaded

    def card(self, place: int, look: Look) -> Card:
        """One of the files that could be read."""
        assert self._loaded is not None
        return file_card(self._loaded.found[place], look)

    def headings(self, page: Page, look: Look) -> list[list[Part]]:
        """How many of the files are shown; by which run's weights they are predicted."""
        predicted = self._loaded
        assert predicted is not None
        what: list[Part] = [("image files", look.strong), page.place]
        if predicted.unreadable:
            what.append((f"{count(len(predicted.unreadable))} could not be read", look.warning))
        if predicted.files > (read := len(predicted.found) + len(predicted.unreadable)):
            what.append((f"the first {count(read)} of {count(predicted.files)}", look.warning))
        if page.more and page.focused:
            what.append(("PgUp PgDn", look.dim))
        weights: list[Part] = [*([page.run] if page.run else []), f"weights of epoch {predicted.epoch}"]
        weights += [(hint, look.dim) for hint in ("i: others", "3: the run's images", "Esc: back")]
        return [fitting(what, page.width, look), fitting(weights, page.width, look)]

    def step(self, rows: int, columns: int) -> None:
        """There are no classes to choose by."""

    def _finish(self, loaded: PredictedFiles) -> None:
        super()._finish(loaded)
        self._done(loaded)

    def _fail(self, why: str) -> None:
        super()._fail(why)
        self._failed(why)


def _step(what: str, done: int, total: int) -> str:
    return f"{what} {count(done)} of {count(total)} …" if total else f"{what} …"


def omitted(predicted: PredictedFiles) -> Iterator[str]:
    """Messages about the files that are not shown: a few unreadable ones by name, and how many there are."""
    unreadable = predicted.unreadable
    for each in unreadable[:NAMED]:
        yield f"{each.picture.path}: {each.why}"
    read = len(predicted.found) + len(unreadable)
    if len(unreadable) > NAMED:
        yield f"{count(len(unreadable))} of {plural(read, 'file')} could not be read"
    if predicted.files > read:
        yield f"only the first {count(read)} of {plural(predicted.files, 'file')} are shown"
