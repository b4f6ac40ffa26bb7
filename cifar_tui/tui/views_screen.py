"""What the keys of the views do: one is put on, left, drawn otherwise, and has the keyboard where it uses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime.steady import SteadyScreen

if TYPE_CHECKING:
    from cifar_tui.runs.prediction import PredictedFiles
    from cifar_tui.tui.views import Views


class ViewsScreen(SteadyScreen[None]):
    """A screen with views; what else stands on it is its heir's."""

    with_class: Callable[[Entry, Callable[[], None]], None]
    """Does what runs the class of a run's model, if need be once it was asked whether to."""

    @property
    def views(self) -> Views | None:
        """The views, once they are there."""
        raise NotImplementedError

    def draw_selected(self) -> None:
        """Draw all panels of the selected run."""
        raise NotImplementedError

    def draw_keys(self) -> None:
        """Name the keys that matter now."""
        raise NotImplementedError

    def find_class(self) -> None:
        """Put the keyboard where a class's name is typed."""
        raise NotImplementedError

    def hide_finder(self) -> bool:
        """Go from there to the matrix, where the cursor stays; whether it was there."""
        raise NotImplementedError

    def show_view(self, name: str) -> None:
        """Put another view on, and the cursor keys into it where it uses them.

        Images that were opened by hand are closed, and test images, or the confidence in them, that are on are renewed.
        """
        if self.views is None:
            return
        self.views.images.show_own()
        if name == self.views.shown == "images":
            self._reload(self.views.images.entry, self.views.images.reload, failed=self.views.images.loader.error)
        elif name == self.views.shown == "confidence":
            self._reload(
                self.views.confidence.entry, self.views.confidence.reload, failed=self.views.images.loader.error
            )
        self._put_on(self.views, name)

    def _reload(self, entry: Entry | None, reload: Callable[[], None], *, failed: str) -> None:
        if entry is not None and failed:
            # It may be that the class of its model is not to be run unasked.
            self.with_class(entry, reload)
        else:
            reload()

    def predict(
        self, entry: Entry, names: Sequence[str], done: Callable[[PredictedFiles], None], failed: Callable[[str], None]
    ) -> None:
        """Show what is on these image files in place of the test images; either is called with what came of it."""
        if self.views is not None:
            self.views.images.predict(entry, names, done, failed)
            self._put_on(self.views, "images")

    def _put_on(self, views: Views, name: str) -> None:
        self.hide_finder()
        self.set_class(name in ("images", "confidence"), "-images")
        views.show(name)
        self.set_focus(views.keyboard)
        # Once it stands, it knows what is under its cursor.
        self.call_after_refresh(self.draw_keys)

    def leave_view(self) -> None:
        """Go from the images to where they were opened, or take a cursor away."""
        if self.views is None:
            return
        if self.views.shown == "images":
            self.show_view(self.views.images.back)
        elif self.views.shown == "confidence":
            self.show_view("images")
        else:
            self.views.leave()

    def settle(self) -> None:
        """Take the keyboard from a view that has no use for it any more, and name the keys that act now."""
        if self.views is not None and self.focused is self.views.compare and self.views.keyboard is None:
            self.set_focus(None)
        self.draw_keys()

    def on_compare_panel_known(self) -> None:
        """There are cells to open now, or none."""
        self.settle()

    def action_switch(self) -> None:
        """Have the cursor keys move what the view shows, or select runs."""
        self.set_focus(self.views.keyboard if self.views is not None and self.focused is None else None)

    def action_show(self, view: str) -> None:
        """Another view."""
        self.show_view(view)

    def action_x_axis(self) -> None:
        """The next x axis."""
        if self.views is not None:
            self.views.charts.cycle_x_axis()
            self.draw_selected()

    def action_log_scale(self) -> None:
        """The loss on a logarithmic scale, or not."""
        if self.views is not None:
            self.views.charts.toggle_log()
            self.draw_selected()

    def action_smooth(self, step: int) -> None:
        """Smoother curves, or rougher ones."""
        if self.views is not None:
            self.views.charts.smooth(step)
            self.draw_selected()

    def action_zoom(self) -> None:
        """The next part of the x axis."""
        if self.views is not None:
            self.views.charts.zoom()
            self.draw_selected()

    def action_step(self, delta: int) -> None:
        """The charts' cursor, or the matrix's epoch."""
        if self.views is not None:
            self.views.step(delta)

    def action_percent(self) -> None:
        """The matrix in counts or in row percentages; the images that are wrong, right, or all."""
        if self.views is not None and self.views.shown == "images":
            self.views.images.next_kind()
        elif self.views is not None:
            self.views.confusion.toggle_percent()

    def action_find_class(self) -> None:
        """Type a part of a class's name, to go to it in the matrix."""
        if self.views is not None:
            self.show_view("confusion")
            self.find_class()

    def action_confused(self, step: int) -> None:
        """The pair of classes that is confused most often, or the next one."""
        if self.views is not None and self.views.shown == "confusion":
            self.views.confusion.go_to_confused(step)

    def action_open_cell(self) -> None:
        """The images of the matrix's or the comparison's cell; where images are on, the selected run's newest."""
        views = self.views
        if views is None:
            return
        if views.shown == "compare":
            album = views.compare.cell_images(views.images.draw)
            if album is not None:
                views.images.open_album(album)
                self._put_on(views, "images")
        elif views.shown == "confusion":
            if views.confusion.cell is not None:
                views.images.select(*views.confusion.cell)
            self.show_view("images")
        elif views.shown == "images" and views.images.back == "confusion":
            self.show_view("images")
