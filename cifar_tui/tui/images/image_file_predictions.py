"""What a run's best weights take image files for that a person has named, in their order: found out on a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.formatting import count, plural, printable
from cifar_tui.tui.images.album import Album, Page
from cifar_tui.tui.images.thumbnails import Card
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime.job import Job
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part, fitting

if TYPE_CHECKING:
    from cifar_tui.runs.inference import PredictedFiles, Prediction
    from cifar_tui.runs.workspace import Workspace

NAMED = 5
"""How many files that cannot be read are named."""


def file_card(prediction: Prediction, look: Look) -> Card:
    """One of the files, with the answer to it."""
    top = tuple((look.text(printable(name)), probability) for name, probability in prediction.top)
    right = prediction.true == prediction.top[0][0]
    name = look.text(printable(Path(prediction.picture.path).name))
    return Card(prediction.pixels, look.text(printable(prediction.true)), top, right, name)


class Predicted(Album):
    """Has a run's best weights say what is on image files, on a thread; those named before go."""

    none = "none of the files could be read"

    def __init__(self, session: Callable[[], Workspace], changed: Callable[[], None]) -> None:
        """Have none.

        Args:
            session: Gives the session that predicts; called on the thread.
            changed: Called within the event loop when there is something else to show.
        """
        self.entry: Entry | None = None
        """The run; None while no files are named."""
        self.found: PredictedFiles | None = None
        self.said = ""
        """How far it is, or why nothing came of it."""
        self._session = session
        self._changed = changed
        self._job: Job[PredictedFiles] | None = None

    def begin(
        self, entry: Entry, names: Sequence[str], done: Callable[[PredictedFiles], None], failed: Callable[[str], None]
    ) -> None:
        """Find out what is on these files.

        Args:
            entry: The run, which has a folder.
            names: Files, folders and patterns.
            done: Called within the event loop with what was found, unless the files are closed before.
            failed: Called there with why nothing was.
        """
        self.close()
        folder = entry.folder
        assert folder is not None
        self.entry, self.said = entry, "looking for image files …"

        def end(found: PredictedFiles) -> None:
            self.found, self.said = found, ""
            self._changed()
            done(found)

        def fail(why: str) -> None:
            self._say(why)
            failed(why)

        self._job = Job(
            lambda progress: self._session().predict(folder, names, progress), _so_many, self._say, end, fail
        )

    def close(self) -> None:
        """Keep nothing in memory, and end what is under way."""
        if self._job is not None:
            self._job.close()
        self.entry, self.found, self.said, self._job = None, None, "", None

    @property
    def total(self) -> int | None:
        """How many could be read; None before that is known."""
        return None if self.found is None else len(self.found.found)

    @property
    def nothing(self) -> str:
        """How far it is, or why nothing came of it."""
        return self.said

    @property
    def shown(self) -> object:
        """What was found."""
        return self.found

    def card(self, place: int, look: Look) -> Card:
        """One of the files that could be read."""
        assert self.found is not None
        return file_card(self.found.found[place], look)

    def headings(self, page: Page, look: Look) -> list[list[Part]]:
        """How many of the files are shown; by which weights."""
        found = self.found
        assert found is not None
        what: list[Part] = [("image files", look.strong), page.place]
        if found.unreadable:
            what.append((f"{count(len(found.unreadable))} could not be read", look.warning))
        if found.files > (read := len(found.found) + len(found.unreadable)):
            what.append((f"the first {count(read)} of {count(found.files)}", look.warning))
        if page.more and page.focused:
            what.append(("PgUp PgDn", look.dim))
        weights: list[Part] = [f"weights of epoch {found.epoch}"]
        weights += [(hint, look.dim) for hint in ("i: others", "3: test images", "Esc: matrix")]
        return [fitting(what, page.width, look), fitting(weights, page.width, look)]

    def _say(self, what: str) -> None:
        self.said = what
        self._changed()


def _so_many(what: str, done: int, total: int) -> str:
    return f"{what} {count(done)} of {count(total)} …" if total else f"{what} …"


def left_out(found: PredictedFiles) -> Iterator[str]:
    """What is to be said of the files that are not shown: a few that cannot be read by name, and how many."""
    bad = found.unreadable
    for each in bad[:NAMED]:
        yield f"{each.picture.path}: {each.why}"
    read = len(found.found) + len(bad)
    if len(bad) > NAMED:
        yield f"{count(len(bad))} of {plural(read, 'file')} could not be read"
    if found.files > read:
        yield f"only the first {count(read)} of {plural(found.files, 'file')} are shown"
