"""Loads the selected run's images, and its predictions for them, on a thread: one run's at a time.

Of a run under way, these are its validation images, as recorded with its best weights: nothing is computed. Test images
come once it is tested, or where a person asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cifar_tui.formatting import out_of, printable
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.runs.source import recorded_by, source
from cifar_tui.tui.runtime.job import Job, so_far
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part

if TYPE_CHECKING:
    from cifar_tui.events import SplitName
    from cifar_tui.runs.predicted_images import PredictedImages
    from cifar_tui.runs.workspace import Workspace

OTHER = "u"
"""The key for the other images, as the screen names it."""


def why_no_images(entry: Entry | None) -> str:
    """Why there are no images to load, and when there will be some; empty where there are."""
    if entry is None:
        return "no run is selected"
    status, state = entry.status, entry.state
    if source(entry):
        return (
            f"there are no images here: the run is recorded by {recorded_by(entry)}, which keeps its data and weights"
        )
    if status == "ready":
        return "press s to start: the images come with the first epoch's weights"
    if entry.folder is None or state is None or state.started is None:
        return f"{status}: there are no images yet"
    if has_weights(entry):
        return ""
    if state.best is not None:
        return "the images come as soon as this epoch's weights are saved"
    if status in ENDED:
        return "it ended before its first epoch was complete: it has no weights to show images with"
    return f"the images come at the end of this epoch: batch {state.batch}{out_of(state.started.batches)} is done"


def has_weights(entry: Entry) -> bool:
    """Whether the best weights are saved; of a run that has ended, some may be in any case."""
    state = entry.state
    return state is not None and state.best is not None and (state.best_saved or entry.status in ENDED)


def best_epoch(entry: Entry | None) -> int | None:
    """The epoch of the run's best weights so far, by its events."""
    best = entry.state.best if entry is not None and entry.state is not None else None
    return None if best is None else best.epoch


def usual_split(entry: Entry) -> SplitName | None:
    """The images that are shown unasked; None for the test images, or what is recorded of a run that was not tested."""
    return None if entry.status in ENDED else "validation"


class ImageLoader:
    """Loads a run's images on a thread. Those that were loaded before are released when another run's are wanted."""

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        changed: Callable[[], None],
        with_consent: Callable[[Entry, Callable[[], None]], None],
    ) -> None:
        """Start without images.

        Args:
            workspace: Gives the workspace that reads the images; called on the thread.
            changed: Called within the event loop when there is something else to show.
            with_consent: Does what runs the code of a run's model, once the user has agreed to that.
        """
        self.loaded: PredictedImages | None = None
        self.version = 0
        """Changes with `loaded`: what is derived from it refers to it by this, without keeping it in memory."""
        self.progress = ""
        """The current step of the loading; empty while nothing is loaded."""
        self.error = ""
        """Why the loading failed."""
        self._workspace = workspace
        self._changed = changed
        self._with_consent = with_consent
        self._entry: Entry | None = None
        self._asked: SplitName | None = None
        """The images that a person has asked for; None for those that are shown unasked."""
        self._loading: SplitName | None = None
        """The images that are being loaded, or were last."""
        self._tried: int | None = None
        """The epoch of the best weights when they were."""
        self._job: Job[PredictedImages] | None = None

    @property
    def status(self) -> str:
        """Why nothing is loaded, or how far the loading is."""
        if why := why_no_images(self._entry) or self.error:
            return why
        return f"{self.progress} …" + (f" {OTHER}: stop" if self._loading == "test" else "")

    @property
    def newer_epoch(self) -> int | None:
        """The epoch of better weights than those that are loaded; None where there are none."""
        if self.loaded is None or self._entry is None or not has_weights(self._entry):
            return None
        best = best_epoch(self._entry)
        return None if best == self.loaded.predictions.epoch else best

    @property
    def is_tested_since(self) -> bool:
        """Whether the run was tested while its validation images are shown unasked."""
        return (
            self.loaded is not None
            and self.loaded.split == "validation"
            and self._asked is None
            and self._loading == "validation"
            and self._entry is not None
            and self._entry.status in ENDED
            and self._entry.state is not None
            and self._entry.state.test is not None
        )

    @property
    def subject(self) -> list[str]:
        """What is loaded, in parts: `validation images of epoch 3`, or `test images` and `weights of epoch 3`."""
        assert self.loaded is not None
        epoch = self.loaded.predictions.epoch
        if self.loaded.split == "validation":
            return [f"validation images of epoch {epoch}"]
        return ["test images", f"weights of epoch {epoch}"]

    @property
    def other(self) -> str:
        """What the key for the other images does now: `u: test images`."""
        assert self.loaded is not None
        if self.progress and self._loading == "test":
            return f"{OTHER}: stop"
        return f"{OTHER}: {'test' if self.loaded.split == 'validation' else 'validation'} images"

    def notice(self, key: str, look: Look) -> list[Part]:
        """A message beside the loaded images: that others are being loaded, or that `key` loads better ones."""
        if self.progress:
            return [(f"{self.progress} …", look.warning)]
        if self.error:
            return [(printable(self.error), look.warning)]
        if self.is_tested_since:
            return [(f"tested: press {key} for the test images", look.warning)]
        if self.newer_epoch is not None:
            return [(f"epoch {self.newer_epoch} is better: press {key}", look.warning)]
        return []

    def load(self, entry: Entry | None, *, again: bool = False) -> None:
        """Load this run's images unless they are loaded, or are being loaded, or failed to with these weights.

        Args:
            entry: The run; images of another one are released.
            again: Also where there are better weights since, and where it failed.
        """
        if entry is not self._entry:
            self.close()
            self._entry = entry
        if entry is None or self.progress or why_no_images(entry):
            return
        known, failed = self.loaded is not None, self.error and self._tried == best_epoch(entry)
        if (known or failed) and not (again and (self.error or self.is_tested_since or self.newer_epoch is not None)):
            return
        self._start(entry, self._asked or usual_split(entry))

    def renew(self, entry: Entry | None) -> None:
        """Load this run's images, with better weights where there are some and their predictions are recorded."""
        tested = entry is not None and entry.state is not None and entry.state.test is not None
        self.load(entry, again=not self.error and (self._asked != "test" or tested))

    def reload(self, entry: Entry | None) -> None:
        """Load this run's images again: with better weights where there are some, or where it failed."""

        def again() -> None:
            self.load(entry, again=True)
            self._changed()

        if entry is not None and self.error:
            # It may be that the code of its model is not to be run unasked.
            self._with_consent(entry, again)
        else:
            again()

    def switch(self, entry: Entry | None) -> None:
        """Load the test images in place of the validation images, or the other way round; end an evaluation."""
        if entry is None or entry is not self._entry or why_no_images(entry):
            return
        if self.progress:
            self._stop()
        elif self.loaded is not None:
            self.show(entry, "test" if self.loaded.split == "validation" else "validation")
        else:
            # What is not to be had may be the images that are shown unasked.
            self.show(entry, "test")

    def show(self, entry: Entry | None, split: SplitName) -> None:
        """Load these images of a run, unless they are loaded."""
        if entry is None or (entry is self._entry and self.loaded is not None and self.loaded.split == split):
            return
        if entry is not self._entry:
            self.load(None)
            self._entry = entry
        if why_no_images(entry):
            return

        def start() -> None:
            if entry is self._entry:
                self._stop()
                self._asked = split
                self._start(entry, split)
                self._changed()

        if split == "test" and self.error:
            self._with_consent(entry, start)
        else:
            start()

    def close(self) -> None:
        """Release the images, and end the loading."""
        if self._job is not None:
            self._job.close()
        self.loaded, self.progress, self.error, self._tried, self._entry = None, "", "", None, None
        self._asked = self._loading = None
        self.version += 1

    def _start(self, entry: Entry, split: SplitName | None) -> None:
        folder = entry.folder
        assert folder is not None
        self._tried, self.error, self.progress, self._loading = best_epoch(entry), "", "opening its images", split
        self._job = Job(
            lambda progress: self._workspace().run_images(folder, split, progress),
            _step,
            self._report,
            self._finish,
            self._fail,
        )

    def _stop(self) -> None:
        """End the loading; what was loaded before stays."""
        if self._job is not None:
            self._job.close()
        if self.progress:
            self.progress = ""
            self._asked = None if self.loaded is None else self.loaded.split
            self.error = "" if self.loaded is not None else f"stopped: {OTHER} shows the test images"
            self._changed()

    def _report(self, progress: str) -> None:
        self.progress = progress
        self._changed()

    def _finish(self, loaded: PredictedImages) -> None:
        self.loaded, self.progress = loaded, ""
        self.version += 1
        self._changed()

    def _fail(self, error: str) -> None:
        self.progress, self.error = "", error
        if self.loaded is None and self._loading == "validation":
            self.error = f"{error}; {OTHER} evaluates its test images, in the background at the lowest priority"
        self._changed()


def _step(what: str, done: int, total: int) -> str:
    """The progress in words: `evaluating the test images 30 %`."""
    return so_far("evaluating the test images" if what == "evaluating" else what, done, total)
