"""The test images of the run that is looked at: opened beside the screen, and one run's at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cifar_tui.formatting import printable
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.runtime.job import Job, so_far
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part

if TYPE_CHECKING:
    from cifar_tui.runs.inference import Gallery
    from cifar_tui.runs.workspace import Workspace


def why_none(entry: Entry | None) -> str:
    """Why there are no images to open, and when there will be some; empty where there are."""
    if entry is None:
        return "no run is selected"
    status, state = entry.status, entry.state
    if status == "ready":
        return "press s to start: the images come with the first epoch's weights"
    if entry.folder is None or state is None or state.started is None:
        return f"{status}: there are no images yet"
    if has_weights(entry):
        return ""
    if state.best is not None:
        return "the images come as soon as this epoch's weights are saved"
    if status in ENDED:
        return "it ended before its first epoch was whole: it has no weights to show images with"
    return f"the images come at the end of this epoch: batch {state.batch} of {state.started.batches} is done"


def has_weights(entry: Entry) -> bool:
    """Whether the best weights are to be found; of a run that has ended, some may be in any case."""
    state = entry.state
    return state is not None and state.best is not None and (state.best_saved or entry.status in ENDED)


def best_epoch(entry: Entry | None) -> int | None:
    """The epoch of the run's best weights so far, as its events tell."""
    best = entry.state.best if entry is not None and entry.state is not None else None
    return None if best is None else best.epoch


class Opened:
    """Opens a run's images on a thread. What was opened before goes when another run's are wanted."""

    def __init__(self, session: Callable[[], Workspace], changed: Callable[[], None]) -> None:
        """Have nothing open.

        Args:
            session: Gives the session that has the images; called on the thread.
            changed: Called within the event loop when there is something else to show.
        """
        self.gallery: Gallery | None = None
        self.version = 0
        """Another one each time that something else is open: what is made of a gallery is known by it, without it."""
        self.doing = ""
        """What is done to open it; empty while nothing is."""
        self.why = ""
        """Why it could not be opened."""
        self._session = session
        self._changed = changed
        self._entry: Entry | None = None
        self._tried: int | None = None
        self._job: Job[Gallery] | None = None

    @property
    def said(self) -> str:
        """Why nothing is open, or what is done to open it."""
        return why_none(self._entry) or self.why or f"{self.doing} …"

    @property
    def newer(self) -> int | None:
        """The epoch of better weights than those whose answers are open; None where there are none."""
        if self.gallery is None or self._entry is None or not has_weights(self._entry):
            return None
        best = best_epoch(self._entry)
        return None if best == self.gallery.answers.epoch else best

    def remark(self, key: str, look: Look) -> list[Part]:
        """What is said beside the answers that are open: how it stands with others, which this key asks for."""
        if self.doing:
            return [(f"{self.doing} …", look.warning)]
        if self.why:
            return [(printable(self.why), look.warning)]
        if self.newer is not None:
            return [(f"epoch {self.newer} is better: {key} shows its answers", look.warning)]
        return []

    def open(self, entry: Entry | None, *, again: bool = False) -> None:
        """Open this run's images unless they are open, or are being opened, or could not be with these weights.

        Args:
            entry: The run; those of another one are closed.
            again: Also where better weights have come since, and where it failed.
        """
        if entry is not self._entry:
            self.close()
            self._entry = entry
        if entry is None or self.doing or why_none(entry):
            return
        known, failed = self.gallery is not None, self.why and self._tried == best_epoch(entry)
        if (known or failed) and not (again and (failed or self.newer is not None)):
            return
        self._begin(entry)

    def close(self) -> None:
        """Keep nothing in memory, and end what is under way."""
        if self._job is not None:
            self._job.close()
        self.gallery, self.doing, self.why, self._tried, self._entry = None, "", "", None, None
        self.version += 1

    def _begin(self, entry: Entry) -> None:
        folder = entry.folder
        assert folder is not None
        self._tried, self.why, self.doing = best_epoch(entry), "", "opening its test images"
        self._job = Job(
            lambda progress: self._session().gallery(folder, progress), so_far, self._tell, self._end, self._fail
        )

    def _tell(self, doing: str) -> None:
        self.doing = doing
        self._changed()

    def _end(self, gallery: Gallery) -> None:
        self.gallery, self.doing = gallery, ""
        self.version += 1
        self._changed()

    def _fail(self, why: str) -> None:
        self.doing, self.why = "", why
        self._changed()
