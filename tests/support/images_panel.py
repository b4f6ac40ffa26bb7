"""The images view of a run whose test images are loaded."""

from __future__ import annotations

from cifar_tui.runs.test_images import PredictedImages
from cifar_tui.tui.images.loader import ImageLoader
from cifar_tui.tui.images.panel import ImagesPanel
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from tests.support.panel_states import entry
from tests.support.predicted_images import predicted_images
from tests.support.recorded import recorded

LOADED = predicted_images()
FINISHED = entry(recorded(), under_way=False)


def no_session() -> None:
    """In place of a session that is not to be asked for anything."""
    raise AssertionError("nothing is loaded here")


def images_panel(
    loaded: PredictedImages | None = LOADED, chosen: Entry | None = FINISHED, look: Look | None = None
) -> ImagesPanel:
    """A panel that shows this run, with these images loaded."""
    loader = ImageLoader(no_session, lambda: None)  # type: ignore[arg-type]
    made = ImagesPanel(no_session, loader)  # type: ignore[arg-type]
    made.entry, made.look = chosen, look or Look()
    loader.loaded = loaded
    loader._entry = chosen
    return made
